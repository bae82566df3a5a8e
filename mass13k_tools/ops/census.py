"""Counts of a label map that add up over images, processes and machines."""

from dataclasses import dataclass

import cv2
import numpy as np

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, check_label_map
from mass13k_tools.ops.compiled import compiled
from mass13k_tools.ops.complexity import class_areas, outline_windows
from mass13k_tools.ops.edges import edge_map

THIN_PX = 9  # what no 9x9 square fits into counts as thin: hair, twigs, wires at 4096x3072


@dataclass(frozen=True)
class Census:
    """Counts by class id, int64; two of them add up."""

    pixels: Counts
    """Area, shape (256,); ignore has 0."""
    windows: Counts
    """2x2 windows on the outline by kind, shape (256, 4), see ``outline_windows``."""
    components: Counts
    """8-connected regions, shape (256,)."""
    thin: Counts
    """Pixels in structures narrower than ``THIN_PX``, shape (256,)."""
    edges: Counts
    """Pixels that share a side with another class, shape (256,)."""

    def __add__(self, other: "Census") -> "Census":
        return Census(
            self.pixels + other.pixels,
            self.windows + other.windows,
            self.components + other.components,
            self.thin + other.thin,
            self.edges + other.edges,
        )

    @property
    def holes(self) -> Counts:
        """Holes, shape (256,): 4-connected gaps in a region that do not reach the frame."""
        single, _, diagonal, triple = self.windows.T
        return np.asarray(self.components - (single - triple - 2 * diagonal) // 4)


def census(label_map: LabelMap) -> Census:
    """Count everything about every class.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.

    Example:
        >>> ring = np.full((5, 5), 3, dtype=np.uint8)
        >>> ring[2, 2] = 5
        >>> count = census(ring)
        >>> count.pixels[[3, 5]], count.components[[3, 5]], count.holes[[3, 5]]
        (array([24,  1]), array([1, 1]), array([1, 0]))
    """
    label_map = check_label_map(label_map)
    return Census(
        pixels=class_areas(label_map),
        windows=outline_windows(label_map),
        components=components(label_map),
        thin=thin_pixels(label_map),
        edges=np.bincount(label_map[edge_map(label_map)], minlength=256),
    )


def thin_pixels(label_map: LabelMap, *, width_px: int = THIN_PX) -> Counts:
    """Count the pixels of every class that no square of one class covers.

    A pixel is thin when every ``width_px`` square that holds it also holds another class or ignore.
    That is the class minus its opening, for all classes at once: a window holds one class exactly
    when its minimum is its maximum. Beyond the frame a structure is taken to go on.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        width_px: Side of the square, odd.

    Returns:
        Pixels by class id, shape (256,), int64; ignore has 0.
    """
    label_map = check_label_map(label_map)
    square = np.ones((width_px, width_px), dtype=np.uint8)
    sides = (width_px, width_px, width_px, width_px)
    beyond = cv2.copyMakeBorder(label_map, *sides, cv2.BORDER_REPLICATE)
    one_class = cv2.compare(cv2.erode(beyond, square), cv2.dilate(beyond, square), cv2.CMP_EQ)
    covered = cv2.dilate(one_class, square)[width_px:-width_px, width_px:-width_px]
    return class_areas(np.where(covered, np.uint8(IGNORE), label_map))


def components(label_map: LabelMap) -> Counts:
    """Count the 8-connected regions of every class, all classes in one pass.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.

    Returns:
        Regions by class id, shape (256,), int64; ignore has 0.
    """
    label_map = check_label_map(label_map)
    height, width = label_map.shape
    begins = np.ones((height, width), dtype=np.bool_)
    begins[:, 1:] = label_map[:, 1:] != label_map[:, :-1]
    starts = np.flatnonzero(begins)  # of runs of one value within a row, in reading order
    stops = np.append(starts[1:], height * width)
    rows = np.searchsorted(starts, width * np.arange(height + 1))  # first run of every row
    values = label_map.ravel()[starts]
    runs = np.bincount(values, minlength=256)
    counts = runs - _count_joins(values, stops, rows, width)
    counts[IGNORE] = 0
    return counts


@compiled
def _count_joins(values: LabelMap, stops: Counts, rows: Counts, width: int) -> Counts:
    """Join runs with those of the same value that they touch in the row above, by union-find.

    Args:
        values: Value of every run, shape (R,), in reading order.
        stops: Flat index behind its last pixel, shape (R,).
        rows: Index of the first run of every row, and R, shape (H + 1,).
        width: Pixels of a row.

    Returns:
        Joins of two regions that were apart, by value, shape (256,); each is one region fewer.
    """
    joins = np.zeros(256, dtype=np.int64)
    parent = np.arange(values.size)
    for y in range(1, rows.size - 1):
        above, below = rows[y - 1], rows[y]
        while above < rows[y] and below < rows[y + 1]:
            joins[values[above]] += _join(values, parent, above, below)
            ahead = stops[above] + width - stops[below]
            if ahead == 0:  # four runs meet in a corner: its diagonals touch, too
                if above + 1 < rows[y]:
                    joins[values[below]] += _join(values, parent, above + 1, below)
                if below + 1 < rows[y + 1]:
                    joins[values[above]] += _join(values, parent, above, below + 1)
            above += ahead <= 0
            below += ahead >= 0
    return joins


@compiled
def _join(values: LabelMap, parent: Counts, one: int, other: int) -> bool:
    """Join the regions of two touching runs; True if they have one value and were apart."""
    if values[one] != values[other]:
        return False
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    while parent[other] != other:
        parent[other] = parent[parent[other]]
        other = parent[other]
    parent[max(one, other)] = min(one, other)
    return one != other
