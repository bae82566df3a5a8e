"""What a viewer should see of a wrong prediction: missed, invented, confused, or at the boundary.

Class 0 is the rest class of MaSS13K ("others"), so a pixel of a named class that is predicted as 0
was missed, and a named class that is predicted where there is 0 was invented. Wrong pixels close to
a class change of the truth are told apart, whatever they are: an object whose outline is off is
another fault than one that was not seen. ``ops.mistakes`` has the finer kinds that are counted.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, LabelMap, check_pair
from mass13k_tools.ops.bands import class_bands
from mass13k_tools.ops.mistakes import wrong_pixels


class ErrorKind(NamedTuple):
    """One value of an error map."""

    value: int
    name: str
    colour: tuple[int, int, int]
    """RGB; the four differ in lightness, and in hue for colour-blind eyes."""


MISSED = ErrorKind(1, "missed", (255, 90, 0))
INVENTED = ErrorKind(2, "invented", (80, 180, 255))
CONFUSED = ErrorKind(3, "confused", (150, 40, 200))
BOUNDARY = ErrorKind(4, "boundary", (255, 245, 150))
ERROR_KINDS = (MISSED, INVENTED, CONFUSED, BOUNDARY)


def error_map(
    prediction: LabelMap, truth: LabelMap, *, band_px: int, rest_id: int | None = 0
) -> NDArray[np.uint8]:
    """Say for every pixel how it is wrong.

    Args:
        prediction: Class ids, shape (H, W), uint8.
        truth: Class ids, shape (H, W), uint8, 255 = ignore.
        band_px: Reach of the boundary: wrong pixels with another class of the truth within so many
            pixels are boundary errors, see ``bands.class_bands``.
        rest_id: The class that stands for all else; None without one: then every wrong class is
            confused. A prediction of ignore is missed in any case.

    Returns:
        Shape (H, W), uint8: 0 right, else the value of an ``ErrorKind``; 255 where the truth is
        ignore.

    Example:
        >>> truth = np.array([[0, 0, 0, 3, 3, 3]], dtype=np.uint8)
        >>> error_map(np.array([[3, 0, 3, 3, 5, 0]], dtype=np.uint8), truth, band_px=1)
        array([[2, 0, 4, 0, 3, 1]], dtype=uint8)
    """
    prediction, truth = check_pair(prediction, truth)
    wrong = wrong_pixels(prediction, truth)
    unseen = prediction == IGNORE
    errors = np.where(wrong, np.uint8(CONFUSED.value), np.uint8(0))
    if rest_id is not None:
        errors[wrong & (truth == rest_id)] = INVENTED.value
        unseen |= prediction == rest_id
    errors[wrong & unseen] = MISSED.value
    errors[wrong & class_bands(truth, width_px=band_px)] = BOUNDARY.value
    errors[truth == IGNORE] = IGNORE
    return errors


def class_error_map(
    prediction: LabelMap, truth: LabelMap, *, class_id: int, band_px: int
) -> NDArray[np.uint8]:
    """Say how each pixel is wrong about one class against all others; see :func:`error_map`.

    Missed and invented are then false negatives and false positives, and the boundary is the
    outline of this class alone.

    Example:
        >>> truth = np.array([[3, 3, 3, 4, 4, 4]], dtype=np.uint8)
        >>> prediction = np.array([[0, 3, 3, 5, 5, 3]], dtype=np.uint8)
        >>> class_error_map(prediction, truth, class_id=3, band_px=1)
        array([[1, 0, 0, 0, 0, 2]], dtype=uint8)
    """
    of_class = (truth == class_id).view(np.uint8)
    return error_map(
        (prediction == class_id).view(np.uint8),
        np.where(truth == IGNORE, truth, of_class),
        band_px=band_px,
    )
