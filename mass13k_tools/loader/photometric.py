"""Colours distorted as the released recipe does it, fast and with the same result to the bit.

The recipe is mmseg's ``PhotoMetricDistortion``: brightness, contrast, saturation, hue, or contrast
last; each with chance 0.5; cut to 0..255 and truncated to 8 bits after each. Saturation and hue
each go to 8-bit HSV (hue 0..179) and back, and lose a little every time. Brightness and contrast
are look-up tables here; what OpenCV computes for HSV stays OpenCV's.

OpenCV's way back from HSV truncates in its vector code and rounds in the last columns of an image
whose width is no multiple of the vector's 16, 32 or 64. So is it here, as it is in the release.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image, check_image
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.arguments import number, row, whole_number
from mass13k_tools.ops.compiled import compiled

Table = NDArray[np.uint8]  # (256,) new value of each value

HUES = 180  # OpenCV halves the degrees to fit 8 bits


@dataclass(frozen=True, kw_only=True)
class DistortionRanges:
    """How far colours are distorted; the defaults are the release's."""

    chance: float = 0.5
    """Of each of the four steps."""
    brightness: float = 32.0
    """Most that is added or taken away, of 255."""
    contrast: tuple[float, float] = (0.5, 1.5)
    """Least and largest factor of R, G and B."""
    saturation: tuple[float, float] = (0.5, 1.5)
    """Least and largest factor of the saturation."""
    hue: int = 18
    """Steps of 2 degrees: drawn from -hue to hue - 1, as the release does; 0 = unchanged."""

    def __post_init__(self) -> None:
        if not 0 <= number("chance", self.chance) <= 1:
            raise DatasetError(f"chance is {self.chance}, expected 0 to 1")
        if not 0 <= number("brightness", self.brightness) <= 255:
            raise DatasetError(f"brightness is {self.brightness}, expected 0 to 255")
        for name in ("contrast", "saturation"):
            least, largest = row(name, getattr(self, name), number, count=2)
            if not 0 <= least <= largest <= 255:
                raise DatasetError(f"{name} is {least} to {largest}, expected 0 <= least <= most")
        if not 0 <= whole_number("hue", self.hue) <= HUES:
            raise DatasetError(f"hue is {self.hue}, expected 0 to {HUES}")


class Distortion(NamedTuple):
    """What is done to the colours of one image; None = that step is left out."""

    brightness: float | None = None
    """Added to R, G and B."""
    contrast: float | None = None
    """Factor of R, G and B."""
    contrast_last: bool = False
    """After saturation and hue, not before."""
    saturation: float | None = None
    """Factor of the saturation."""
    hue: int | None = None
    """Added to the hue, in steps of 2 degrees."""


def draw_distortion(ranges: DistortionRanges, rng: np.random.Generator) -> Distortion:
    """Draw a distortion.

    Nine numbers are taken from ``rng`` whatever they are, in this order: whether and what of
    brightness, contrast, saturation, hue; then whether contrast comes last.

    Args:
        ranges: From what.
        rng: Where the random numbers come from.

    Example:
        >>> draw_distortion(DistortionRanges(chance=0.0), np.random.default_rng(0))
        Distortion(brightness=None, contrast=None, contrast_last=False, saturation=None, hue=None)
    """
    steps = []
    for least, largest in (
        (-ranges.brightness, ranges.brightness),
        ranges.contrast,
        ranges.saturation,
        (-ranges.hue, ranges.hue),
    ):
        done, share = rng.random() < ranges.chance, rng.random()
        steps.append(least + (largest - least) * share if done else None)
    brightness, contrast, saturation, hue = steps
    return Distortion(
        brightness=brightness,
        contrast=contrast,
        contrast_last=bool(rng.random() < 0.5),
        saturation=saturation,
        hue=None if hue is None else int(np.floor(hue)),
    )


def distorted(image: Image, distortion: Distortion) -> Image:
    """Distort the colours of an image.

    Args:
        image: Shape (H, W, 3), uint8, RGB; not changed.
        distortion: What is done.

    Returns:
        Shape (H, W, 3), uint8, RGB; the image itself where nothing is done.

    Example:
        >>> grey = np.full((1, 1, 3), 100, dtype=np.uint8)
        >>> distorted(grey, Distortion(brightness=-10.5, contrast=1.5)).ravel()
        array([133, 133, 133], dtype=uint8)
    """
    image = check_image(image)
    first, last = contrast_tables(distortion)
    if first is not None:
        image = cast(Image, cv2.LUT(image, first))
    if distortion.saturation is not None:
        image = _in_hsv(image, 1, step_table(factor=distortion.saturation))
    if distortion.hue is not None:
        image = _in_hsv(image, 0, hue_table(distortion.hue))
    if last is not None:
        image = cast(Image, cv2.LUT(image, last))
    return image


def contrast_tables(distortion: Distortion) -> tuple[Table | None, Table | None]:
    """Make the tables of brightness and contrast: before the steps in HSV and after them."""
    first = last = None
    if distortion.brightness is not None:
        first = step_table(added=distortion.brightness)
    if distortion.contrast is not None:
        contrast = step_table(factor=distortion.contrast)
        if distortion.contrast_last:
            last = contrast
        else:
            first = contrast if first is None else contrast[first]
    return first, last


def step_table(*, factor: float = 1.0, added: float = 0.0) -> Table:
    """Make the table of one step: float32, cut to 0..255, truncated.

    Example:
        >>> step_table(factor=1.5)[[1, 100, 200]]
        array([  1, 150, 255], dtype=uint8)
    """
    values = np.arange(256, dtype=np.float32) * np.float32(factor) + np.float32(added)
    table: Table = np.clip(values, 0, 255).astype(np.uint8)
    return table


def hue_table(added: int) -> Table:
    """Make the table of a hue step; values from 180 on do not occur.

    Example:
        >>> hue_table(-2)[[0, 1, 2]]
        array([178, 179,   0], dtype=uint8)
    """
    return (np.arange(added, added + 256) % HUES).astype(np.uint8)


@cache
def rgb_of_hsv() -> NDArray[np.uint8]:
    """Tabulate OpenCV's way back from HSV, as its vector code does it on this processor.

    Returns:
        Shape (3, 180 * 256 * 256), uint8: R, G and B at (hue * 256 + saturation) * 256 + value.
    """
    table = np.empty((3, HUES, 256, 256), dtype=np.uint8)
    hsv = np.empty((256, 256, 3), dtype=np.uint8)
    hsv[..., 1], hsv[..., 2] = np.indices((256, 256))
    for hue in range(HUES):
        hsv[..., 0] = hue
        table[:, hue] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).transpose(2, 0, 1)
    return table.reshape(3, -1)


def _in_hsv(image: Image, channel: int, table: Table) -> Image:
    hsv = cast(Image, cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    _look_up(hsv, channel, table)
    return cast(Image, cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


@compiled
def _look_up(pixels: Image, channel: int, table: Table) -> None:
    for y in range(pixels.shape[0]):
        for x in range(pixels.shape[1]):
            pixels[y, x, channel] = table[pixels[y, x, channel]]
