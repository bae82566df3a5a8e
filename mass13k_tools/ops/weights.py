"""Boundary weights: how far a class's mask is from its local mean, and what a loss makes of that.

The paper (section 4.2) has W = G - avg(G, k) for the mask G of a class; the released code trains
with its absolute value. With n pixels of the class in the k x k window around a pixel,
W = G - n / k², so weights are counted and kept as whole numbers. They become float32 by the
released operations in the released order, n / k² and then the difference, and are equal to the bit.

Beyond the frame there is no class (``zeros``, as released: a mask that touches the frame has weight
there), or the picture goes on as its mirror image (``reflect``). Ignore pixels are of no class, so
a mask that ends at ignore has weight on both sides of that end, as released.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import LabelMap, check_label_map
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.weight_steps import (
    KERNEL_PX,
    Frame,
    WeightMode,
    Weights,
    framed_labels,
    step_weights,
    write_by_count,
)

PRECISE_GAIN = 5.0  # as released
PSEUDO_GAIN = 1.0  # not published


def boundary_weights(
    label_map: LabelMap,
    class_ids: Sequence[int],
    *,
    mode: WeightMode = "abs",
    kernel_px: int = KERNEL_PX,
    frame: Frame = "zeros",
) -> Weights:
    """Weigh the pixels near the boundary of each class, inside and outside.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        class_ids: Which classes, in which order, each once; none are allowed.
        mode: ``abs`` as released, or ``signed`` as in the paper: positive inside, negative outside.
        kernel_px: Side of the window, odd, 3 to 255.
        frame: What lies beyond the frame.

    Returns:
        Shape (C, H, W), float32: 0 away from boundaries, at most 1 - 1 / k² in magnitude.

    Example:
        >>> label_map = np.array([[0, 0, 5, 5, 5]], dtype=np.uint8)
        >>> boundary_weights(label_map, [5], kernel_px=3, frame="reflect").round(2)
        array([[[0.  , 0.33, 0.33, 0.  , 0.  ]]], dtype=float32)
    """
    outside, inside = step_weights(mode, kernel_px)
    by_count = np.stack([outside, inside[::-1]])
    weights = np.zeros((len(class_ids), *check_label_map(label_map).shape), dtype=np.float32)
    write_by_count(framed_labels(label_map, kernel_px, frame), class_ids, by_count, weights)
    return weights


def own_weights(
    label_map: LabelMap, *, kernel_px: int = KERNEL_PX, frame: Frame = "zeros"
) -> Weights:
    """Give every pixel the weight W of its own class, all classes in one pass.

    That is the share of its window that is not of its class, so both modes are the same here.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        kernel_px: Side of the window, odd, 3 to 255.
        frame: What lies beyond the frame.

    Returns:
        Shape (H, W), float32, 0 to 1 - 1 / k²; 0 at ignore pixels.

    Example:
        >>> label_map = np.array([[0, 0, 5, 5, 255]], dtype=np.uint8)
        >>> own_weights(label_map, kernel_px=3, frame="reflect").round(2)
        array([[0.  , 0.33, 0.33, 0.33, 0.  ]], dtype=float32)
    """
    outside, inside = step_weights("abs", kernel_px)
    by_count = np.stack([outside, inside[::-1]])
    weights = np.zeros(check_label_map(label_map).shape, dtype=np.float32)
    write_by_count(framed_labels(label_map, kernel_px, frame), None, by_count, weights[None])
    return weights


class WeightRange(NamedTuple):
    """What loss weights a loss really uses."""

    low: float
    high: float
    clamped: int
    """How many would be negative and are 0."""
    values: int
    """How many there are."""


def loss_weights(
    weights: Weights,
    precise: Sequence[bool],
    *,
    precise_gain: float = PRECISE_GAIN,
    pseudo_gain: float = PSEUDO_GAIN,
) -> Weights:
    """Turn boundary weights into factors of a loss: more for precise classes, less for pseudo ones.

    1 + gain * W where labels are precise, so that boundaries count more, and 1 - gain * W where
    they come from a model, so that boundaries count less (Eq. 7); never below 0.

    Args:
        weights: W of some classes, shape (C, H, W), float32.
        precise: Of each class, whether its labels are precise.
        precise_gain: The released code has 5.
        pseudo_gain: What the authors used is not published.

    Returns:
        Shape (C, H, W), float32, at least 0.
    """
    gains = class_gains(precise, precise_gain=precise_gain, pseudo_gain=pseudo_gain)
    factors: Weights = np.float32(1) + weights * gains[:, None, None]
    return np.maximum(factors, np.float32(0), out=factors)


def loss_weight_range(
    weights: Weights,
    precise: Sequence[bool],
    *,
    precise_gain: float = PRECISE_GAIN,
    pseudo_gain: float = PSEUDO_GAIN,
) -> WeightRange:
    """Tell in which range :func:`loss_weights` are, and how many of them are clamped.

    Raises:
        DatasetError: There are no weights at all.
    """
    if weights.size == 0:
        raise DatasetError(f"weights are of shape {weights.shape}, expected at least one class")
    low, high, clamped = np.inf, 0.0, 0
    gains = class_gains(precise, precise_gain=precise_gain, pseudo_gain=pseudo_gain)
    for weight, gain in zip(weights, gains, strict=True):
        ends = 1 + gain * weight.min(), 1 + gain * weight.max()
        low, high = min(low, *ends), max(high, *ends)
        if min(ends) < 0:
            clamped += int(np.count_nonzero(np.float32(1) + weight * gain < 0))
    return WeightRange(max(0.0, float(low)), float(high), clamped, weights.size)


def class_gains(
    precise: Sequence[bool], *, precise_gain: float, pseudo_gain: float
) -> NDArray[np.float32]:
    """Give each class the factor of its W, shape (C,), float32."""
    return np.array([precise_gain if it else -pseudo_gain for it in precise], dtype=np.float32)
