"""Inner boundary bands of all classes at once.

A pixel lies in the band of its class when the window of ``2 width + 1`` pixels around it holds
something else. What counts as something else differs: for Boundary IoU everything, the world beyond
the image frame included (:func:`bands`); elsewhere only another class (:func:`class_bands`).
"""

from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, LabelMap, Mask, check_label_map
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.compiled import compiled

Neighbours = NDArray[np.uint8]  # (h, w) 1 where a pixel looks, odd sides, itself in the centre
Flags = NDArray[np.uint8]  # (n,) not 0 = set
Rows = NDArray[np.int32]  # (W,) a row number for every column


def band_width(size_hw: tuple[int, ...], ratio: float) -> int:
    """Give the width of a band in pixels: ``ratio`` of the diagonal, at least 1.

    Halves are rounded to even, as the released code does.

    Example:
        >>> band_width((3072, 4096), 0.001)
        5
    """
    return max(1, round(ratio * hypot(*size_hw[:2])))


def bands(label_map: LabelMap, *, width_px: int) -> Mask:
    """Mark the pixels within ``width_px`` of another label or of the frame, diagonal steps too.

    Every label counts, ignore too: to a class it is something else. For each class this is its mask
    minus the mask eroded ``width_px`` times by a 3x3 square (Cheng et al., CVPR 2021).

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        width_px: Width of a band, at least 1.

    Returns:
        Shape (H, W), bool.

    Example:
        >>> label_map = np.array([[1, 1, 1, 1, 1, 2]] * 5, dtype=np.uint8)
        >>> bands(label_map, width_px=1)[2].astype(int)
        array([1, 0, 0, 0, 1, 1])
    """
    label_map = check_label_map(label_map)
    _check_width(width_px)
    return _mark(label_map, min(width_px, max(label_map.shape)))


def class_bands(label_map: LabelMap, *, width_px: int) -> Mask:
    """Mark the pixels within ``width_px`` of another class, diagonal steps too.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        width_px: Width of a band, at least 1.

    Returns:
        Shape (H, W), bool. Neither ignore pixels nor the image frame make a band.

    Example:
        >>> class_bands(np.array([[0, 0, 5, 5, 255, 0]], np.uint8), width_px=1).astype(int)
        array([[0, 1, 1, 0, 0, 0]])
    """
    _check_width(width_px)
    square = np.ones((2 * width_px + 1, 2 * width_px + 1), dtype=np.uint8)
    return class_changes(label_map, lower=square, higher=square)


def class_changes(label_map: LabelMap, *, lower: Neighbours, higher: Neighbours) -> Mask:
    """Mark the pixels of a class that look at another class.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        lower: Where a pixel looks for lower ids, odd sides, uint8 of 0 and 1.
        higher: Where it looks for higher ids; 1x1 is nowhere.

    Returns:
        Shape (H, W), bool. Neither ignore pixels nor the image frame are another class.
    """
    label_map = check_label_map(label_map)
    # Ignore is the highest value and so nobody's minimum; plus 1 it is 0 and nobody's maximum
    marked = np.asarray(cv2.erode(label_map, lower)) < label_map
    if higher.size > 1:
        shifted = label_map + np.uint8(1)
        marked |= np.asarray(cv2.dilate(shifted, higher)) > shifted
    marked &= label_map != IGNORE
    return marked


def _check_width(width_px: int) -> None:
    if width_px < 1:
        raise DatasetError(f"bands {width_px} px wide, expected 1 or more")


# A window holds two labels exactly when one of its 2x2 blocks does. So the blocks that hold two
# are found row by row, spread to the left, and kept for as many rows as the window is high. Each
# loop is a function of its own, which the compiler turns into vector instructions.


@compiled
def _mark(label_map: LabelMap, width_px: int) -> Mask:
    height, width = label_map.shape
    marked = np.empty((height, width), dtype=np.bool_)
    blocks = np.zeros(width + 2 * width_px, dtype=np.uint8)  # entry x + width_px: top left at x
    buffer = np.zeros_like(blocks)
    latest = np.full(width, -2 * width_px - 2, dtype=np.int32)  # row of the last block in reach
    for y in range(-1, height + width_px - 1):
        if y < height:
            blocks[:] = 0
            if y in (-1, height - 1):  # the frame
                blocks[width_px - 1 : width_px + width] = 1
            else:
                blocks[width_px - 1] = blocks[width_px + width - 1] = 1
                _find_blocks(label_map[y], label_map[y + 1], blocks[width_px:])
            _keep(_spread(blocks, buffer, 2 * width_px), latest, np.int32(y))
        if y - width_px + 1 >= 0:
            _write(latest, np.int32(y - 2 * width_px), marked[y - width_px + 1])
    return marked


@compiled
def _find_blocks(top: LabelMap, bottom: LabelMap, blocks: Flags) -> None:
    for x in range(top.size - 1):
        blocks[x] = (top[x] ^ bottom[x]) | (top[x] ^ top[x + 1]) | (bottom[x] ^ bottom[x + 1])


@compiled
def _spread(blocks: Flags, buffer: Flags, reach: int) -> Flags:
    """Set every entry that has a set one among itself and the ``reach - 1`` to its right."""
    done = 1
    while done < reach:
        step = min(done, reach - done)
        count = blocks.size - done - step + 1
        _join(blocks[:count], blocks[step : step + count], buffer[:count])
        blocks, buffer = buffer, blocks
        done += step
    return blocks


@compiled
def _join(one: Flags, other: Flags, either: Flags) -> None:
    for x in range(either.size):
        either[x] = one[x] | other[x]


@compiled
def _keep(blocks: Flags, latest: Rows, y: np.int32) -> None:
    for x in range(latest.size):
        latest[x] = y if blocks[x] else latest[x]


@compiled
def _write(latest: Rows, before: np.int32, marked: Mask) -> None:
    for x in range(latest.size):
        marked[x] = latest[x] > before
