"""What is checked before a data set is merged or undone, and what is written around its samples."""

from collections.abc import Sequence
from pathlib import Path

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import CLASSES, Dataset, Sample
from mass13k_tools.outputs import refuse_own_files, write_file
from mass13k_tools.provenance import Record
from mass13k_tools.pseudo.merge_report import REPORT, report_bytes
from mass13k_tools.pseudo.merged_files import Target, all_paths
from mass13k_tools.pseudo.stored import check_apart, masks_path
from mass13k_tools.taxonomy_file import taxonomy_toml

PARTIALS = f".{'[a-z0-9_]' * 8}.part"  # names under which files are written before they are whole


def check_target(dataset: Dataset, out: Path) -> None:
    """Make sure that nothing is written into the data set that is read.

    Raises:
        DatasetError: It would be.
    """
    check_apart(dataset, out)
    labels = [path for path in all_paths(dataset.samples, out) if path.parts[-3] != "images"]
    refuse_own_files([*labels, out / CLASSES], dataset.files)


def unused_masks(samples: Sequence[Sample], folder: Path) -> list[Path]:
    """Find masks that belong to none of the samples, in folders of their splits.

    Args:
        samples: That are going to be merged.
        folder: With the masks.

    Raises:
        DatasetError: It holds no masks of any sample.
    """
    known = {masks_path(folder, sample) for sample in samples}
    if not any(path.exists() for path in known):
        wanted = masks_path(folder, samples[0])
        raise DatasetError(
            f"no masks of any sample in '{folder}', expected such as '{wanted}'; results of SAM, "
            "Grounded-SAM and others become masks by 'mass13k pseudo import'"
        )
    there = {
        path for split in {path.parent for path in known} for path in split.glob("*.masks.json")
    }
    return sorted(there - known)


def remove_partials(samples: Sequence[Sample], target: Target) -> None:
    """Remove what killed runs left behind in the folders of the new data set: unfinished files.

    Args:
        samples: That are going to be written.
        target: Where they go.
    """
    if target.dry_run:
        return
    for folder in {target.out, *(path.parent for path in all_paths(samples, target.out))}:
        for path in folder.glob(PARTIALS):
            path.unlink(missing_ok=True)


def write_classes(taxonomy: Taxonomy, target: Target) -> None:
    """Write the taxonomy that readers of the new data set find.

    Raises:
        DatasetError: Another one is there and may not be overwritten.
    """
    if not target.dry_run:
        content = taxonomy_toml(taxonomy).encode()
        write_file(target.out / CLASSES, content, overwrite=target.overwrite)


def write_report(records: Sequence[Record], taxonomy: Taxonomy, target: Target) -> None:
    """Write the report, once all samples are there.

    It follows from the records, which were written or found to be the same, so that one that is
    there is ours and out of date.
    """
    if not target.dry_run:
        write_file(target.out / REPORT, report_bytes(records, taxonomy), overwrite=True)
