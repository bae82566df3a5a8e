"""mBA: how many pixels near the true border are right.

Mean boundary accuracy, from "CascadePSP" (CVPR 2020), as its released code computes it: the share
of right pixels, inside and outside the mask alike, in bands of five widths around the true border,
averaged. A band is the morphological gradient of the truth (dilated minus eroded) by OpenCV's
elliptic kernel; the image frame is no border. The widths grow with the image.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Mask, check_mask_pair

RADII = 5  # number of bands
SIZE_PER_RADIUS = 300  # the widest radius stays below (H + W) / 300


def mba(prediction: Mask, truth: Mask) -> float:
    """Average the share of right pixels over five bands around the true border.

    Args:
        prediction: Shape (H, W), bool.
        truth: Shape (H, W), bool.

    Returns:
        0..1, 1 is best; nan where the truth has no border because all of it is True or False.

    Raises:
        DatasetError: The masks differ in size.

    Example:
        >>> truth = np.array([[0, 0, 1, 1]], dtype=np.bool_)
        >>> mba(np.array([[0, 1, 1, 1]], dtype=np.bool_), truth)
        0.5
    """
    return float(sum(boundary_accuracies(prediction, truth).tolist()) / RADII)


def boundary_accuracies(prediction: Mask, truth: Mask) -> NDArray[np.float64]:
    """Give the share of right pixels in each band.

    Args:
        prediction: Shape (H, W), bool.
        truth: Shape (H, W), bool.

    Returns:
        Shape (5,), float64, 0..1, by increasing radius; all nan where the truth has no border.
    """
    prediction, truth = check_mask_pair(prediction, truth)
    accuracies = np.full(RADII, np.nan)
    if truth.all() or not truth.any():
        return accuracies
    right = prediction == truth
    done: dict[int, float] = {}  # small images repeat radii
    for step, radius in enumerate(band_radii_px((truth.shape[0], truth.shape[1]))):
        if radius not in done:
            band = _band(truth, radius)
            done[radius] = np.count_nonzero(band & right) / np.count_nonzero(band)
        accuracies[step] = done[radius]
    return accuracies


def band_radii_px(size_hw: tuple[int, int]) -> tuple[int, ...]:
    """Give the five radii for images of a size, increasing, the smallest 1.

    Example:
        >>> band_radii_px((3072, 4096))
        (1, 5, 10, 14, 19)
        >>> band_radii_px((100, 100))
        (1, 1, 1, 1, 1)
    """
    widest = sum(size_hw) / SIZE_PER_RADIUS
    return tuple(1 + int((widest - 1) / RADII * step) for step in range(RADII))


def _band(truth: Mask, radius: int) -> Mask:
    """Mark the pixels that have both True and False under the kernel centred on them."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.morphologyEx(truth.view(np.uint8), cv2.MORPH_GRADIENT, kernel).view(np.bool_)
