"""Where a predicted label map is wrong, and what kind of place that is.

Every pixel that is not ignored in the truth has one kind, the first that fits:

- ``thin``: it lies in a structure of its true class that no square of ``thin_px`` fits into, see
  ``census.thin_mask``;
- ``small``: it lies in a component of fewer than ``small_px`` pixels, be it in the truth (an object
  that is easily missed) or in the prediction (an island, mostly invented);
- ``band``: another class of the truth lies within ``band_px`` pixels, diagonal steps counting as
  one. That is the inner band of Boundary IoU, except that neither the image frame nor ignored
  pixels make a band: no class ends there;
- ``interior``: the rest.

Right pixels have kinds as well, so a share of wrong pixels can be given for each. A prediction of
ignore (255) is wrong wherever the truth is a class. Sizes are in pixels whatever the image's size;
the defaults suit 4096x3072.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, Mask, check_pair
from mass13k_tools.ops.bands import class_bands
from mass13k_tools.ops.census import THIN_PX, thin_mask
from mass13k_tools.ops.compiled import compiled
from mass13k_tools.ops.components import small_components

KINDS = ("thin", "small", "band", "interior")
THIN, SMALL, BAND, INTERIOR = range(len(KINDS))
NO_CLASS = -1  # equal to no value of a label map
SMALL_PX = 1024  # a square of 32x32: a person far away, a gap between leaves


@dataclass(frozen=True)
class Mistakes:
    """Counts by kind and by true class, shape (4, 256), int64; two of them add up.

    The sum over the second axis is the count by kind. Where one class stands for all else ("others"
    in MaSS13K), mistakes that involve it are told apart: ``wrong - wrong_with_rest`` are those
    among the other classes.
    """

    pixels: Counts
    """All that are not ignored."""
    wrong: Counts
    """Those that were predicted as another class, or as ignore."""
    wrong_with_rest: Counts
    """Those of them whose true or predicted class is the rest class; 0 without one."""

    def __add__(self, other: "Mistakes") -> "Mistakes":
        return Mistakes(
            self.pixels + other.pixels,
            self.wrong + other.wrong,
            self.wrong_with_rest + other.wrong_with_rest,
        )


class Window(NamedTuple):
    """A part of an image, as ``mass13k show --crop`` takes it, and its wrong pixels."""

    y: int
    x: int
    height: int
    width: int
    wrong: int


def mistakes(
    prediction: LabelMap,
    truth: LabelMap,
    *,
    band_px: int,
    thin_px: int = THIN_PX,
    small_px: int = SMALL_PX,
    rest_id: int | None = 0,
) -> Mistakes:
    """Count the wrong pixels of every kind; see :func:`pixel_kinds` for the other arguments.

    Args:
        prediction: Class ids, shape (H, W), uint8.
        truth: Class ids, shape (H, W), uint8, 255 = ignore.
        band_px: Reach of a class change.
        thin_px: Side of the square.
        small_px: Area that is not small.
        rest_id: The class that stands for all else, as for ``error_map``; None without one.

    Example:
        >>> truth = np.zeros((40, 60), dtype=np.uint8)
        >>> truth[:, 30:] = 5
        >>> prediction = np.zeros_like(truth)
        >>> prediction[:, 33:] = 5
        >>> count = mistakes(prediction, truth, band_px=1)
        >>> dict(zip(KINDS, count.wrong.sum(axis=1).tolist()))
        {'thin': 0, 'small': 0, 'band': 40, 'interior': 80}
    """
    kinds = pixel_kinds(prediction, truth, band_px=band_px, thin_px=thin_px, small_px=small_px)
    prediction, truth = check_pair(prediction, truth)
    rest = NO_CLASS if rest_id is None else rest_id
    return Mistakes(*_count(kinds.ravel(), prediction.ravel(), truth.ravel(), rest))


def pixel_kinds(
    prediction: LabelMap,
    truth: LabelMap,
    *,
    band_px: int,
    thin_px: int = THIN_PX,
    small_px: int = SMALL_PX,
) -> NDArray[np.uint8]:
    """Say for every pixel what kind of place it is, as defined above.

    Args:
        prediction: Class ids, shape (H, W), uint8.
        truth: Class ids, shape (H, W), uint8, 255 = ignore.
        band_px: Reach of a class change, at least 1.
        thin_px: Side of the square that does not fit into a thin structure.
        small_px: Area that is not small any more.

    Returns:
        Index into ``KINDS``, shape (H, W), uint8; 255 where the truth is ignore.

    Raises:
        DatasetError: The two differ in size.
    """
    prediction, truth = check_pair(prediction, truth)
    kinds = np.full(truth.shape, INTERIOR, dtype=np.uint8)
    kinds[class_bands(truth, width_px=band_px)] = BAND
    kinds[small_components(truth, below_px=small_px)] = SMALL
    kinds[small_components(prediction, below_px=small_px)] = SMALL
    kinds[thin_mask(truth, width_px=thin_px)] = THIN
    kinds[truth == IGNORE] = IGNORE
    return kinds


def wrong_pixels(prediction: LabelMap, truth: LabelMap) -> Mask:
    """Mark where the truth is a class and the prediction is not this class, shape (H, W), bool."""
    prediction, truth = check_pair(prediction, truth)
    return np.asarray((prediction != truth) & (truth != IGNORE))


def worst_windows(wrong: Mask, *, side_px: int = 512, most: int = 5) -> list[Window]:
    """Find the windows with the most wrong pixels.

    Windows lie on a grid of an eighth of their side, and at the far ends of the image. Each is the
    worst of those that overlap none listed before.

    Args:
        wrong: Shape (H, W), bool, see :func:`wrong_pixels`.
        side_px: Side of a window; a smaller image limits it.
        most: Length of the list.

    Returns:
        The worst first, at equal counts in reading order; windows without a wrong pixel are left
        out.
    """
    height, width = min(side_px, wrong.shape[0]), min(side_px, wrong.shape[1])
    ys, xs = _grid(wrong.shape[0], height), _grid(wrong.shape[1], width)
    sums = cv2.integral(wrong.view(np.uint8))  # of all pixels above and left, (H + 1, W + 1)
    below, above = sums[ys + height], sums[ys]
    counts = below[:, xs + width] - below[:, xs] - above[:, xs + width] + above[:, xs]
    windows: list[Window] = []
    while len(windows) < most and counts.max() > 0:
        row, column = np.unravel_index(counts.argmax(), counts.shape)
        y, x = int(ys[row]), int(xs[column])
        windows.append(Window(y, x, height, width, int(counts[row, column])))
        counts[np.ix_(abs(ys - y) < height, abs(xs - x) < width)] = 0
    return windows


def _grid(length: int, side: int) -> Counts:
    """Place windows of ``side`` pixels on ``length``: every eighth of a side, and at the end."""
    return np.append(np.arange(0, length - side, max(1, side // 8)), length - side)


@compiled
def _count(
    kinds: NDArray[np.uint8], prediction: LabelMap, truth: LabelMap, rest: int
) -> tuple[Counts, Counts, Counts]:
    """Count pixels, wrong ones and wrong ones with the rest class by kind and true class."""
    pixels = np.zeros((4, 256), dtype=np.int64)
    wrong = np.zeros((4, 256), dtype=np.int64)
    wrong_with_rest = np.zeros((4, 256), dtype=np.int64)
    for i in range(kinds.size):
        kind, predicted, true = kinds[i], prediction[i], truth[i]
        if kind != IGNORE:
            pixels[kind, true] += 1
            if predicted != true:
                wrong[kind, true] += 1
                wrong_with_rest[kind, true] += predicted == rest or true == rest
    return pixels, wrong, wrong_with_rest
