"""Boundary weights of batches, on the device where the batch is.

The results are those of :mod:`mass13k_tools.ops.weights`, which explains them. Sums of a window are
whole numbers below 2**24, exact in float32 in any order, and what follows are the same operations.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mass13k_tools.arrays import IGNORE, check_class_ids
from mass13k_tools.ops.torch_edges import check_label_maps
from mass13k_tools.ops.weight_steps import (
    BYTE_KERNEL_PX,
    KERNEL_PX,
    Frame,
    WeightMode,
    check_frame,
    check_mode,
    check_window,
)
from mass13k_tools.ops.weights import PRECISE_GAIN, PSEUDO_GAIN, class_gains


def boundary_weights(
    label_maps: Tensor,
    class_ids: Sequence[int],
    *,
    mode: WeightMode = "abs",
    kernel_px: int = KERNEL_PX,
    frame: Frame = "zeros",
) -> Tensor:
    """Weigh the pixels near the boundary of each class; see ``weights.boundary_weights``.

    Args:
        label_maps: Class ids, shape (B, H, W), uint8, 255 = ignore.
        class_ids: Which classes, in which order, each once; none are allowed.
        mode: ``abs`` as released, or ``signed`` as in the paper.
        kernel_px: Side of the window, odd.
        frame: What lies beyond the frame.

    Returns:
        Shape (B, C, H, W), float32, on the same device.
    """
    check_mode(mode)
    framed = _framed(label_maps, kernel_px, frame)
    ids = torch.tensor(check_class_ids(class_ids, least=0), dtype=torch.uint8, device=framed.device)
    if not len(ids):
        return torch.zeros(len(label_maps), 0, *label_maps.shape[1:], device=framed.device)
    masks = (framed[:, None] == ids[None, :, None, None]).float()  # (B, C, H + k - 1, W + k - 1)
    # Pooling with divisor 1 sums up; rows first, then columns
    counts = functional.avg_pool2d(masks, (1, kernel_px), stride=1, divisor_override=1)
    counts = functional.avg_pool2d(counts, (kernel_px, 1), stride=1, divisor_override=1)
    half, (height, width) = kernel_px // 2, label_maps.shape[1:]
    inside = masks[:, :, half : half + height, half : half + width]
    # Divided by a tensor: by a number, some devices multiply with its reciprocal
    weights = inside - counts / counts.new_full((), kernel_px**2)
    return weights.abs() if mode == "abs" else weights


def own_weights(
    label_maps: Tensor, *, kernel_px: int = KERNEL_PX, frame: Frame = "zeros"
) -> Tensor:
    """Give every pixel the weight W of its own class; see ``weights.own_weights``.

    Time grows with the area of the window and not with the number of classes.

    Args:
        label_maps: Class ids, shape (B, H, W), uint8, 255 = ignore.
        kernel_px: Side of the window, odd.
        frame: What lies beyond the frame.

    Returns:
        Shape (B, H, W), float32, 0 at ignore pixels, on the same device.
    """
    framed = _framed(label_maps, kernel_px, frame)
    count_type = torch.uint8 if kernel_px <= BYTE_KERNEL_PX else torch.int32
    counts = torch.zeros_like(label_maps, dtype=count_type)
    height, width = label_maps.shape[1:]
    for y in range(kernel_px):
        for x in range(kernel_px):
            counts += framed[:, y : y + height, x : x + width] == label_maps
    shares = counts.float() / torch.full((), kernel_px**2, device=counts.device).float()
    return (1 - shares).masked_fill(label_maps == IGNORE, 0)


def loss_weights(
    weights: Tensor,
    precise: Sequence[bool],
    *,
    precise_gain: float = PRECISE_GAIN,
    pseudo_gain: float = PSEUDO_GAIN,
) -> Tensor:
    """Turn boundary weights into factors of a loss; see ``weights.loss_weights``.

    Args:
        weights: W of some classes, shape (B, C, H, W), float32.
        precise: Of each class, whether its labels are precise.
        precise_gain: What W counts for precise classes.
        pseudo_gain: What it counts against pseudo ones.

    Returns:
        Shape (B, C, H, W), float32, at least 0.
    """
    gains = class_gains(precise, precise_gain=precise_gain, pseudo_gain=pseudo_gain)
    factors = torch.from_numpy(gains).to(weights.device)[None, :, None, None]
    return (1 + weights * factors).clamp(min=0)


def _framed(label_maps: Tensor, kernel_px: int, frame: Frame) -> Tensor:
    """Surround label maps with what their windows see beyond the frame."""
    check_window(kernel_px)
    check_frame(frame)
    half = kernel_px // 2
    if frame == "zeros":
        return functional.pad(check_label_maps(label_maps), (half,) * 4, value=IGNORE)
    framed = check_label_maps(label_maps)
    for dimension in (1, 2):
        framed = framed.index_select(dimension, _mirrored(framed, dimension, half))
    return framed


def _mirrored(label_maps: Tensor, dimension: int, half: int) -> Tensor:
    """List rows or columns as they follow each other between two mirrors on the outermost ones."""
    size = label_maps.shape[dimension]
    places = torch.arange(-half, size + half, device=label_maps.device)
    period = max(1, 2 * (size - 1))
    places = places.remainder(period)
    return torch.minimum(places, period - places).clamp(max=size - 1)
