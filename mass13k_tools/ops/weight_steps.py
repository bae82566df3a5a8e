"""Boundary weights as whole numbers: how far the count of a class in a window is from full or none.

For a class's mask G with n of its pixels in the k x k window around a pixel, W = G - n / k². The
step k² |W| is a whole number; with the label map, which tells G, it says all about W.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, LabelMap, Mask, check_label_map
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.compiled import compiled

WeightMode = Literal["abs", "signed"]
Frame = Literal["zeros", "reflect"]
Weights = NDArray[np.float32]  # (H, W) or (C, H, W)
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
    shape = (len(class_ids), *check_label_map(label_map).shape)
    steps = np.zeros(shape, dtype=count_type(kernel_px))
    for number, part in class_parts(label_map, class_ids, kernel_px, frame):
        steps[number][part.where] = part.steps
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
    expected = (len(class_ids), *check_label_map(label_map).shape)
    if steps.shape != expected or steps.dtype not in (np.uint8, np.uint16):
        raise DatasetError(
            f"steps are {steps.dtype} of shape {steps.shape}, expected whole numbers of {expected}"
        )
    if steps.max(initial=0) > kernel_px**2:
        raise DatasetError(f"a step is {steps.max()}, more than {kernel_px} px squared")
    weights = np.zeros(steps.shape, dtype=np.float32)
    for number, class_id in enumerate(class_ids):
        look_up(steps[number], label_map == class_id, table, weights[number])
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


class ClassPart(NamedTuple):
    """One class, in the part of the label map where it has weight."""

    where: tuple[slice, slice]
    mask: Mask
    steps: Steps


def class_parts(
    label_map: LabelMap, class_ids: Sequence[int], kernel_px: int, frame: Frame
) -> Iterator[tuple[int, ClassPart]]:
    """Count each class of ``class_ids`` that there is, with its number in the list."""
    framed = framed_labels(label_map, kernel_px, frame)
    reach, half = kernel_px - 1, kernel_px // 2
    depth = cv2.CV_8U if count_type(kernel_px) == np.uint8 else cv2.CV_16U
    for number, class_id in enumerate(class_ids):
        mask = (framed == class_id).view(np.uint8)
        left, top, width, height = cv2.boundingRect(mask)
        if not width:
            continue
        # A window that begins at row y of the framed map is that of pixel y
        y, x = max(0, top - reach), max(0, left - reach)
        where = (
            slice(y, min(top + height, label_map.shape[0])),
            slice(x, min(left + width, label_map.shape[1])),
        )
        mask = mask[y : where[0].stop + reach, x : where[1].stop + reach]
        size = (kernel_px, kernel_px)
        counts = np.asarray(cv2.boxFilter(mask, depth, size, normalize=False))
        inner = (slice(half, counts.shape[0] - half), slice(half, counts.shape[1] - half))
        inside = np.ascontiguousarray(mask[inner]).view(np.bool_)
        steps = np.where(inside, counts.dtype.type(kernel_px**2) - counts[inner], counts[inner])
        yield number, ClassPart(where, inside, steps)


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


@compiled
def look_up(steps: Steps, inside: Mask, table: Weights, weights: Weights) -> None:
    """Write the weights of all steps but 0, whose weight is 0."""
    for y in range(steps.shape[0]):
        for x in range(steps.shape[1]):
            if steps[y, x]:
                weights[y, x] = table[1 if inside[y, x] else 0, steps[y, x]]
