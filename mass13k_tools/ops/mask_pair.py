"""The door of the scores that compare two masks."""

import numpy as np

from mass13k_tools.arrays import Mask, size_text
from mass13k_tools.errors import DatasetError


def check_mask_pair(prediction: Mask, truth: Mask) -> tuple[Mask, Mask]:
    """Return a predicted mask and its truth in C order, or say why they are none.

    Args:
        prediction: Shape (H, W) with H, W >= 1, bool.
        truth: The same shape, bool.

    Returns:
        The same values, C-contiguous.

    Raises:
        DatasetError: One of them is no mask, or they differ in size.

    Example:
        >>> check_mask_pair(np.ones((2, 3), np.bool_), np.ones((2, 3), np.uint8))
        Traceback (most recent call last):
        mass13k_tools.errors.DatasetError: truth is uint8 of shape (2, 3), expected bool (H, W); \
for a map of 0..255 pass map > 128
    """
    for name, mask in (("prediction", prediction), ("truth", truth)):
        if mask.dtype != np.bool_ or mask.ndim != 2 or mask.size == 0:
            raise DatasetError(
                f"{name} is {mask.dtype} of shape {mask.shape}, expected bool (H, W); "
                "for a map of 0..255 pass map > 128"
            )
    if prediction.shape != truth.shape:
        raise DatasetError(
            f"prediction is {size_text(prediction.shape)} but its truth "
            f"{size_text(truth.shape)}; scale the prediction before it becomes a mask"
        )
    return np.ascontiguousarray(prediction), np.ascontiguousarray(truth)
