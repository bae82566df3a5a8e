"""Boundary F1: how many boundary pixels of one label map lie near those of another.

The boundary of a class is its pixels that touch a pixel of another class, by a side or a corner:
the mask minus its erosion by a 3x3 square, except that neither the image frame nor ignore pixels
make a boundary. Distances are Euclidean, between pixel centres. Only distances up to the largest
tolerance are of interest, so the pixels around are looked at, nearest first, instead of a distance
transform of the whole image.
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, check_pair
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.bands import class_bands
from mass13k_tools.ops.compiled import compiled


class Matches(NamedTuple):
    """Boundary pixels of K classes, and how many lie near the other map's boundary of the class."""

    boundary: Counts
    """Boundary pixels, shape (K,), int64; K = 256, by class id, as counted."""
    near: Counts
    """Those within each tolerance, shape (T, K), int64."""


def match_boundaries(
    label_map: LabelMap, other: LabelMap, *, tolerances_px: Sequence[float]
) -> tuple[Matches, Matches]:
    """Match the boundaries of two label maps with each other, class by class.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        other: Another of the same shape.
        tolerances_px: Distances in pixels that still match, T of them, 0 or more.

    Returns:
        Boundary pixels of ``label_map`` near those of ``other``, and the reverse.

    Raises:
        DatasetError: The sizes differ, or a tolerance is no distance.

    Example:
        >>> one = np.array([[0, 0, 1, 1, 1, 1]], dtype=np.uint8)
        >>> two = np.array([[0, 0, 0, 0, 1, 1]], dtype=np.uint8)
        >>> match_boundaries(one, two, tolerances_px=(1, 2))[0].near[:, 1]
        array([0, 1])
    """
    other, label_map = check_pair(other, label_map)
    if not tolerances_px or not all(0 <= tolerance < inf for tolerance in tolerances_px):
        raise DatasetError(f"tolerances of {[*tolerances_px]} px, expected at least one, 0 or more")
    reach = int(max(tolerances_px))
    rows, columns, squares = _disc(max(tolerances_px))
    one, two = _boundary(label_map, reach), _boundary(other, reach)
    offsets = rows * one.shape[1] + columns
    distinct, numbers = np.unique(squares, return_inverse=True)
    # Pixels at every distance, cumulated up to the last distance within each tolerance
    last = np.searchsorted(distinct, np.square(tolerances_px), side="right") - 1
    matches = []
    for here, there in ((one, two), (two, one)):
        found = _nearest(here.ravel(), there.ravel(), offsets, numbers, distinct.size)
        matches.append(Matches(found.sum(axis=1), found.cumsum(axis=1).T[last]))
    return matches[0], matches[1]


def f1_scores(truth: Matches, prediction: Matches) -> NDArray[np.float64]:
    """Put precision P and recall R together: F1 = 2 P R / (P + R).

    Args:
        truth: Boundary pixels of the truth, and those near the prediction's.
        prediction: Boundary pixels of the prediction, and those near the truth's.

    Returns:
        By tolerance and class like ``near``, float64, 0..1: nan where neither has a boundary, 0
        where only one has.
    """
    # With P = n / b and R = m / a this is 2 n m / (n a + m b): no division by 0 inside
    precise, recalled = prediction.near * 1.0, truth.near * 1.0
    below = precise * truth.boundary + recalled * prediction.boundary
    undefined = np.where(truth.boundary + prediction.boundary > 0, 0.0, np.nan)
    f1 = np.broadcast_to(undefined, below.shape).copy()
    np.divide(2 * precise * recalled, below, out=f1, where=below > 0)
    return f1


def _boundary(label_map: LabelMap, margin_px: int) -> LabelMap:
    """Keep the ids of boundary pixels, ignore elsewhere, with a margin to look into."""
    boundary = np.where(class_bands(label_map, width_px=1), label_map, np.uint8(IGNORE))
    sides = (margin_px, margin_px, margin_px, margin_px)
    framed = cv2.copyMakeBorder(boundary, *sides, cv2.BORDER_CONSTANT, value=(IGNORE,))
    return np.asarray(framed, dtype=np.uint8)


def _disc(radius_px: float) -> tuple[Counts, Counts, Counts]:
    """List rows, columns and squared distances of a disc around 0, nearest first."""
    side = np.arange(-int(radius_px), int(radius_px) + 1)
    rows, columns = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    squares = rows**2 + columns**2
    order = np.argsort(squares, kind="stable")
    order = order[squares[order] <= radius_px**2]
    return rows[order], columns[order], squares[order]


@compiled
def _nearest(
    here: LabelMap, there: LabelMap, offsets: Counts, numbers: NDArray[np.intp], far: int
) -> Counts:
    """Count the boundary pixels of each class by the distance at which their match is found.

    Args:
        here: Ids of boundary pixels, flat, ignore elsewhere.
        there: The same of the other map.
        offsets: Where to look, in flat pixels, nearest first.
        numbers: Which distance every offset has: 0 is the least, 1 the next.
        far: The number for pixels without a match.

    Returns:
        Shape (256, far + 1), int64.
    """
    counts = np.zeros((256, far + 1), dtype=np.int64)
    for pixel in range(here.size):
        class_id = here[pixel]
        if class_id == IGNORE:
            continue
        number = far
        for look in range(offsets.size):
            if there[pixel + offsets[look]] == class_id:
                number = numbers[look]
                break
        counts[class_id, number] += 1
    return counts
