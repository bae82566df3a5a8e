"""Merges the masks of one photo into its label map, and writes what comes out."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mass13k_tools.arrays import LabelMap, size_text
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import png_bytes
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.claims import Claim, MergeRules
from mass13k_tools.ops.merge import merge_claims
from mass13k_tools.provenance import Record, counted, provenance_faults, read_provenance
from mass13k_tools.pseudo.choosing import MergeSettings, choose
from mass13k_tools.pseudo.masks import ImageMasks
from mass13k_tools.pseudo.merged_files import (
    LabelFile,
    Target,
    finished,
    merged_paths,
    place_photo,
    read_label_file,
    write_merged,
)
from mass13k_tools.pseudo.new_classes import claimable_ids, pseudo_ids
from mass13k_tools.pseudo.numbering import merge_counts, numbered
from mass13k_tools.pseudo.stored import masks_path, read_masks

VERSION = 1  # raise it when the same masks and settings give other files


@dataclass(frozen=True)
class MergeJob:
    """What is the same for all samples."""

    masks: Path
    """Folder of SPLIT/KEY.masks.json."""
    settings: MergeSettings
    before: Taxonomy
    """Of the data set."""
    after: Taxonomy
    """With the new classes."""
    target: Target

    rules: MergeRules
    """What claims may take."""


def merge_job(
    masks: Path,
    settings: MergeSettings,
    *,
    before: Taxonomy,
    after: Taxonomy,
    target: Target,
) -> MergeJob:
    """Check a merge before any file is read; see :class:`MergeJob` for the arguments.

    Raises:
        DatasetError: There is nothing that the new classes could be taken out of.
    """
    rules = MergeRules(
        over=claimable_ids(before, settings.over),
        pseudo=pseudo_ids(after),
        ignore_conflict=settings.policy == "ignore-conflict",
        ignore_band_px=settings.ignore_band_px,
    )
    return MergeJob(masks, settings, before, after, target, rules)


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What became of a sample."""

    record: Record
    known: bool
    """It was there already."""


def merge_sample(sample: Sample, *, job: MergeJob) -> MergeResult:
    """Write a merged sample, unless it is there and made from the same.

    Args:
        sample: Of the data set; without masks it is taken over as it is.
        job: What is merged, how and where to.

    Raises:
        DatasetError: A file cannot be read or does not belong to the sample, or other files are in
            the way.
    """
    paths = merged_paths(sample, job.target.out)
    file = read_label_file(sample, job.before)
    old = read_provenance(sample) if sample.provenance_path else None
    found = _find_masks(sample, file.label_map, job)
    made_from = _made_from(file, old[1] if old else None, found, job)
    known, damaged = finished(paths, made_from)
    if known is not None:
        if not job.target.dry_run:
            place_photo(sample.image_path, paths.image, job.target)
        return MergeResult(known, True)
    label_map, provenance, record = _merged(sample, file.label_map, old, found, job)
    if not job.target.dry_run:
        place_photo(sample.image_path, paths.image, job.target)
        write_merged(
            paths,
            file.as_png(label_map),
            png_bytes(provenance),
            replace(record, made_from=made_from),
            overwrite=job.target.overwrite or damaged,
        )
    return MergeResult(record, False)


@dataclass(frozen=True, slots=True)
class _Found:
    """The masks of a photo."""

    masks: ImageMasks
    sha256: str


def _find_masks(sample: Sample, label_map: LabelMap, job: MergeJob) -> _Found | None:
    path = masks_path(job.masks, sample)
    if not path.exists():
        return None
    content = read_bytes(path, kind="masks")
    masks = read_masks(path)
    if masks.key != sample.key:
        raise DatasetError(f"masks '{path}' are of '{masks.key}', expected '{sample.key}'")
    if masks.size_hw != label_map.shape:
        raise DatasetError(
            f"masks '{path}' are of a photo of {size_text(masks.size_hw)}, but label map "
            f"'{sample.label_path}' is {size_text(label_map.shape)}; make them for this photo"
        )
    return _Found(masks, hashlib.sha256(content).hexdigest())


def _made_from(file: LabelFile, old: Record | None, found: _Found | None, job: MergeJob) -> str:
    """Hash all that the files of a sample depend on."""
    table = [
        VERSION,
        file.sha256,
        hashlib.sha256(old.content()).hexdigest() if old else None,
        found.sha256 if found else None,
        job.settings.described(),
        job.before.lookup,
        job.after.names,
    ]
    return hashlib.sha256(json.dumps(table).encode()).hexdigest()


def _merged(
    sample: Sample,
    label_map: LabelMap,
    old: tuple[LabelMap, Record] | None,
    found: _Found | None,
    job: MergeJob,
) -> tuple[LabelMap, LabelMap, Record]:
    """Give label map, provenance map and record as they will be."""
    height, width = label_map.shape
    if old is None:
        provenance = np.zeros_like(label_map)
        record = Record(sample.key, sample.split, (height, width), ())
    else:
        provenance, record = old
        for fault, expected in provenance_faults(provenance, label_map, record):
            where = f"'{sample.provenance_path}'"
            raise DatasetError(f"provenance map {where} has {fault}, expected {expected}")
        record = replace(record, key=sample.key, split=sample.split)
    if found is None or _is_merged(record, found, job.settings):
        return label_map, provenance, record
    choice = choose(found.masks.masks, job.settings)
    ids = {row.name: row.id for row in job.after.classes}
    claims = [Claim(wanted.mask, ids[wanted.name]) for wanted in choice.wanted]
    merged = merge_claims(label_map, claims, job.rules, locked=provenance > 0)
    provenance, sources = numbered(provenance, record.sources, merged, choice, label_map, ids)
    about = {"sha256": found.sha256, "count": len(found.masks.masks)}
    row: dict[str, Any] = {"settings": job.settings.described(), "masks": about}
    record = replace(
        record,
        sources=tuple(counted(sources, provenance, merged.label_map)),
        merges=(*record.merges, row | merge_counts(choice, merged, job.settings.classes)),
    )
    return merged.label_map, provenance, record


def _is_merged(record: Record, found: _Found, settings: MergeSettings) -> bool:
    """Tell whether the same masks were merged in the same way, and not undone since."""
    return any(
        row.get("settings") == settings.described()
        and row.get("masks", {}).get("sha256") == found.sha256
        and not row.get("undone")
        for row in record.merges
    )
