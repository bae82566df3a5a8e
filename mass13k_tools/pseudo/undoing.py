"""Takes merged classes out of a label map again: every pixel gets the value that it had before."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import png_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.merge import unmerged
from mass13k_tools.outputs import write_file
from mass13k_tools.provenance import Record, provenance_faults, read_provenance
from mass13k_tools.pseudo.merged_files import (
    Target,
    finished,
    merged_paths,
    place_photo,
    read_label_file,
    write_merged,
)

VERSION = 1  # raise it when the same files give others


@dataclass(frozen=True)
class UndoJob:
    """What is the same for all samples."""

    classes: tuple[str, ...]
    """Whose pixels become what they were."""
    taxonomy: Taxonomy
    """Of the merged data set."""
    target: Target
    keep_provenance: bool
    """Other merged classes stay, and their provenance with them."""


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What became of a sample."""

    record: Record
    restored: int
    """Pixels that have their value of before again."""


def remaining_classes(taxonomy: Taxonomy, classes: Sequence[str]) -> list[str]:
    """Name the classes of pseudo-labels that are left after some are undone.

    Raises:
        DatasetError: One of those to undo is no class of pseudo-labels.
    """
    pseudo = [row.name for row in taxonomy.classes if row.quality == "pseudo"]
    for name in classes:
        if name not in pseudo:
            known = ", ".join(pseudo) or "none"
            raise DatasetError(f"'{name}' is no merged class; of pseudo-labels there are: {known}")
    return [name for name in pseudo if name not in classes]


def undo_sample(sample: Sample, *, job: UndoJob) -> UndoResult:
    """Write a sample as it was without some classes.

    Args:
        sample: Of a data set that was merged.
        job: Which classes, and where to.

    Raises:
        DatasetError: A file cannot be read, map and record do not fit each other, pixels of the
            class have no source that says what they were, or other files are in the way.
    """
    paths = merged_paths(sample, job.target.out)
    file = read_label_file(sample, job.taxonomy)
    provenance, record = read_provenance(sample)
    for found, expected in provenance_faults(provenance, file.label_map, record):
        where = f"'{sample.provenance_path}'"
        raise DatasetError(f"provenance map {where} has {found}, expected {expected}")
    was = {one.number: one.was for one in record.sources if one.name in job.classes}
    label_map = unmerged(file.label_map, provenance, was)
    _check_gone(sample, label_map, job)
    undone = np.isin(provenance, [*was])
    kept = _without(record, job.classes)
    result = UndoResult(kept, int(np.count_nonzero(undone)))
    if job.target.dry_run:
        return result
    place_photo(sample.image_path, paths.image, job.target)
    content = file.as_png(label_map)
    if not job.keep_provenance:
        write_file(paths.label, content, overwrite=job.target.overwrite)
        return result
    digest = hashlib.sha256(f"undo {VERSION} {file.sha256} ".encode() + record.content())
    digest.update(repr(job.classes).encode())
    kept = replace(kept, made_from=digest.hexdigest())
    _, damaged = finished(paths, kept.made_from)
    provenance = np.where(undone, np.uint8(0), provenance)
    overwrite = job.target.overwrite or damaged
    write_merged(paths, content, png_bytes(provenance), kept, overwrite=overwrite)
    return result


def _check_gone(sample: Sample, label_map: np.ndarray[Any, Any], job: UndoJob) -> None:
    ids = [row.id for row in job.taxonomy.classes if row.name in job.classes]
    left = int(np.isin(label_map, ids).sum())
    if left:
        raise DatasetError(
            f"label map '{sample.label_path}' has {left} px of {', '.join(job.classes)} that no "
            "source of its provenance map wrote: nobody knows what they were"
        )


def _without(record: Record, classes: Sequence[str]) -> Record:
    """Take classes out of a record; a merge of several classes stays for the others."""
    merges = []
    for row in record.merges:
        pixels = {name: counts for name, counts in row["pixels"].items() if name not in classes}
        gone = sorted({*row["pixels"]} - {*pixels} | {*row.get("undone", ())})
        if pixels:
            merges.append({**row, "pixels": pixels, **({"undone": gone} if gone else {})})
    sources = tuple(one for one in record.sources if one.name not in classes)
    return replace(record, sources=sources, merges=tuple(merges))
