"""Resize a part of an image as if the whole had been resized, to the bit.

A crop of a resized image depends on a small rectangle of the source only. It is computed here from
that rectangle with the arithmetic of ``cv2.resize`` and the positions of the whole, so that the
result is the crop of ``cv2.resize(whole, ...)``, whatever the scale.

What OpenCV computes for 8 bits and ``INTER_LINEAR``, the same from 4.10 to 5.0: the source position
of a pixel in float32; its fraction and the rest of 1 as two coefficients of 11 bits, each rounded
by itself, half to even; columns first, the four lowest bits of their sum dropped; then rows, each
product shifted right by 16, and their sum rounded to a quarter. Beyond the first and last column
the fraction is 0, beyond the first and last row it is kept and both rows are the same.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image, LabelMap, check_image, check_label_map, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.compiled import compiled

Box = tuple[int, int, int, int]  # y, x, height, width
Size = tuple[int, int]  # height, width
Indices = NDArray[np.int64]
Coefficients = NDArray[np.int32]  # (n, 2) of 2048

ONE = np.float32(2048)
MOST_PX = 2**20  # a side; positions are exact in float32 far beyond that of any photo


class Cut(NamedTuple):
    """Which part of which resized image is wanted."""

    source_hw: Size
    """Size of the whole source."""
    target_hw: Size
    """Size that the whole would be resized to."""
    box: Box
    """The part wanted, in pixels of the resized image."""


class Part(NamedTuple):
    """Pixels of the source and where they lie in it."""

    pixels: NDArray[np.uint8]
    """Shape (h, w, 3) of an image or (h, w) of a label map, uint8."""
    origin_yx: tuple[int, int]
    """Position of the first pixel in the whole source."""


def linear_box(cut: Cut) -> Box:
    """Find the rectangle of the source that a part of the resized image is made of.

    Args:
        cut: What is wanted.

    Returns:
        (y, x, height, width) in pixels of the source.

    Raises:
        DatasetError: The part does not lie within the resized image, or a size is not positive.

    Example:
        >>> linear_box(Cut((3072, 4096), (1536, 2048), (100, 0, 4, 2)))
        (200, 0, 8, 4)
    """
    rows, columns = _linear_axis(cut, 0), _linear_axis(cut, 1)
    return _around(rows.pairs, columns.pairs)


def nearest_box(cut: Cut) -> Box:
    """Find the rectangle of the source that a part of the resized label map is made of.

    Args, result and errors are those of :func:`linear_box`.
    """
    return _around(*nearest_indices(cut))


def resize_linear(part: Part, cut: Cut, *, flip: bool = False) -> Image:
    """Resize a part of an image, equal to ``cv2.resize(whole, ..., INTER_LINEAR)`` there.

    Args:
        part: Pixels of the source image that cover :func:`linear_box`.
        cut: What is wanted.
        flip: Mirror the result left to right.

    Returns:
        Shape (height, width, 3) of ``cut.box``, uint8.

    Raises:
        DatasetError: The part does not cover what is needed, or :func:`linear_box` fails.

    Example:
        >>> image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 10
        >>> cut = Cut((2, 2), (2, 4), (0, 1, 1, 2))
        >>> resize_linear(Part(image, (0, 0)), cut).tolist()
        [[[8, 18, 28], [23, 33, 43]]]
    """
    pixels = check_image(part.pixels)
    rows, columns = _linear_axis(cut, 0), _linear_axis(cut, 1)
    _check_cover(part, _around(rows.pairs, columns.pairs))
    step = -1 if flip else 1
    left = (columns.pairs[::step] - part.origin_yx[1]) * 3
    target = np.empty((*cut.box[2:], 3), dtype=np.uint8)
    _blend(
        pixels.reshape(pixels.shape[0], -1),
        _Axis(rows.pairs - part.origin_yx[0], rows.coefficients),
        _Axis(left, columns.coefficients[::step].copy()),
        target.reshape(target.shape[0], -1),
    )
    return target


def resize_nearest(part: Part, cut: Cut, *, flip: bool = False) -> LabelMap:
    """Resize a part of a label map, equal to ``cv2.resize(whole, ..., INTER_NEAREST)`` there.

    Args and errors are those of :func:`resize_linear`; the part covers :func:`nearest_box`.

    Returns:
        Shape (height, width) of ``cut.box``, uint8.

    Example:
        >>> label_map = np.array([[1, 2], [3, 4]], dtype=np.uint8)
        >>> resize_nearest(Part(label_map, (0, 0)), Cut((2, 2), (2, 4), (0, 1, 2, 2)), flip=True)
        array([[2, 1],
               [4, 3]], dtype=uint8)
    """
    pixels = check_label_map(part.pixels)
    rows, columns = nearest_indices(cut)
    _check_cover(part, _around(rows, columns))
    target = np.empty(cut.box[2:], dtype=np.uint8)
    columns = columns[:: -1 if flip else 1] - part.origin_yx[1]
    _pick(pixels, rows - part.origin_yx[0], columns, target)
    return target


def nearest_indices(cut: Cut) -> tuple[Indices, Indices]:
    """Say which row and column of the source each row and column of the part takes its labels from.

    Returns:
        Shape (height,) and (width,), int64, positions in the whole source, rising.
    """
    check_cut(cut)
    indices = []
    for axis in (0, 1):
        source, target = cut.source_hw[axis], cut.target_hw[axis]
        first, count = cut.box[axis], cut.box[axis + 2]
        position = np.floor(np.arange(first, first + count) * (1.0 / (target / source)))
        indices.append(np.minimum(position.astype(np.int64), source - 1))
    return indices[0], indices[1]


def check_cut(cut: Cut) -> None:
    """Make sure that the sizes are positive and the box lies within the resized image."""
    sides = (*cut.source_hw, *cut.target_hw)
    if min(sides) < 1 or max(sides) > MOST_PX:
        raise DatasetError(
            f"cannot resize {size_text(cut.source_hw)} to {size_text(cut.target_hw)}, "
            f"expected sides of 1 to {MOST_PX} pixels"
        )
    y, x, height, width = cut.box
    outside = y + height > cut.target_hw[0] or x + width > cut.target_hw[1]
    if min(y, x) < 0 or min(height, width) < 1 or outside:
        raise DatasetError(
            f"box {cut.box} (y, x, height, width) is empty or not within the resized "
            f"image of {size_text(cut.target_hw)}"
        )


class _Axis(NamedTuple):
    """Where the pixels of one axis come from."""

    pairs: Indices  # (n, 2) source positions of both neighbours
    coefficients: Coefficients  # (n, 2)


def _linear_axis(cut: Cut, axis: int) -> _Axis:
    check_cut(cut)
    source, target = cut.source_hw[axis], cut.target_hw[axis]
    first, count = cut.box[axis], cut.box[axis + 2]
    scale = 1.0 / (target / source)  # not source / target: the last bit may differ
    position = ((np.arange(first, first + count) + 0.5) * scale - 0.5).astype(np.float32)
    start = np.floor(position)
    fraction = position - start
    index = start.astype(np.int64)
    if axis == 1:
        fraction[(index < 0) | (index >= source - 1)] = 0
    coefficients = np.rint(np.stack([np.float32(1) - fraction, fraction], axis=1) * ONE)
    pairs = np.stack([index, index + 1], axis=1).clip(0, source - 1)
    return _Axis(pairs, coefficients.astype(np.int32))


def _around(rows: Indices, columns: Indices) -> Box:
    y, x = int(rows.min()), int(columns.min())
    return y, x, int(rows.max()) + 1 - y, int(columns.max()) + 1 - x


def _check_cover(part: Part, box: Box) -> None:
    (top, left), (height, width) = part.origin_yx, part.pixels.shape[:2]
    y, x, rows, columns = box
    if y < top or x < left or y + rows > top + height or x + columns > left + width:
        raise DatasetError(
            f"the part at {part.origin_yx} of {size_text((height, width))} pixels does not cover "
            f"the box {box} (y, x, height, width) that is needed"
        )


# Places in a row are unsigned below: with signed ones numba asks each time whether it is negative
@compiled
def _blend(source: NDArray[np.uint8], rows: _Axis, columns: _Axis, target: LabelMap) -> None:
    """Blend columns, then rows; ``source`` and ``target`` hold three values a pixel."""
    lines = np.empty((2, target.shape[1]), dtype=np.int16)  # two blended source rows, 15 bits
    held = np.full(2, -1, dtype=np.int64)  # their numbers
    for y in range(target.shape[0]):
        for slot in range(2):
            row = rows.pairs[y, slot]
            if held[slot] == row:
                continue
            if held[1 - slot] == row:
                lines[slot] = lines[1 - slot]
            else:
                _blend_columns(source[row], columns, lines[slot])
            held[slot] = row
        a, b = rows.coefficients[y, 0], rows.coefficients[y, 1]
        for i in range(target.shape[1]):
            sum_ = ((a * lines[0, i]) >> 16) + ((b * lines[1, i]) >> 16)
            target[y, i] = (sum_ + 2) >> 2


@compiled
def _blend_columns(line: NDArray[np.uint8], columns: _Axis, blended: NDArray[np.int16]) -> None:
    for x in range(columns.pairs.shape[0]):
        left, right = np.uint64(columns.pairs[x, 0]), np.uint64(columns.pairs[x, 1])
        a, b = columns.coefficients[x, 0], columns.coefficients[x, 1]
        for channel in range(np.uint64(3)):
            sum_ = a * line[left + channel] + b * line[right + channel]
            blended[np.uint64(3 * x) + channel] = sum_ >> 4


@compiled
def _pick(source: LabelMap, rows: Indices, columns: Indices, target: LabelMap) -> None:
    for y in range(target.shape[0]):
        if y > 0 and rows[y] == rows[y - 1]:
            target[y] = target[y - 1]
            continue
        line = source[rows[y]]
        for x in range(target.shape[1]):
            target[y, x] = line[np.uint64(columns[x])]
