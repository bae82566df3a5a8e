"""Photos with what one class covers kept and all else blurred, or taken away (paper's Figure 5).

No depth is known: everything behind is equally far. Letters in shape comments: H and W rows and
columns of the photo.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image, check_image

Effect = Literal["bokeh", "cutout"]
Floats = NDArray[np.float32]

SURE = (0.05, 0.95)  # probabilities beyond these are none at all, and all
DISC = 0.012  # radius of the blur by the photo's diagonal: 61 px at 4096x3072
COARSE_PX, FINE_PX = 90, 6  # how far colours of foreground and background are looked for
BAND_PIXELS = 2**21  # worked on at a time
NOTHING = 1e-5
FAINT = 1e-3  # share of the disc below which the photo itself is taken for the background
BY_ROWS = cv2.BORDER_REPLICATE


class _Band(NamedTuple):
    """Some rows of a photo with those around them that they depend on."""

    around: slice
    inner: slice
    """Within ``around``."""
    rows: slice
    """Of the photo; the inner ones."""


def bokeh(image: Image, probability: NDArray[np.uint8], *, radius_px: int | None = None) -> Image:
    """Blur everything but the foreground as a wide lens does.

    The background is blurred in linear light, without the foreground in it, so that nothing of the
    foreground's colour shines around it; then the foreground, freed from the background's colour at
    its soft edges, is laid over it, mixed as it was in the photo.

    Args:
        image: Shape (H, W, 3), uint8, RGB.
        probability: Of the foreground, shape (H, W), uint8, 255 = certain.
        radius_px: Of the disc that a point becomes; None: 1.2 % of the diagonal.

    Returns:
        Shape (H, W, 3), uint8, RGB.
    """
    if radius_px is None:
        radius_px = max(1, round(DISC * float(np.hypot(*image.shape[:2]))))
    blurred = np.empty_like(check_image(image))
    for band in _bands(image.shape[:2], reach_px=max(radius_px + 1, COARSE_PX + FINE_PX)):
        photo, alpha = _floats(image[band.around]), soft_alpha(probability[band.around])
        background = _from_linear(_blurred_background(_to_linear(photo), alpha, radius_px))
        share = alpha[..., None]
        mixed = share * foreground_colours(photo, alpha) + (1 - share) * background
        blurred[band.rows] = _to_bytes(mixed[band.inner])
    return blurred


def cutout(image: Image, probability: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut out the foreground, with soft edges that have its own colour.

    Args:
        image: Shape (H, W, 3), uint8, RGB.
        probability: Of the foreground, shape (H, W), uint8, 255 = certain.

    Returns:
        Shape (H, W, 4), uint8, RGBA; black where nothing is left.
    """
    cut = np.zeros((*check_image(image).shape[:2], 4), np.uint8)
    for band in _bands(image.shape[:2], reach_px=COARSE_PX + FINE_PX):
        photo, alpha = _floats(image[band.around]), soft_alpha(probability[band.around])
        colours = foreground_colours(photo, alpha) * (alpha > 0)[..., None]
        cut[band.rows, :, :3] = _to_bytes(colours[band.inner])
        cut[band.rows, :, 3] = _to_bytes(alpha[band.inner])
    return cut


def soft_alpha(probability: NDArray[np.uint8]) -> Floats:
    """Take the probability of the foreground for its share of each pixel.

    Args:
        probability: Shape (H, W), uint8, 255 = certain.

    Returns:
        Shape (H, W), float32, 0..1: nothing below 5 %, all above 95 %.
    """
    low, high = SURE
    alpha: Floats = np.clip((_floats(probability) - low) / (high - low), 0, 1)
    return alpha


def foreground_colours(photo: Floats, alpha: Floats) -> Floats:
    """Estimate the colour of the foreground at every pixel, as it would be without background.

    Blur-fusion (Forte & Pitié, Approximate Fast Foreground Colour Estimation, 2021): the colours of
    both sides are averaged around a pixel, and what the photo differs from their mix is the
    foreground's; once far around, once near.

    Args:
        photo: Shape (H, W, 3), float32, 0..1.
        alpha: Share of the foreground, shape (H, W), float32, 0..1.

    Returns:
        Shape (H, W, 3), float32, 0..1; the photo itself where the foreground is all.
    """
    share = alpha[..., None]
    foreground = background = photo
    for radius_px in (COARSE_PX, FINE_PX):
        around = _mean(alpha, radius_px)[..., None]
        near = _mean(foreground * share, radius_px) / (around + NOTHING)
        background = _mean(background * (1 - share), radius_px) / (1 - around + NOTHING)
        mixed = share * near + (1 - share) * background
        foreground = np.clip(near + share * (photo - mixed), 0, 1)
    return np.where(share == 1, photo, foreground)


def _blurred_background(light: Floats, alpha: Floats, radius_px: int) -> Floats:
    """Blur linear light with a disc, counting each pixel as far as it is background."""
    disc = _disc(radius_px)
    weight = np.clip(1 - 10 * alpha, 0, 1)  # a pixel that is a tenth foreground shows it
    share = cv2.filter2D(weight, -1, disc, borderType=BY_ROWS)[..., None]
    summed = cv2.filter2D(light * weight[..., None], -1, disc, borderType=BY_ROWS)
    blurred = (summed + FAINT * light) / (share + FAINT)
    return cast(Floats, np.clip(blurred, 0, 1))


def _disc(radius_px: int) -> Floats:
    """Make a disc with a soft rim that sums to 1."""
    places = np.arange(-radius_px - 1, radius_px + 2)
    distance = np.hypot(places[:, None], places)
    disc = np.clip(radius_px + 0.5 - distance, 0, 1).astype(np.float32)
    return cast(Floats, disc / disc.sum())


def _mean(values: Floats, radius_px: int) -> Floats:
    side = 2 * radius_px + 1
    return cast(Floats, cv2.blur(values, (side, side), borderType=BY_ROWS))


def _bands(size_hw: tuple[int, ...], *, reach_px: int) -> Iterator[_Band]:
    """Cut a photo into bands of rows that give what the whole would."""
    height, width = size_hw
    step = max(reach_px, BAND_PIXELS // width)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        first = max(0, top - reach_px)
        around = slice(first, min(bottom + reach_px, height))
        yield _Band(around, slice(top - first, bottom - first), slice(top, bottom))


def _floats(values: NDArray[np.uint8]) -> Floats:
    return values.astype(np.float32) / np.float32(255)


def _to_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return rounded


def _to_linear(values: Floats) -> Floats:
    """Undo the curve of sRGB, 0..1."""
    steep = ((values + 0.055) / 1.055) ** 2.4
    return np.where(values <= 0.04045, values / 12.92, steep).astype(np.float32)


def _from_linear(light: Floats) -> Floats:
    """Apply the curve of sRGB, 0..1."""
    steep = 1.055 * light ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, light * 12.92, steep).astype(np.float32)
