"""Boundary weights as whole numbers: how far the count of a class in a window is from full or none.

For a class's mask G with n of its pixels in the k x k window around a pixel, W = G - n / k². The
step k² |W| is a whole number; with the label map, which tells G, it says all about W.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, LabelMap, Mask, check_class_ids, check_label_map
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.compiled import compiled

WeightMode = Literal["abs", "signed"]
Frame = Literal["zeros", "reflect"]
Weights = NDArray[np.float32]  # (H, W) or (C, H, W)
Tabulated = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
Steps = NDArray[np.uint8] | NDArray[np.uint16]  # (C, H, W) whole numbers: |W| = step / k²

KERNEL_PX = 5  # as released
MOST_KERNEL_PX = 255
BYTE_KERNEL_PX = 15  # the largest window whose counts fit 8 bits


def boundary_steps(
    label_map: LabelMap,
    class_ids: Sequence[int],
    *,
    kernel_px: int = KERNEL_PX,
    frame: Frame = "zeros",
) -> Steps:
    """Compute boundary weights as whole numbers: k² times their magnitude.

    Args:
        label_map: As for :func:`boundary_weights`, like the rest.
        class_ids: Which classes, in which order.
        kernel_px: Side of the window.
        frame: What lies beyond the frame.

    Returns:
        Shape (C, H, W), uint8 for windows up to 15x15, else uint16.
    """
    steps = np.zeros((len(class_ids), *check_label_map(label_map).shape), count_type(kernel_px))
    outside = np.arange(kernel_px**2 + 1, dtype=steps.dtype)
    by_count = np.stack([outside, outside[::-1]])
    write_by_count(framed_labels(label_map, kernel_px, frame), class_ids, by_count, steps)
    return steps


def weights_from_steps(
    steps: Steps, label_map: LabelMap, class_ids: Sequence[int], *, mode: WeightMode, kernel_px: int
) -> Weights:
    """Turn whole numbers back into the weights of :func:`boundary_weights`, equal to the bit.

    Args:
        steps: As :func:`boundary_steps` returns them.
        label_map: The label map that they are from; it tells inside from outside.
        class_ids: The classes of ``steps``.
        mode: As for :func:`boundary_weights`.
        kernel_px: The window that they were counted in.

    Raises:
        DatasetError: The steps cannot be of this label map, these classes or this window.
    """
    table = step_weights(mode, kernel_px)
    expected = (len(check_class_ids(class_ids, least=0)), *check_label_map(label_map).shape)
    if steps.shape != expected or steps.dtype not in (np.uint8, np.uint16):
        raise DatasetError(
            f"steps are {steps.dtype} of shape {steps.shape}, expected whole numbers of {expected}"
        )
    if steps.max(initial=0) > kernel_px**2:
        raise DatasetError(f"a step is {steps.max()}, more than {kernel_px} px squared")
    weights = np.zeros(steps.shape, dtype=np.float32)
    for number, class_id in enumerate(class_ids):
        _look_up(steps[number], label_map == class_id, table, weights[number])
    return weights


def step_weights(mode: WeightMode, kernel_px: int) -> Weights:
    """Tabulate the weights that there are, by outside or inside and by step.

    Args:
        mode: As for :func:`boundary_weights`.
        kernel_px: Side of the window, odd, 3 to 255.

    Returns:
        Shape (2, k² + 1), float32.

    Raises:
        DatasetError: No such mode or window.
    """
    check_mode(mode)
    check_window(kernel_px)
    steps = np.arange(kernel_px**2 + 1, dtype=np.float32)
    counts = np.stack([steps, steps[::-1]])  # of the class in the window, outside and inside
    inside = np.array([[0], [1]], dtype=np.float32)
    signed = np.asarray(inside - counts / np.float32(kernel_px**2), dtype=np.float32)
    return np.abs(signed) if mode == "abs" else signed


def check_mode(mode: WeightMode) -> None:
    """Refuse an unknown mode."""
    if mode not in get_args(WeightMode):
        raise DatasetError(f"no weight mode '{mode}', known are: {', '.join(get_args(WeightMode))}")


def check_frame(frame: Frame) -> None:
    """Refuse an unknown way to go on beyond the frame."""
    if frame not in get_args(Frame):
        raise DatasetError(f"no frame '{frame}', known are: {', '.join(get_args(Frame))}")


def check_window(kernel_px: int) -> None:
    """Refuse a window that has no centre or is larger than 255 px."""
    if not 3 <= kernel_px <= MOST_KERNEL_PX or kernel_px % 2 == 0:
        raise DatasetError(
            f"window of {kernel_px} px, expected an odd number, 3 to {MOST_KERNEL_PX}"
        )


def count_type(kernel_px: int) -> type[np.uint8 | np.uint16]:
    """Give the smallest type that holds the pixels of a window."""
    return np.uint8 if kernel_px <= BYTE_KERNEL_PX else np.uint16


def framed_labels(label_map: LabelMap, kernel_px: int, frame: Frame) -> LabelMap:
    """Surround a label map with what its windows see beyond the frame."""
    check_frame(frame)
    check_window(kernel_px)
    border = cv2.BORDER_CONSTANT if frame == "zeros" else cv2.BORDER_REFLECT_101
    half = kernel_px // 2
    sides = (half, half, half, half)
    framed = cv2.copyMakeBorder(check_label_map(label_map), *sides, border, value=(IGNORE,))
    return np.asarray(framed, dtype=np.uint8)


def write_by_count(
    framed: LabelMap, class_ids: Sequence[int] | None, by_count: Tabulated, out: Tabulated
) -> None:
    """Write the value that belongs to the count of each class in the window of each pixel.

    Args:
        framed: As :func:`framed_labels` returns it.
        class_ids: Which C classes, in which order; None: the class of each pixel, C = 1.
        by_count: Values by outside or inside of the class and by count, shape (2, k² + 1), where
            nothing outside and all inside belong to 0.
        out: Zeros, shape (C, H, W); pages of it that stay 0 are never touched.

    Raises:
        DatasetError: An id is none, or comes twice.
    """
    # A label map of ignore alone has no classes, and no weights
    ids = np.array([] if class_ids is None else check_class_ids(class_ids, least=0), dtype=np.uint8)
    size = framed.shape[0] - out.shape[1] + 1
    square = np.ones((size, size), dtype=np.uint8)
    mixed = cv2.compare(cv2.erode(framed, square), cv2.dilate(framed, square), cv2.CMP_NE)
    half = size // 2
    inner = np.asarray(mixed)[half : half + out.shape[1], half : half + out.shape[2]]
    _write_where_mixed(framed, np.ascontiguousarray(inner), ids, by_count, out, class_ids is None)


@compiled
def _write_where_mixed(
    framed: LabelMap,
    mixed: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    by_count: Tabulated,
    out: Tabulated,
    own: bool,
) -> None:
    """Do the work of :func:`write_by_count` in the windows that hold more than one value.

    Every column keeps how often it has each class in the rows of the window; along a row, the
    count of a window is that of the one before it, plus one column, minus one.
    """
    height, width = mixed.shape
    size, half = framed.shape[0] - height + 1, (framed.shape[0] - height) // 2
    columns = np.zeros((256, framed.shape[1]), dtype=np.int32)
    for bottom in range(framed.shape[0]):
        for x in range(framed.shape[1]):
            columns[framed[bottom, x], x] += 1
        y = bottom - size + 1
        start = 0
        while y >= 0 and start < width:
            if not mixed[y, start]:
                start += 1
                continue
            stop = start
            while stop < width and mixed[y, stop]:
                stop += 1
            centres = framed[y + half, half + start : half + stop]
            counts = columns[:, start : stop + size - 1]
            if own:
                _write_own(centres, counts, by_count[1], out[0, y, start:stop])
            else:
                for number in range(len(ids)):
                    of_class = counts[ids[number]]
                    _write_class(
                        centres, ids[number], of_class, by_count, out[number, y, start:stop]
                    )
            start = stop
        for x in range(framed.shape[1] if y >= 0 else 0):
            columns[framed[y, x], x] -= 1


@compiled
def _write_class(
    centres: LabelMap, class_id: int, counts: NDArray[np.int32], by_count: Tabulated, out: Tabulated
) -> None:
    """Write the values of one class along a row; ``counts`` are its own by column."""
    size = len(counts) - len(out) + 1
    count = counts[: size - 1].sum()
    for x in range(len(out)):
        count += counts[x + size - 1]
        value = by_count[1 if centres[x] == class_id else 0, count]
        if value != 0:
            out[x] = value
        count -= counts[x]


@compiled
def _write_own(
    centres: LabelMap, counts: NDArray[np.int32], by_count: Tabulated, out: Tabulated
) -> None:
    """Write the values of each pixel's own class along a row; ``counts`` by class and column."""
    size = counts.shape[1] - len(out) + 1
    previous, count = IGNORE, 0
    for x in range(len(out)):
        value = centres[x]
        if value == previous:
            count += counts[value, x + size - 1] - counts[value, x - 1]
        else:
            count = counts[value, x : x + size].sum()
        if value != IGNORE:
            out[x] = by_count[count]
        previous = value


@compiled
def _look_up(steps: Steps, inside: Mask, table: Weights, weights: Weights) -> None:
    """Write the weights of all steps but 0, whose weight is 0."""
    for y in range(steps.shape[0]):
        for x in range(steps.shape[1]):
            if steps[y, x]:
                weights[y, x] = table[1 if inside[y, x] else 0, steps[y, x]]
