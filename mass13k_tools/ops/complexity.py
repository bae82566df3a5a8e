"""mIPQ: how far the outlines of an image's classes are from circles.

An image's mIPQ is the mean of L^2 / (4 pi A) over the classes present, L the perimeter and A the
area of a class's whole region (MaSS13K paper; it does not say how L is measured). Here holes belong
to the outline, the image frame counts as an edge, class 0 is a class like the others, and ignore
pixels are outside every class. L comes in five definitions:

- ``contour`` (default): Gray's bit quads. A 2x2 window with one or three pixels of the class adds
  1/sqrt(2), one with two pixels side by side adds 1, one with two on a diagonal adds sqrt(2).
- ``crofton``: Crofton's formula in four directions, as in ``skimage.measure.perimeter_crofton``.
- ``crack``: number of pixel sides between the class and anything else.
- ``skimage``: ``skimage.measure.perimeter`` with its default neighbourhood; halves one-pixel wires.
- ``opencv``: summed ``cv2.arcLength`` over all contours, inner ones too.

The first three are weighted sums over one count of 2x2 windows, taken for all classes in one pass.
"""

from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, check_label_map, value_counts
from mass13k_tools.ops.compiled import compiled

Definition = Literal["contour", "crofton", "crack", "skimage", "opencv"]

# The kinds of 2x2 window that an outline passes through, by the pixels of the class in them
KINDS = ("single", "pair", "diagonal", "triple")

# What a window of each kind adds to the perimeter. Crofton: pi/8 for every pixel side (two windows
# see it) and pi/8/sqrt(2) for every diagonal (one window sees it) across which the class ends.
_SIDE, _DIAGONAL = np.pi / 8, np.pi / 8 / np.sqrt(2)
LENGTHS: dict[Definition, tuple[float, float, float, float]] = {
    #           single             pair                   diagonal    triple
    "contour": (np.sqrt(0.5), 1.0, np.sqrt(2), np.sqrt(0.5)),
    "crofton": (_SIDE + _DIAGONAL, _SIDE + 2 * _DIAGONAL, 2 * _SIDE, _SIDE + _DIAGONAL),
    "crack": (1.0, 1.0, 2.0, 1.0),
}

# Kind of each pattern; bits: 1 top left, 2 top right, 4 bottom left, 8 bottom right; 4 = no kind
_KIND_OF_PATTERN = np.array([4, 0, 0, 1, 0, 1, 2, 3, 0, 2, 1, 3, 1, 3, 3, 4])

# skimage.measure.perimeter: weight of a border pixel by its border neighbours of the same class
_S, _H = np.sqrt(2), (1 + np.sqrt(2)) / 2
_SKIMAGE_WEIGHTS = np.array(
    # 0   1    2    3    4 at corners
    [
        [0, 0.0, _S, 0.0, 0],  # 0 at sides
        [0, _H, _H, _S, 0],  # 1
        [1, 1.0, 1.0, 0.0, 0],  # 2
        [1, 1.0, 1.0, 0.0, 0],  # 3
        [0, 0.0, 0.0, 0.0, 0],  # 4
    ]
)


class Complexity(NamedTuple):
    """mIPQ of one image and where it comes from."""

    mipq: float
    """Mean of ``ipq`` over the classes counted; nan when there is none."""
    ipq: NDArray[np.float64]
    """L^2 / (4 pi A) by class id, shape (256,); nan for classes absent or too small."""
    skipped: int
    """Number of classes present but smaller than the minimum area."""


def complexity(
    label_map: LabelMap, *, definition: Definition = "contour", min_area: int = 1
) -> Complexity:
    """Measure the mask complexity of an image, all classes at once.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        definition: How the perimeter is measured, see above.
        min_area: Classes with fewer pixels are skipped and counted.

    Returns:
        mIPQ and the values by class; without unit, about 1 for a disc, 4/pi for a square.

    Example:
        >>> square = np.full((200, 200), 2, dtype=np.uint8)
        >>> round(complexity(square).mipq, 2)
        1.27
    """
    lengths = perimeters(label_map, definition=definition)
    return quotients(class_areas(label_map), lengths, min_area=min_area)


def quotients(areas: Counts, lengths: NDArray[np.float64], *, min_area: int = 1) -> Complexity:
    """Put areas and perimeters together: L^2 / (4 pi A) per class, and the mean.

    Args:
        areas: Pixels by class id, shape (256,), int64.
        lengths: Perimeter in pixels by class id, shape (256,), float64.
        min_area: Classes with fewer pixels are skipped and counted.
    """
    counted = areas >= max(min_area, 1)
    ipq = np.full(areas.shape, np.nan)
    ipq[counted] = lengths[counted] ** 2 / (4 * np.pi * areas[counted])
    return Complexity(
        mipq=float(ipq[counted].mean()) if counted.any() else float("nan"),
        ipq=ipq,
        skipped=int(((areas > 0) & ~counted).sum()),
    )


def class_areas(label_map: LabelMap) -> Counts:
    """Count the pixels of every class, shape (256,), int64; ignore counts 0."""
    areas = value_counts(check_label_map(label_map))
    areas[IGNORE] = 0
    return areas


def perimeters(label_map: LabelMap, *, definition: Definition = "contour") -> NDArray[np.float64]:
    """Measure the perimeter of every class's region, holes and image frame included.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        definition: How a perimeter is measured, see above.

    Returns:
        Pixels by class id, shape (256,), float64; 0 for absent classes and ignore.
    """
    if definition == "skimage":
        return _skimage_perimeters(label_map)
    if definition == "opencv":
        return _opencv_perimeters(label_map)
    return perimeters_from_windows(outline_windows(label_map), definition=definition)


def perimeters_from_windows(windows: Counts, *, definition: Definition) -> NDArray[np.float64]:
    """Weigh window counts to perimeters by one of the definitions in ``LENGTHS``.

    Args:
        windows: What :func:`outline_windows` returns, or a sum of such, shape (256, 4), int64.
        definition: ``contour``, ``crofton`` or ``crack``.
    """
    return np.asarray(windows @ np.array(LENGTHS[definition]))


def outline_windows(label_map: LabelMap) -> Counts:
    """Count, for every class, the 2x2 windows of each kind that its outline passes through.

    Windows reach one pixel beyond the frame, where there is no class. The counts also give the
    Euler number (8-connected), components minus holes: (single - triple - 2 diagonal) / 4.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.

    Returns:
        Shape (256, 4), int64: by class id and by ``KINDS``; ignore has zeros.

    Example:
        >>> pixel = np.array([[3]], dtype=np.uint8)
        >>> outline_windows(pixel)[3]
        array([4, 0, 0, 0])
    """
    patterns = _count_patterns(_framed(label_map, 1))
    windows = np.zeros((256, 5), dtype=np.int64)
    np.add.at(windows.T, _KIND_OF_PATTERN, patterns.T)
    windows[IGNORE] = 0
    return np.ascontiguousarray(windows[:, :4])


def _framed(label_map: LabelMap, width: int) -> LabelMap:
    """Surround a label map with ignore, which is outside every class."""
    sides = (width, width, width, width)
    framed = cv2.copyMakeBorder(
        check_label_map(label_map), *sides, cv2.BORDER_CONSTANT, value=(IGNORE,)
    )
    return np.asarray(framed, dtype=np.uint8)


@compiled
def _count_patterns(framed: LabelMap) -> Counts:
    """Count 2x2 patterns by class, shape (256, 16); windows of one value are passed over."""
    counts = np.zeros((256, 16), dtype=np.int64)
    for y in range(framed.shape[0] - 1):
        top, bottom = framed[y], framed[y + 1]
        a, c = top[0], bottom[0]
        for x in range(1, framed.shape[1]):
            b, d = top[x], bottom[x]
            if (a ^ b) | (c ^ d) | (a ^ c):
                counts[a, 1 | (b == a) << 1 | (c == a) << 2 | (d == a) << 3] += 1
                if b != a:
                    counts[b, 2 | (c == b) << 2 | (d == b) << 3] += 1
                if c != a and c != b:
                    counts[c, 4 | (d == c) << 3] += 1
                if d != a and d != b and d != c:
                    counts[d, 8] += 1
            a, c = b, d
    return counts


def _opencv_perimeters(label_map: LabelMap) -> NDArray[np.float64]:
    """Sum arcLength over every contour, class by class, as OpenCV finds them."""
    lengths = np.zeros(256)
    for class_id in np.flatnonzero(class_areas(label_map)):
        mask = (label_map == class_id).view(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        lengths[class_id] = sum(cv2.arcLength(contour, closed=True) for contour in contours)
    return lengths


def _skimage_perimeters(label_map: LabelMap) -> NDArray[np.float64]:
    """Compute skimage.measure.perimeter(neighborhood=4) of all classes in one pass.

    A border pixel is one with a side on something else. It weighs 1, sqrt(2) or (1 + sqrt(2)) / 2,
    by how many of its side and corner neighbours are border pixels of its class.
    """
    counts = _count_border_neighbours(_framed(label_map, 2))
    lengths = np.asarray(counts @ _SKIMAGE_WEIGHTS.ravel())
    lengths[IGNORE] = 0
    return lengths


@compiled
def _count_border_neighbours(framed: LabelMap) -> Counts:
    """Count border pixels by class and by 5 * (neighbours at sides) + (at corners) in the border.

    ``framed`` has a frame of two ignore pixels. Shape (256, 25), int64.
    """
    height, width = framed.shape
    border = np.zeros((height, width), dtype=np.uint8)
    for y in range(1, height - 1):
        above, row, below = framed[y - 1], framed[y], framed[y + 1]
        for x in range(1, width - 1):
            value = row[x]
            border[y, x] = (
                (above[x] != value)
                | (below[x] != value)
                | (row[x - 1] != value)
                | (row[x + 1] != value)
            )
    counts = np.zeros((256, 25), dtype=np.int64)
    for y in range(2, height - 2):
        for x in range(2, width - 2):
            if border[y, x]:
                value, side, corner = framed[y, x], 0, 0
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        if border[y + dy, x + dx] and framed[y + dy, x + dx] == value:
                            side += (dy == 0) != (dx == 0)
                            corner += dy != 0 and dx != 0
                counts[value, 5 * side + corner] += 1
    return counts
