"""8-connected components of all classes at once: runs of one value, joined from row to row."""

from typing import NamedTuple

import numpy as np

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, Mask, check_label_map
from mass13k_tools.ops.compiled import compiled


class _Runs(NamedTuple):
    """Runs of one value within a row, in reading order."""

    starts: Counts
    """Flat index of the first pixel, shape (R,)."""
    stops: Counts
    """Flat index behind the last pixel, shape (R,)."""
    values: LabelMap
    """Shape (R,)."""
    rows: Counts
    """Index of the first run of every row, and R, shape (H + 1,)."""


def components(label_map: LabelMap) -> Counts:
    """Count the 8-connected regions of every class, all classes in one pass.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.

    Returns:
        Regions by class id, shape (256,), int64; ignore has 0.
    """
    label_map = check_label_map(label_map)
    runs = _runs(label_map)
    firsts = _join_runs(runs.values, runs.stops, runs.rows, label_map.shape[1])
    counts = np.bincount(runs.values[firsts == np.arange(firsts.size)], minlength=256)
    counts[IGNORE] = 0
    return counts


def small_components(label_map: LabelMap, *, below_px: int) -> Mask:
    """Mark the 8-connected regions of fewer than ``below_px`` pixels.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        below_px: Area that is not small any more.

    Returns:
        Shape (H, W), bool; False at ignore.

    Example:
        >>> label_map = np.array([[0, 0, 5, 0],
        ...                       [0, 0, 0, 5]], dtype=np.uint8)
        >>> small_components(label_map, below_px=3).astype(int)
        array([[0, 0, 1, 0],
               [0, 0, 0, 1]])
    """
    label_map = check_label_map(label_map)
    runs = _runs(label_map)
    firsts = _join_runs(runs.values, runs.stops, runs.rows, label_map.shape[1])
    marks = np.zeros(label_map.shape, dtype=np.bool_)
    _mark_small(marks.ravel(), runs.values, runs.starts, runs.stops, firsts, below_px)
    return marks


def _runs(label_map: LabelMap) -> _Runs:
    height, width = label_map.shape
    begins = np.ones((height, width), dtype=np.bool_)
    np.not_equal(label_map[:, 1:], label_map[:, :-1], out=begins[:, 1:])
    starts = np.flatnonzero(begins)
    stops = np.append(starts[1:], height * width)
    rows = np.searchsorted(starts, width * np.arange(height + 1))
    return _Runs(starts, stops, label_map.ravel()[starts], rows)


@compiled
def _join_runs(values: LabelMap, stops: Counts, rows: Counts, width: int) -> Counts:
    """Join runs with those of the same value that they touch in the row above, by union-find.

    Returns:
        Index of the first run of every run's region, shape (R,), int64.
    """
    parent = np.arange(values.size)  # never larger than the run's own index
    for y in range(1, rows.size - 1):
        above, below = rows[y - 1], rows[y]
        while above < rows[y] and below < rows[y + 1]:
            _join(values, parent, above, below)
            ahead = stops[above] + width - stops[below]
            if ahead == 0:  # four runs meet in a corner: its diagonals touch, too
                if above + 1 < rows[y]:
                    _join(values, parent, above + 1, below)
                if below + 1 < rows[y + 1]:
                    _join(values, parent, above, below + 1)
            above += ahead <= 0
            below += ahead >= 0
    for run in range(parent.size):
        parent[run] = parent[parent[run]]
    return parent


@compiled
def _join(values: LabelMap, parent: Counts, one: int, other: int) -> None:
    """Join the regions of two touching runs if they have one value."""
    if values[one] != values[other]:
        return
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    while parent[other] != other:
        parent[other] = parent[parent[other]]
        other = parent[other]
    parent[max(one, other)] = min(one, other)


@compiled
def _mark_small(
    marks: Mask, values: LabelMap, starts: Counts, stops: Counts, firsts: Counts, below_px: int
) -> None:
    """Set ``marks``, shape (H * W,), where a region other than ignore is small."""
    areas = np.zeros(firsts.size, dtype=np.int64)
    for run in range(firsts.size):
        areas[firsts[run]] += stops[run] - starts[run]
    for run in range(firsts.size):
        if areas[firsts[run]] < below_px and values[run] != IGNORE:
            marks[starts[run] : stops[run]] = True
