"""Provenance maps in shards: a map and its record, byte for byte as the data set has them."""

from collections.abc import Iterator

from mass13k_tools.arrays import LabelMap
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels
from mass13k_tools.provenance import Record, decode_record, provenance_faults
from mass13k_tools.shards.encoded import PROVENANCE, PROVENANCE_RECORD, SourceFiles
from mass13k_tools.shards.shard_sample import ShardSample, read_member


def check_provenance(files: SourceFiles, label_map: LabelMap) -> None:
    """Make sure that a provenance map belongs to the label map that it goes with.

    Args:
        files: Of the sample; it may have none.
        label_map: Class ids, shape (H, W), uint8.

    Raises:
        DatasetError: It does not, or cannot be read.
    """
    if files.provenance is None:
        return
    name = files.label_name
    provenance = decode_raw_labels(files.provenance.map, name).values
    record = decode_record(files.provenance.record, name)
    for found, expected in provenance_faults(provenance, label_map, record):
        raise DatasetError(f"the provenance map of '{name}' has {found}, expected {expected}")


def read_shard_provenance(sample: ShardSample) -> tuple[LabelMap, Record]:
    """Read the provenance map of a sample, shape (H, W), uint8, and its record.

    Raises:
        DatasetError: It has none, or one of the two cannot be read.
    """
    content = read_member(sample, PROVENANCE)
    record = read_member(sample, PROVENANCE_RECORD)
    return (
        decode_raw_labels(content, sample.name(PROVENANCE)).values,
        decode_record(record, sample.name(PROVENANCE_RECORD)),
    )


def shard_provenance_faults(sample: ShardSample, label_map: LabelMap) -> Iterator[tuple[str, str]]:
    """Compare the provenance map of a sample, if it has one, with record and label map.

    Yields:
        What was found and what was expected.
    """
    if PROVENANCE not in sample.members and PROVENANCE_RECORD not in sample.members:
        return
    try:
        provenance, record = read_shard_provenance(sample)
    except DatasetError as error:
        yield str(error), ""
        return
    yield from provenance_faults(provenance, label_map, record)
