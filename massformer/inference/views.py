"""Scores averaged over views of an image: other sizes, and mirror images (test-time augmentation).

Letters in shape comments: C channels of values, H and W rows and columns of the image.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from mass13k_tools.errors import DatasetError

LEAST_SCALE, MOST_SCALE = 0.1, 4.0
FLIP = "flip"


class Views(NamedTuple):
    """Which views of an image are looked at; the image as it is always is one."""

    scales: tuple[float, ...] = (1.0,)
    """Factors of its size."""
    flip: bool = False
    """Look at each size mirrored, too."""

    @property
    def plain(self) -> bool:
        """Whether there is no view but the image as it is."""
        return self == ONE_VIEW

    @property
    def words(self) -> str:
        """As :func:`parse_views` reads them."""
        others = [f"{scale:g}" for scale in self.scales if scale != 1]
        return ",".join([FLIP] * self.flip + others)


ONE_VIEW = Views()


def parse_views(text: str) -> Views:
    """Read views as the command line has them.

    Args:
        text: Scales, and ``flip`` for mirror images of all of them, with commas.

    Raises:
        DatasetError: Something else, or a scale outside 0.1..4.

    Example:
        >>> parse_views("flip,0.75,1.25")
        Views(scales=(1.0, 0.75, 1.25), flip=True)
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    scales = [1.0]
    for word in words:
        if word != FLIP:
            scales.append(_scale(word))
    return Views(tuple(dict.fromkeys(scales)), FLIP in words)


def _scale(word: str) -> float:
    try:
        scale = float(word)
    except ValueError:
        scale = 0.0
    if not LEAST_SCALE <= scale <= MOST_SCALE:
        raise DatasetError(
            f"'{word}' is no view, expected {FLIP} or scales of {LEAST_SCALE} to {MOST_SCALE:g}, "
            f"such as {FLIP},0.75,1.25"
        )
    return scale


def mean_over_views(values_of: Callable[[Tensor], Tensor], images: Tensor, views: Views) -> Tensor:
    """Average what a network says of the views of an image.

    Args:
        values_of: Gives values (C, h, w) of an image (1, 3, h, w).
        images: One image, normalised, shape (1, 3, H, W).
        views: Which.

    Returns:
        Shape (C, H, W).
    """
    size_hw = (images.shape[2], images.shape[3])
    total: Tensor | None = None
    for scale in views.scales:
        sides = [max(1, round(side * scale)) for side in size_hw]
        scaled = _resized(images, sides)
        for flipped in (False, True)[: 1 + views.flip]:
            values = values_of(scaled.flip(3) if flipped else scaled)
            values = _resized((values.flip(2) if flipped else values)[None], list(size_hw))[0]
            total = values if total is None else total + values
    assert total is not None, "the image as it is always is a view"
    return total / (len(views.scales) * (1 + views.flip))


def _resized(x: Tensor, sides: list[int]) -> Tensor:
    if list(x.shape[2:]) == sides:
        return x
    return F.interpolate(x, sides, mode="bilinear", align_corners=False)
