"""The guided filter: a mask that follows the edges of its photo.

K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013, equations 14 to 16, for a guide of
three colours. Inside every window the result is a linear function of the guide's colours, so it
changes where they do and nowhere else.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image, Mask

Floats = NDArray[np.float32]


def guided_filter(image: Image, mask: Mask, *, radius_px: int, smoothness: float) -> Floats:
    """Filter a mask by its photo.

    Args:
        image: Shape (H, W, 3), uint8: the guide.
        mask: Shape (H, W), bool: what is filtered.
        radius_px: Windows are 2 * radius_px + 1 pixels wide; at least 1. Nothing further than
            twice that from an edge of the mask changes.
        smoothness: Epsilon of equation 14, for colours of 0..1: what changes less than its root
            within a window counts as flat.

    Returns:
        Shape (H, W), float32: about 0 outside and 1 inside, and a little beyond either.

    Raises:
        DatasetError: Photo and mask differ in size.
    """
    guide = image.astype(np.float32) / np.float32(255)
    target = mask.astype(np.float32)
    mean_target = _means(target, radius_px)
    offset = mean_target.copy()
    slopes = np.zeros(guide.shape, np.float32)
    # A window of one value alone gives it back, so the others are all there is to do
    mixed = (mean_target > 1e-6) & (mean_target < 1 - 1e-6)
    if not mixed.any():
        return target
    mean_guide = _means(guide, radius_px)
    centre = mean_guide[mixed]
    covariance = np.empty((len(centre), 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            product = _means(guide[..., i] * guide[..., j], radius_px)[mixed]
            covariance[:, i, j] = covariance[:, j, i] = product - centre[:, i] * centre[:, j]
    together = _means(guide * target[..., None], radius_px)[mixed]
    regular = covariance + np.float32(smoothness) * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(regular, (together - centre * mean_target[mixed][:, None])[..., None])
    slopes[mixed] = slope[..., 0]
    offset[mixed] -= np.einsum("nc,nc->n", slopes[mixed], centre)
    result: Floats = np.einsum("hwc,hwc->hw", _means(slopes, radius_px), guide)
    return result + _means(offset, radius_px)


def _means(values: Floats, radius_px: int) -> Floats:
    """Average over a square window around each pixel; the frame mirrors."""
    side = 2 * radius_px + 1
    means = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(means, dtype=np.float32)
