"""Reads back the scores.json that ``mass13k evaluate --out`` wrote; takes nothing on trust."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from mass13k_tools.arrays import IGNORE
from mass13k_tools.classes import SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.evaluation.json_field import Field, parse_json, shown
from mass13k_tools.evaluation.scored_set import ScoredImage, ScoredSet, protocol_sums
from mass13k_tools.inputs import read_bytes
from mass13k_tools.ops.boundary_f1 import Matches, f1_scores
from mass13k_tools.ops.score_sums import (
    BAND_RATIO,
    PROTOCOL,
    TOLERANCES,
    Sums,
    tolerances_px,
)

MOST_PIXELS = 2**31  # of an image: the sums of millions of such stay exact as float64
# Axes of every array: K classes, R band ratios, T tolerances
AXES = {
    "truth": "K",
    "predicted": "K",
    "shared": "K",
    "band_truth": "RK",
    "band_predicted": "RK",
    "band_shared": "RK",
    "boundary_truth": "K",
    "boundary_predicted": "K",
    "near_truth": "TK",
    "near_predicted": "TK",
    "f1": "TK",
    "f1_images": "K",
}
# Which array is never more than which other
PARTS = (
    ("shared", "truth"),
    ("shared", "predicted"),
    ("band_truth", "truth"),
    ("band_shared", "band_truth"),
    ("band_shared", "band_predicted"),
    ("boundary_truth", "truth"),
    ("boundary_predicted", "predicted"),
    ("near_truth", "boundary_truth"),
    ("near_predicted", "boundary_predicted"),
    ("f1", "f1_images"),
)


def read_scores(path: Path) -> ScoredSet:
    """Read the sums of every image from scores.json.

    Args:
        path: A file that ``mass13k evaluate --out`` wrote.

    Returns:
        Images in the file's order; the name is the path as given.

    Raises:
        DatasetError: The file is missing, is no such file, is of another protocol, or holds what no
            evaluation gives; the message names the file and the field.
    """
    stored = read_bytes(path, kind="scores")
    try:
        content = parse_json(stored)
        _check_protocol(content)
        taxonomy = _taxonomy(content)
        images = tuple(_images(content, len(taxonomy.ids)))
    except DatasetError as error:
        hint = "expected what 'mass13k evaluate --out' writes"
        raise DatasetError(f"scores '{path}': {error}; {hint}") from error
    return ScoredSet(str(path), taxonomy, images)


def _check_protocol(content: Field) -> None:
    protocol = content["protocol"].text()
    if protocol != PROTOCOL:
        raise DatasetError(
            f"protocol is {shown(protocol)}, which does not compare with '{PROTOCOL}'"
        )
    if content["biou_ratio"].value != BAND_RATIO:
        raise content["biou_ratio"].unlike(f"{BAND_RATIO}, the protocol's")


def _taxonomy(content: Field) -> Taxonomy:
    rows = (
        SemanticClass(row["id"].whole(0, IGNORE - 1), row["name"].text())
        for row in content["classes"].items()
    )
    return Taxonomy(content["taxonomy"].text(), tuple(rows))


def _images(content: Field, classes: int) -> list[ScoredImage]:
    ratios = 1 + len(content["biou_at"].items())
    lengths = {"K": classes, "R": ratios, "T": len(TOLERANCES)}
    rows = content["per_image"].items()
    stated = content["images"]
    if stated.value != len(rows) or not rows:
        raise stated.unlike(f"the {len(rows)} of per_image, at least 1")
    images = [_image(row, lengths) for row in rows]
    names = Counter(f"{image.split}/{image.key}" for image in images)
    name, times = names.most_common(1)[0]
    if times > 1:
        raise DatasetError(f"per_image has {shown(name)} twice")
    return images


def _image(row: Field, lengths: dict[str, int]) -> ScoredImage:
    height, width = (row[side].whole(1, MOST_PIXELS) for side in ("height", "width"))
    if height * width > MOST_PIXELS:
        raise row["width"].unlike(f"at most {MOST_PIXELS // height} with height {height}")
    sums = _sums(row["sums"], lengths, height * width)
    _check_boundaries(sums, (height, width), row["sums"].place)
    return ScoredImage(row["key"].text(), row["split"].text(), (height, width), sums)


def _sums(table: Field, lengths: dict[str, int], pixels: int) -> Sums:
    """Read all arrays of an image, and refuse what no pair of label maps gives."""
    arrays: dict[str, Any] = {}
    for name, axes in AXES.items():
        shape = tuple(lengths[axis] for axis in axes)
        field = table[name]
        arrays[name] = field.fractions(shape) if name == "f1" else field.counts(shape, pixels)
    for part, whole in PARTS:
        if (arrays[part] > arrays[whole]).any():
            raise DatasetError(f"{table.place}.{part} is more than {whole} for some class")
    if ((arrays["boundary_truth"] > 0) != arrays["f1_images"]).any():
        raise DatasetError(f"{table.place}.f1_images is not 1 just where boundary_truth is not 0")
    limits = {"truth": pixels, "predicted": int(arrays["truth"].sum())}
    limits |= {"band_truth": pixels, "band_predicted": pixels}
    for name, most in limits.items():
        in_all = int(arrays[name].sum(axis=-1).max())
        if in_all > most:
            raise DatasetError(f"{table.place}.{name} is {in_all} in all, not <= {most}")
    return protocol_sums(Sums(**arrays))


def _check_boundaries(sums: Sums, size_hw: tuple[int, int], place: str) -> None:
    """Refuse boundary counts that do not agree with each other."""
    by_tolerance = np.argsort(tolerances_px(size_hw), kind="stable")
    for name in ("near_truth", "near_predicted"):
        if (np.diff(getattr(sums, name)[by_tolerance], axis=0) < 0).any():
            raise DatasetError(f"{place}.{name} falls with a wider tolerance for some class")
    if ((sums.near_truth > 0) != (sums.near_predicted > 0)).any():
        raise DatasetError(f"{place}: near_truth and near_predicted are not 0 together")
    f1 = f1_scores(
        Matches(sums.boundary_truth, sums.near_truth),
        Matches(sums.boundary_predicted, sums.near_predicted),
    )
    if not np.allclose(sums.f1, np.where(sums.f1_images, f1, 0.0), rtol=0, atol=1e-9):
        raise DatasetError(f"{place}.f1 does not follow from the boundaries for some class")
