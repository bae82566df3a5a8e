"""Pictures, label maps, masks and values brought to a size, each in the way that keeps it true."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image, LabelMap, Mask

Value = TypeVar("Value", np.uint8, np.float32)


def fit_image(image: Image, side_px: int) -> Image:
    """Bring the longer side to ``side_px`` or just below: shrink by area, enlarge by repetition.

    Args:
        image: Shape (H, W, 3), uint8.
        side_px: Wanted length of the longer side; 0 leaves the image alone.
    """
    return _fit(image, side_px, cv2.INTER_AREA)


def fit_label_map(label_map: LabelMap, side_px: int) -> LabelMap:
    """Bring the longer side to ``side_px`` or just below, without mixing labels.

    An enlarged label pixel is a square of one value; a shrunk map picks pixels.

    Example:
        >>> fit_label_map(np.array([[1, 2]], np.uint8), 5)
        array([[1, 1, 2, 2],
               [1, 1, 2, 2]], dtype=uint8)
    """
    return _fit(label_map, side_px, cv2.INTER_NEAREST)


def fit_mask(mask: Mask, side_px: int) -> NDArray[np.float32]:
    """Bring the longer side to ``side_px`` or just below, so that thin lines stay visible.

    A shrunk pixel has the share that the mask covers of it, times the factor of shrinking: a line
    one pixel wide keeps its full strength, a single pixel fades as a dot of that size should.

    Args:
        mask: Shape (H, W), bool.
        side_px: As in :func:`fit_image`.

    Returns:
        Strength, shape (h, w), float32, 0..1.

    Example:
        >>> line = np.zeros((4, 4), bool)
        >>> line[1] = True
        >>> fit_mask(line, 2)
        array([[1., 1.],
               [0., 0.]], dtype=float32)
    """
    share = _fit(mask.astype(np.float32), side_px, cv2.INTER_AREA)
    factor = max(1.0, max(mask.shape) / max(share.shape))
    return np.asarray(np.minimum(share * np.float32(factor), 1))


def fit_largest(values: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Bring the longer side to ``side_px`` or just below; a shrunk pixel has the largest value.

    Args:
        values: Shape (H, W), float32.
        side_px: As in :func:`fit_image`.
    """
    height, width = values.shape
    if not 0 < side_px < max(height, width):
        return _fit(values, side_px, cv2.INTER_NEAREST)
    rows, columns = _shrunk_size(height, width, side_px)
    by_row = np.maximum.reduceat(values, np.arange(rows) * height // rows, axis=0)
    return np.maximum.reduceat(by_row, np.arange(columns) * width // columns, axis=1)


def _fit(pixels: NDArray[Value], side_px: int, shrinking: int) -> NDArray[Value]:
    height, width = pixels.shape[:2]
    longer = max(height, width)
    if side_px == 0 or longer == side_px:
        return pixels
    if longer < side_px:
        factor = max(1, side_px // longer)
        return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    size = _shrunk_size(height, width, side_px)[::-1]
    return np.asarray(cv2.resize(pixels, size, interpolation=shrinking), dtype=pixels.dtype)


def _shrunk_size(height: int, width: int, side_px: int) -> tuple[int, int]:
    scale = side_px / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
