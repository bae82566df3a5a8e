"""Counts of a label map that add up over images, processes and machines."""

from dataclasses import dataclass

import cv2
import numpy as np

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, Mask, check_label_map
from mass13k_tools.ops.complexity import class_areas, outline_windows
from mass13k_tools.ops.components import components
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
    """Count the pixels of every class that :func:`thin_mask` marks, shape (256,), int64."""
    thin = thin_mask(label_map, width_px=width_px)
    return class_areas(np.where(thin, label_map, np.uint8(IGNORE)))


def thin_mask(label_map: LabelMap, *, width_px: int = THIN_PX) -> Mask:
    """Mark the pixels that no square of one class covers.

    A pixel is thin when every ``width_px`` square that holds it also holds another class or ignore.
    That is the class minus its opening, for all classes at once: a window holds one class exactly
    when its minimum is its maximum. Beyond the frame a structure is taken to go on.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        width_px: Side of the square.

    Returns:
        Shape (H, W), bool; ignore pixels come out as if ignore were a class.
    """
    label_map = check_label_map(label_map)
    square = np.ones((width_px, width_px), dtype=np.uint8)
    sides = (width_px, width_px, width_px, width_px)
    beyond = cv2.copyMakeBorder(label_map, *sides, cv2.BORDER_REPLICATE)
    one_class = cv2.compare(cv2.erode(beyond, square), cv2.dilate(beyond, square), cv2.CMP_EQ)
    # A square of even side has no middle: what it covers lies the other way from where it is noted
    back = width_px - 1 - width_px // 2
    covered = cv2.dilate(one_class, square, anchor=(back, back))[
        width_px:-width_px, width_px:-width_px
    ]
    return np.asarray(covered == 0)
