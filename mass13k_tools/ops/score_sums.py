"""Counts of a pair of label maps that the official scores follow from; see ``ops.scores``."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import hypot

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import (
    IGNORE,
    Counts,
    LabelMap,
    Mask,
    check_class_ids,
    check_pair,
)
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.bands import band_width, bands
from mass13k_tools.ops.boundary_f1 import f1_scores, match_boundaries
from mass13k_tools.ops.compiled import compiled

PROTOCOL = "mass13k/1"
BAND_RATIO = 0.001  # of the diagonal
# Name of a boundary F1 tolerance -> pixels, or share of the diagonal
TOLERANCES_PX = {"1": 1.0, "2": 2.0, "3": 3.0, "5": 5.0}
TOLERANCE_SHARES = {"0.1%": 0.001}
TOLERANCES = (*TOLERANCES_PX, *TOLERANCE_SHARES)


@dataclass(frozen=True, eq=False)
class Sums:
    """Plain arrays that add up with ``+`` over images, processes and ranks.

    K classes in the order asked for, R band ratios, T tolerances. All int64 but ``f1``.
    """

    truth: Counts
    """Labelled pixels of each class, shape (K,)."""
    predicted: Counts
    """Pixels predicted as each class where the truth is labelled, shape (K,)."""
    shared: Counts
    """Pixels of each class in both, shape (K,)."""
    band_truth: Counts
    """Pixels in the bands of the truth, shape (R, K)."""
    band_predicted: Counts
    """Pixels in the bands of the prediction, shape (R, K)."""
    band_shared: Counts
    """Pixels in both bands of a class, shape (R, K)."""
    boundary_truth: Counts
    """Boundary pixels of the truth, shape (K,)."""
    boundary_predicted: Counts
    """Boundary pixels of the prediction, shape (K,)."""
    near_truth: Counts
    """Those of the truth that the prediction comes near to, shape (T, K)."""
    near_predicted: Counts
    """Those of the prediction that lie near the truth, shape (T, K)."""
    f1: NDArray[np.float64]
    """Boundary F1 of every image added up, shape (T, K), float64."""
    f1_images: Counts
    """Images with a boundary of the class in the truth, shape (K,)."""

    def __add__(self, other: "Sums") -> "Sums":
        if self.band_truth.shape != other.band_truth.shape:
            raise DatasetError(
                f"sums of {self.band_truth.shape} and {other.band_truth.shape} band ratios and "
                "classes do not add up"
            )
        return Sums(*(getattr(self, row.name) + getattr(other, row.name) for row in fields(Sums)))


def pair_sums(
    prediction: LabelMap,
    truth: LabelMap,
    class_ids: Sequence[int],
    *,
    band_ratios: Sequence[float] = (BAND_RATIO,),
    counts: Counts | None = None,
) -> Sums:
    """Count everything that the scores of a prediction are made of.

    Args:
        prediction: Class ids, shape (H, W), uint8, 255 = no class.
        truth: Class ids, shape (H, W), uint8, 255 = ignore.
        class_ids: The K classes, in the order of the sums; each once, 0..254.
        band_ratios: Widths of BIoU bands as shares of the diagonal.
        counts: ``confusion`` of the two where it is known already.

    Raises:
        DatasetError: The sizes differ, or a map holds a value that is no class.

    Example:
        >>> truth = np.array([[0, 0, 1, 1]], dtype=np.uint8)
        >>> prediction = np.array([[0, 1, 1, 1]], dtype=np.uint8)
        >>> pair_sums(prediction, truth, [0, 1]).shared
        array([1, 2])
    """
    prediction, truth = check_pair(prediction, truth)
    ids = list(class_ids)
    if counts is None:
        counts = confusion(prediction, truth)
    _check_classes(counts.sum(axis=0), ids, "prediction")
    _check_classes(counts.sum(axis=1), ids, "truth")
    regions = counts[ids]
    band_truth, band_predicted, band_shared = np.stack(
        [_band_counts(prediction, truth, ratio)[:, ids] for ratio in band_ratios], axis=1
    )
    # Where the truth is not known, no boundary of the prediction is right or wrong
    known = np.where(truth == IGNORE, truth, prediction)
    tolerances = tolerances_px(truth.shape)
    of_truth, of_prediction = match_boundaries(truth, known, tolerances_px=tolerances)
    f1 = f1_scores(of_truth, of_prediction)[:, ids]
    has_class = of_truth.boundary[ids] > 0
    return Sums(
        truth=regions.sum(axis=1),
        predicted=regions[:, ids].sum(axis=0),
        shared=regions[:, ids].diagonal().copy(),
        band_truth=band_truth,
        band_predicted=band_predicted,
        band_shared=band_shared,
        boundary_truth=of_truth.boundary[ids],
        boundary_predicted=of_prediction.boundary[ids],
        near_truth=of_truth.near[:, ids],
        near_predicted=of_prediction.near[:, ids],
        f1=np.where(has_class, f1, 0.0),
        f1_images=has_class.astype(np.int64),
    )


def _check_classes(pixels: Counts, class_ids: Sequence[int], name: str) -> None:
    """Refuse a map, counted by value, that holds something else than classes and ignore."""
    check_class_ids(class_ids)
    unknown = pixels.copy()
    unknown[[*class_ids, IGNORE]] = 0
    if unknown.any():
        known = ", ".join(map(str, class_ids))
        raise DatasetError(
            f"{name} holds {unknown.argmax()}, expected one of {known} or {IGNORE}; translate its "
            "values to class ids"
        )


def tolerances_px(size_hw: tuple[int, ...]) -> list[float]:
    """Give the boundary F1 tolerances for an image, in pixels, in the order of ``TOLERANCES``.

    Example:
        >>> tolerances_px((3072, 4096))
        [1.0, 2.0, 3.0, 5.0, 5.12]
    """
    diagonal = hypot(*size_hw[:2])
    shares = (share * diagonal for share in TOLERANCE_SHARES.values())
    return [*TOLERANCES_PX.values(), *shares]


def tolerance_text(name: str) -> str:
    """Write the name of a tolerance for people.

    Example:
        >>> tolerance_text("5"), tolerance_text("0.1%")
        ('5 px', '0.1%')
    """
    return f"{name} px" if name in TOLERANCES_PX else name


def confusion(prediction: LabelMap, truth: LabelMap) -> Counts:
    """Count the pixels of every pair of labels.

    Args:
        prediction: Shape (H, W), uint8.
        truth: Shape (H, W), uint8.

    Returns:
        Shape (256, 256), int64: rows by label in the truth, columns by label in the prediction.

    Raises:
        DatasetError: The sizes differ.
    """
    return _count_labels(*check_pair(prediction, truth))


@compiled
def _count_labels(prediction: LabelMap, truth: LabelMap) -> Counts:
    counts = np.zeros((2, 256, 256), dtype=np.int64)  # two, so that no count waits for the last
    for y in range(truth.shape[0]):
        for x in range(truth.shape[1]):
            counts[x & 1, truth[y, x], prediction[y, x]] += 1
    return np.asarray(counts[0] + counts[1])


def _band_counts(prediction: LabelMap, truth: LabelMap, ratio: float) -> Counts:
    """Count band pixels by class id, shape (3, 256): of the truth, of the prediction, of both."""
    width = band_width(truth.shape, ratio)
    of_truth, of_prediction = bands(truth, width_px=width), bands(prediction, width_px=width)
    return _count_bands(prediction, truth, of_prediction, of_truth)


@compiled
def _count_bands(
    prediction: LabelMap, truth: LabelMap, of_prediction: Mask, of_truth: Mask
) -> Counts:
    counts = np.zeros((3, 256), dtype=np.int64)
    for y in range(truth.shape[0]):
        for x in range(truth.shape[1]):
            if of_truth[y, x] | of_prediction[y, x]:
                here, there = truth[y, x], prediction[y, x]
                counts[0, here] += of_truth[y, x]
                counts[1, there] += of_prediction[y, x]
                counts[2, here] += (here == there) & of_truth[y, x] & of_prediction[y, x]
    return counts
