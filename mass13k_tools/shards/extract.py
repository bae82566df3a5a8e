"""Writes samples of shards as files in MaSS13K's layout."""

from pathlib import Path

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import PROVENANCE as PROVENANCE_FOLDER
from mass13k_tools.outputs import write_files
from mass13k_tools.provenance import record_path
from mass13k_tools.shards.encoded import JPEG, PNG, PROVENANCE, PROVENANCE_RECORD
from mass13k_tools.shards.plan import check_name
from mass13k_tools.shards.shard_files import ListedShard, expected_members, read_manifest
from mass13k_tools.shards.shard_sample import ShardSample, read_member
from mass13k_tools.shards.tar_reader import scan_tar
from mass13k_tools.shards.verify import compare_members


def check_extractable(sample: ShardSample) -> None:
    """Make sure that a sample has both files, and names that stay in the folder.

    Raises:
        DatasetError: It has not.
    """
    check_name(sample.split, "split")
    check_name(sample.key, "key")
    sample.span(sample.image_ending)
    sample.span(sample.label_ending)


def check_shard(shard: ListedShard) -> None:
    """Compare the headers of a tar with its manifest, so that nothing strange is written.

    Raises:
        DatasetError: They differ, or the tar is damaged or refused.
    """
    found, expected = scan_tar(shard.tar), expected_members(read_manifest(shard))
    for finding in compare_members(found, expected, shard.entry.file):
        raise DatasetError(f"{finding.text()}; 'mass13k shards verify' lists all that is wrong")


def extracted_paths(sample: ShardSample, out: Path) -> tuple[Path, Path]:
    """Name the files of image and label map.

    Args:
        sample: That is to be extracted.
        out: Root of the data set.
    """
    suffix = PNG if sample.image_ending == PNG else JPEG
    return (
        out / "images" / sample.split / f"{sample.key}.{suffix}",
        out / "annotations" / sample.split / f"{sample.key}.png",
    )


def extract_sample(sample: ShardSample, *, out: Path, overwrite: bool) -> int:
    """Write image, label map and provenance of a sample, byte for byte as the shard has them.

    Args:
        sample: From the shard.
        out: Root of the data set.
        overwrite: Replace files that are there with other bytes.

    Returns:
        Bytes of all.

    Raises:
        DatasetError: They cannot be read or written, or other files are there.
    """
    image_path, label_path = extracted_paths(sample, out)
    contents = {
        image_path: read_member(sample, sample.image_ending),
        label_path: read_member(sample, sample.label_ending),
    }
    if PROVENANCE in sample.members:
        path = out / PROVENANCE_FOLDER / sample.split / f"{sample.key}.png"
        contents[path] = read_member(sample, PROVENANCE)
        contents[record_path(path)] = read_member(sample, PROVENANCE_RECORD)
    write_files(contents, overwrite=overwrite)
    return sum(map(len, contents.values()))
