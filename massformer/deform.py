"""Modulated deformable convolution (Zhu et al., Deformable ConvNets v2, 2019) in plain PyTorch.

Bilinear sampling and the mixing of channels commute. So every tap of the kernel is first a 1x1
convolution to the output channels, then one map that is sampled where the tap looks, weighted by
the mask and added. Of large maps one tap is held at a time, of small ones a few, where the usual
way gathers k*k copies of the input; the backward pass computes taps again instead of keeping them.

Letters in shape comments: B images, I input channels, O output channels, K = k*k taps, T of
them at a time.
"""

from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from massformer.blocks import bilinear_kernel, row_strips

GROUP_BYTES = 2**23  # of taps that are sampled together: fewer calls, and still in the cache


def deform_conv2d(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """Convolve with stride 1 at places that every pixel chooses for every tap of the kernel.

    Positions outside the image count as 0; a position between pixels is interpolated, also across
    the border. Positions are computed in float32 (float64 for a float64 ``x``) under autocast too:
    half precision cannot tell the columns of a 4K map apart.

    Args:
        x: Shape (B, I, H, W), any floating dtype.
        offset: Shape (B, 2K, H, W), pixels; channel 2t moves tap t down, channel 2t + 1 right. Taps
            are counted row by row.
        mask: Shape (B, K, H, W), factor of each tap.
        weight: Shape (O, I, k, k), k odd.

    Returns:
        Shape (B, O, H, W), dtype of ``x``.

    Raises:
        ValueError: The number of channels of ``offset`` or ``mask`` does not fit the kernel.
    """
    taps = weight.shape[2] * weight.shape[3]
    if offset.shape[1] != 2 * taps or mask.shape[1] != taps:
        raise ValueError(
            f"offset has {offset.shape[1]} and mask {mask.shape[1]} channels, "
            f"expected {2 * taps} and {taps} for {taps} taps"
        )
    exact = torch.promote_types(x.dtype, torch.float32)
    device = x.device.type
    exactly = torch.autocast(device, enabled=False)
    with exactly if torch.is_autocast_enabled(device) else nullcontext():  # not in exported graphs
        inputs = x, offset.to(exact), mask.to(exact), weight.to(x.dtype)
        if torch.is_grad_enabled() and any(each.requires_grad for each in inputs):
            summed: Tensor = _DeformConv2d.apply(*inputs)  # type: ignore[no-untyped-call]
        else:
            summed = _sum_of_taps(*inputs)
        return summed.to(x.dtype)


class _DeformConv2d(torch.autograd.Function):
    """The sum over taps, and its gradient tap by tap."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, offset, mask, weight)
        return _sum_of_taps(x, offset, mask, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, offset, mask, weight = ctx.saved_tensors
        height, width = x.shape[2:]
        matrices = _matrices(weight)
        grad_x = torch.zeros_like(x, memory_format=torch.contiguous_format)
        grad_offset, grad_mask = torch.empty_like(offset), torch.empty_like(mask)
        grad_matrices = torch.empty_like(matrices)
        for taps in _groups(grad, len(matrices)):
            grid = _grid(offset, weight.shape[3], taps)
            factor = mask[:, taps].transpose(0, 1)[:, :, None]  # (T, B, 1, H, W)
            projected = _projected(x, matrices[taps]).to(grad.dtype)
            sampled = _by_tap(_sampled(projected, grid), len(x))
            grad_mask[:, taps] = (grad * sampled).sum(2).transpose(0, 1)
            grad_projected, grad_grid = torch.ops.aten.grid_sampler_2d_backward(
                (grad * factor).flatten(0, 1), projected, grid, 0, 0, False, [True, True]
            )
            right, down = _by_tap(grad_grid, len(x)).transpose(0, 1).unbind(-1)
            grad_offset[:, 2 * taps.start : 2 * taps.stop : 2] = down * (2 / height)
            grad_offset[:, 2 * taps.start + 1 : 2 * taps.stop : 2] = right * (2 / width)
            grad_projected = _by_tap(grad_projected.to(x.dtype), len(x))
            grad_matrices[taps] = torch.einsum("tbohw,bihw->tio", grad_projected, x)
            for each, matrix in zip(grad_projected.flatten(3), matrices[taps], strict=True):
                grad_x.flatten(2).baddbmm_(matrix.expand(len(x), -1, -1), each)
        grad_weight = grad_matrices.permute(2, 1, 0).reshape(weight.shape)
        return grad_x, grad_offset, grad_mask, grad_weight


def _sum_of_taps(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    if torch.compiler.is_exporting():
        return _scan_of_taps(x, offset, mask, weight)
    total = offset.new_zeros(x.shape[0], weight.shape[0], *x.shape[2:])
    matrices = _matrices(weight)
    strips = row_strips(total)
    for taps in _groups(total, len(matrices)):
        grid = _grid(offset, weight.shape[3], taps)
        factor = mask[:, taps].transpose(0, 1)[:, :, None]
        projected = _projected(x, matrices[taps]).to(offset.dtype)
        for rows in strips:
            sampled = _by_tap(_sampled(projected, grid[:, rows]), len(x))
            for each, weighted in zip(sampled, factor[..., rows, :], strict=True):
                total[:, :, rows].addcmul_(each, weighted)
    return total


def _groups(total: Tensor, taps: int) -> list[slice]:
    """Cut taps into groups of which all samples together hold little, at least one tap each."""
    size = max(1, GROUP_BYTES // total.nbytes)
    return [slice(first, min(first + size, taps)) for first in range(0, taps, size)]


def _by_tap(maps: Tensor, batch: int) -> Tensor:
    """Tell taps from images, (T * B, …) to (T, B, …)."""
    return maps.reshape(-1, batch, *maps.shape[1:])


def _matrices(weight: Tensor) -> Tensor:
    """Give the 1x1 weights of the taps, (K, I, O)."""
    return weight.flatten(2).permute(2, 1, 0)


def _scan_of_taps(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """Sum taps as one loop of the graph, which is exported in seconds; 120 taps took minutes."""
    from torch._higher_order_ops.scan import scan  # a prototype, and half a second to import

    kernel = weight.shape[3]
    height, width = x.shape[2:]
    rows = _centres(height, kernel, offset)[..., None].repeat_interleave(kernel, dim=0)
    columns = _centres(width, kernel, offset)[:, None].repeat(kernel, 1, 1)
    moved = offset.reshape(-1, kernel * kernel, 2, height, width).transpose(0, 1)  # (K, B, 2, H, W)
    factors = mask.transpose(0, 1)[:, :, None]  # (K, B, 1, H, W)
    matrices = weight.flatten(2).permute(2, 0, 1)[..., None, None]  # (K, O, I, 1, 1)

    def add_tap(total: Tensor, tap: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        row, column, move, factor, matrix = tap
        x_place = torch.add(column, move[:, 1], alpha=2) / width
        y_place = torch.add(row, move[:, 0], alpha=2) / height
        projected = F.conv2d(x, matrix).to(offset.dtype)
        sampled = _sampled(projected, torch.stack([x_place, y_place], dim=-1))
        return total + sampled * factor, total.new_zeros(1)

    total = offset.new_zeros(x.shape[0], weight.shape[0], height, width)
    summed: Tensor = scan(add_tap, total, (rows, columns, moved, factors, matrices))[0]
    return summed


def _projected(x: Tensor, matrices: Tensor) -> Tensor:
    """Mix channels (B, I, H, W) by a matrix (I, O) for each of T taps, (T * B, O, H, W).

    In memory the channels of a pixel lie together: on a CPU that is sampled 1.5 times faster, and
    the product is made 4 times faster than by a 1x1 convolution.
    """
    height, width = x.shape[2:]
    product = x.permute(0, 2, 3, 1).flatten(0, 2) @ matrices  # (T, B * H * W, O)
    return product.reshape(-1, height, width, matrices.shape[2]).permute(0, 3, 1, 2)


def _grid(offset: Tensor, kernel: int, taps: slice) -> Tensor:
    """Say where T taps look, (T * B, H, W, 2): columns and rows as ``grid_sample`` counts.

    It counts from -1 to 1, from edge to edge, so a pixel is 2 / W wide and half of it is before its
    centre.
    """
    height, width = offset.shape[2:]
    tap = torch.arange(taps.start, taps.stop, device=offset.device)
    row = _centres(height, kernel, offset)[tap // kernel][:, None, :, None]
    column = _centres(width, kernel, offset)[tap % kernel][:, None, None]
    down = offset[:, 2 * taps.start : 2 * taps.stop : 2].transpose(0, 1)  # (T, B, H, W)
    right = offset[:, 2 * taps.start + 1 : 2 * taps.stop : 2].transpose(0, 1)
    x = torch.add(column, right, alpha=2) / width
    y = torch.add(row, down, alpha=2) / height
    return torch.stack([x, y], dim=-1).flatten(0, 1)


def _centres(length: int, kernel: int, like: Tensor) -> Tensor:
    """Say where unmoved taps look, (k, length), in half pixels from the middle of the line."""
    place = torch.arange(length, dtype=like.dtype, device=like.device)
    tap = torch.arange(kernel, dtype=like.dtype, device=like.device) - kernel // 2
    return 2 * (place + tap[:, None]) + (1 - length)


def _sampled(x: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


class DeformConv(nn.Module):
    """A deformable convolution that finds its own places, batch norm, ReLU (``DeformLayer``)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        taps = kernel * kernel
        self.offset = nn.Conv2d(in_channels, 3 * taps, kernel, padding=kernel // 2)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel, kernel))
        self.bn = nn.BatchNorm2d(out_channels)
        nn.init.zeros_(self.offset.weight)  # an ordinary convolution, every tap at half strength
        nn.init.zeros_(self.offset.bias)  # type: ignore[arg-type]
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Convolve a map, shape (B, I, H, W), to one of shape (B, O, H, W)."""
        taps = self.weight.shape[2] * self.weight.shape[3]
        offset, mask = self.offset(x).split([2 * taps, taps], dim=1)
        x = self.bn(deform_conv2d(x, offset, mask.sigmoid(), self.weight))
        return F.relu(x, inplace=True)


class DeformUp(DeformConv):
    """A 3x3 deformable convolution whose result is also given twice as large."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, kernel=3)
        self.up = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
        self.up_bn = nn.BatchNorm2d(channels)
        with torch.no_grad():  # enlarges each channel by itself until it learns better
            self.up.weight.zero_()
            self.up.weight.diagonal().copy_(bilinear_kernel(4)[..., None])

    def enlarged(self, x: Tensor) -> Tensor:
        """Enlarge what :meth:`forward` gave by 2."""
        return F.relu(self.up_bn(self.up(x)), inplace=True)
