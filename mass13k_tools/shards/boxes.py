"""Rectangles of pictures."""

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError

Box = tuple[int, int, int, int]  # y, x, height, width in pixels


def check_box(box: Box, size_hw: tuple[int, ...]) -> Box:
    """Return a rectangle that lies within a picture.

    Args:
        box: y, x, height, width in pixels.
        size_hw: Height and width of the picture.

    Raises:
        DatasetError: It does not, or is empty.
    """
    for start, length, size in zip(box[:2], box[2:], size_hw, strict=True):
        if not 0 <= start < start + length <= size:
            raise DatasetError(
                f"box of {size_text(box[2:])} pixels at row {box[0]}, column {box[1]} is empty or "
                f"not within {size_text(size_hw)}"
            )
    return box


def cut_out(pixels: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Cut a rectangle out of an image or a label map; nothing is copied.

    Raises:
        DatasetError: It does not lie within, or is empty.

    Example:
        >>> cut_out(np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8), (1, 1, 1, 2))
        array([[5, 6]], dtype=uint8)
    """
    y, x, height, width = check_box(box, pixels.shape[:2])
    return pixels[y : y + height, x : x + width]
