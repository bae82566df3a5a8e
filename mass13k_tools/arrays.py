"""Names for the arrays that travel through the project, and the checks at the doors of ops.

Sizes are always (H, W), colours always RGB.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.errors import DatasetError

Image = NDArray[np.uint8]  # (H, W, 3) RGB, 0..255
LabelMap = NDArray[np.uint8]  # (H, W) class ids, 255 = ignore
Mask = NDArray[np.bool_]  # (H, W) one class or object
Counts = NDArray[np.int64]  # sums that add up across images and processes

IGNORE = 255


def check_label_map(label_map: LabelMap) -> LabelMap:
    """Return the label map in C order, or say why it is none.

    Args:
        label_map: Class ids, shape (H, W) with H, W >= 1, uint8, 255 = ignore.

    Returns:
        The same values, C-contiguous.

    Raises:
        DatasetError: The array has another number of dimensions, another dtype or no pixels.

    Example:
        >>> check_label_map(np.zeros((2, 3), np.int64))
        Traceback (most recent call last):
        mass13k_tools.errors.DatasetError: label map is int64 of shape (2, 3), expected uint8 (H, W)
    """
    if label_map.dtype != np.uint8 or label_map.ndim != 2 or label_map.size == 0:
        raise DatasetError(
            f"label map is {label_map.dtype} of shape {label_map.shape}, expected uint8 (H, W)"
        )
    return np.ascontiguousarray(label_map)


def check_pair(prediction: LabelMap, truth: LabelMap) -> tuple[LabelMap, LabelMap]:
    """Return a predicted label map and the true one in C order, or say why they are no pair.

    Args:
        prediction: Class ids, shape (H, W), uint8.
        truth: The same shape, uint8, 255 = ignore.

    Raises:
        DatasetError: One of them is no label map, or their sizes differ.
    """
    prediction, truth = check_label_map(prediction), check_label_map(truth)
    if prediction.shape != truth.shape:
        raise DatasetError(
            f"prediction is {size_text(prediction.shape)} but the truth is "
            f"{size_text(truth.shape)}; scale predictions to its size"
        )
    return prediction, truth


def check_mask(mask: Mask, *, name: str = "mask") -> Mask:
    """Return the mask in C order, or say why it is none.

    Args:
        mask: Shape (H, W) with H, W >= 1, bool.
        name: What a message calls it.

    Returns:
        The same values, C-contiguous.

    Raises:
        DatasetError: The array has another number of dimensions, another dtype or no pixels.

    Example:
        >>> check_mask(np.ones((2, 3), np.uint8))
        Traceback (most recent call last):
        mass13k_tools.errors.DatasetError: mask is uint8 of shape (2, 3), expected bool (H, W); \
for a map of 0..255 pass map > 128
    """
    if mask.dtype != np.bool_ or mask.ndim != 2 or mask.size == 0:
        raise DatasetError(
            f"{name} is {mask.dtype} of shape {mask.shape}, expected bool (H, W); "
            "for a map of 0..255 pass map > 128"
        )
    return np.ascontiguousarray(mask)


def check_mask_pair(prediction: Mask, truth: Mask) -> tuple[Mask, Mask]:
    """Return a predicted mask and the true one in C order, or say why they are no pair.

    Args:
        prediction: Shape (H, W), bool.
        truth: The same shape, bool.

    Raises:
        DatasetError: One of them is no mask, or their sizes differ.
    """
    prediction, truth = check_mask(prediction, name="prediction"), check_mask(truth, name="truth")
    if prediction.shape != truth.shape:
        raise DatasetError(
            f"prediction is {size_text(prediction.shape)} but the truth is "
            f"{size_text(truth.shape)}; scale the prediction before it becomes a mask"
        )
    return prediction, truth


def check_class_ids(class_ids: Sequence[int], *, least: int = 1) -> list[int]:
    """Return class ids as a list, or say why they are none.

    Args:
        class_ids: Values that label maps may have besides ignore, each once.
        least: How many there must be.

    Raises:
        DatasetError: There are too few, one comes twice or is outside 0..254.

    Example:
        >>> check_class_ids([0, 255])
        Traceback (most recent call last):
        mass13k_tools.errors.DatasetError: classes [0, 255], expected ids of 0..254, each once
    """
    ids = list(class_ids)
    if len(ids) < least or len({*ids}) < len(ids) or not {*ids} <= {*range(IGNORE)}:
        raise DatasetError(f"classes {ids}, expected ids of 0..254, each once")
    return ids


def check_image(image: Image) -> Image:
    """Return the image in C order, or say why it is none.

    Args:
        image: Shape (H, W, 3) with H, W >= 1, uint8, RGB.

    Returns:
        The same values, C-contiguous.

    Raises:
        DatasetError: The array has another shape or dtype, or no pixels.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DatasetError(
            f"image is {image.dtype} of shape {image.shape}, expected uint8 (H, W, 3)"
        )
    return np.ascontiguousarray(image)


def value_counts(values: NDArray[np.uint8]) -> Counts:
    """Count every value of an 8-bit array.

    Args:
        values: Shape (H, W), uint8.

    Returns:
        Shape (256,), int64.

    Example:
        >>> value_counts(np.array([[0, 0, 5]], dtype=np.uint8))[[0, 5, 6]]
        array([2, 1, 0])
    """
    import cv2  # loaded late: commands import this file for its names

    counts = np.zeros(256, dtype=np.int64)
    rows = max(1, 2**24 // values.shape[1])  # OpenCV counts in float32, exact up to 2**24
    for top in range(0, values.shape[0], rows):
        band = np.ascontiguousarray(values[top : top + rows])
        counts += cv2.calcHist([band], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return counts


def size_text(size_hw: tuple[int, ...]) -> str:
    """Write a size the way every message does, height first.

    Example:
        >>> size_text((3072, 4096))
        '3072x4096'
    """
    return f"{size_hw[0]}x{size_hw[1]}"
