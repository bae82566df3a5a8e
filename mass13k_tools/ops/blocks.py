"""What each square of a label map holds: classes and edges, so that crops can be chosen unread."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, LabelMap, check_label_map
from mass13k_tools.ops.compiled import compiled

BLOCK_PX = 64


class BlockCounts(NamedTuple):
    """Counts of squares of ``block_px`` pixels; those at the right and below may be cut off."""

    block_px: int
    class_ids: NDArray[np.uint8]
    """Values that occur, ascending, 255 = ignore among them, shape (C,)."""
    pixels: NDArray[np.uint16]
    """Pixels of each value in each block, shape (C, rows, columns)."""
    edges: NDArray[np.uint16]
    """Pixel sides at which two classes meet, shape (rows, columns); ignore makes no edge."""


def block_counts(label_map: LabelMap) -> BlockCounts:
    """Count classes and edges in every square of 64 x 64 pixels.

    A side between two blocks counts for the left or upper one.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.

    Example:
        >>> counts = block_counts(np.array([[0, 0, 5], [0, 0, 5]], dtype=np.uint8))
        >>> counts.class_ids, counts.pixels.ravel(), counts.edges
        (array([0, 5], dtype=uint8), array([4, 2], dtype=uint16), array([[2]], dtype=uint16))
    """
    by_value, edges = _count(check_label_map(label_map), BLOCK_PX)
    class_ids = np.flatnonzero(by_value.any(axis=(0, 1))).astype(np.uint8)
    pixels = np.ascontiguousarray(np.moveaxis(by_value[:, :, class_ids], 2, 0))
    return BlockCounts(BLOCK_PX, class_ids, pixels, edges)


@compiled
def _count(label_map: LabelMap, block_px: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Count values, shape (rows, columns, 256), and edges, shape (rows, columns)."""
    height, width = label_map.shape
    rows, columns = (height + block_px - 1) // block_px, (width + block_px - 1) // block_px
    values = np.zeros((rows, columns, 256), dtype=np.uint16)
    edges = np.zeros((rows, columns), dtype=np.uint16)
    for row in range(rows):
        for column in range(columns):
            left, right = column * block_px, min((column + 1) * block_px, width)
            counts, sides = values[row, column], 0
            for y in range(row * block_px, min((row + 1) * block_px, height)):
                line = label_map[y]
                below = label_map[min(y + 1, height - 1)]
                start = left  # runs of one value are counted at once
                for x in range(left, right):
                    value, after = line[x], line[min(x + 1, width - 1)]
                    if below[x] != value:
                        sides += (value != IGNORE) & (below[x] != IGNORE)
                    if after != value:
                        sides += (value != IGNORE) & (after != IGNORE)
                        counts[value] += x + 1 - start
                        start = x + 1
                if start < right:
                    counts[line[right - 1]] += right - start
            edges[row, column] = sides
    return values, edges
