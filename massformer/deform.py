"""Modulated deformable convolution (Zhu et al., Deformable ConvNets v2, 2019) in plain PyTorch.

Bilinear sampling and the mixing of channels commute. So every tap of the kernel is first a 1x1
convolution to the output channels, then one map that is sampled where the tap looks, weighted by
the mask and added. No more than one tap is ever held, where the usual way gathers k*k copies of the
input; the backward pass computes the taps again instead of keeping them.

Letters in shape comments: B images, I input channels, O output channels, K = k*k taps.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan  # the only loop that exporters know; a prototype
from torch.autograd.function import once_differentiable

from massformer.blocks import bilinear_kernel, row_strips


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
        grad_x = torch.zeros_like(x, dtype=grad.dtype)
        grad_offset = torch.empty_like(offset)
        grad_mask = torch.empty_like(mask)
        matrices = weight.flatten(2).unbind(2)
        grad_matrices = []
        for tap, grid in enumerate(_grids(offset, weight.shape[3])):
            projected = _projected(x, matrices[tap]).to(grad.dtype)
            grad_mask[:, tap] = (grad * _sampled(projected, grid)).sum(1)
            grad_projected, grad_grid = torch.ops.aten.grid_sampler_2d_backward(
                grad * mask[:, tap, None], projected, grid, 0, 0, False, [True, True]
            )
            grad_offset[:, 2 * tap] = grad_grid[..., 1] * (2 / x.shape[2])
            grad_offset[:, 2 * tap + 1] = grad_grid[..., 0] * (2 / x.shape[3])
            grad_projected = grad_projected.to(x.dtype)
            grad_x += _projected(grad_projected, matrices[tap].T)
            grad_matrices.append(torch.einsum("bohw,bihw->oi", grad_projected, x))
        grad_weight = torch.stack(grad_matrices, dim=2).reshape(weight.shape)
        return grad_x.to(x.dtype), grad_offset, grad_mask, grad_weight


def _sum_of_taps(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    if torch.compiler.is_exporting():
        return _scan_of_taps(x, offset, mask, weight)
    total = offset.new_zeros(x.shape[0], weight.shape[0], *x.shape[2:])
    strips = row_strips(total)
    factors = mask.chunk(mask.shape[1], dim=1)
    matrices = weight.flatten(2).unbind(2)
    for grid, factor, matrix in zip(
        _grids(offset, weight.shape[3]), factors, matrices, strict=True
    ):
        projected = _projected(x, matrix).to(offset.dtype)  # (B, O, H, W)
        if len(strips) == 1:
            total.addcmul_(_sampled(projected, grid), factor)
            continue
        for rows in strips:
            total[:, :, rows].addcmul_(_sampled(projected, grid[:, rows]), factor[:, :, rows])
    return total


def _scan_of_taps(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """Sum taps as one loop of the graph, which is exported in seconds; 120 taps took minutes."""
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


def _projected(x: Tensor, weight: Tensor) -> Tensor:
    """Mix channels (B, I, H, W) to (B, O, H, W) by a matrix (O, I).

    In memory the channels of a pixel lie together: on a CPU that is sampled 1.5 times faster, and
    the product is made 4 times faster than by a 1x1 convolution.
    """
    height, width = x.shape[2:]
    product = x.flatten(2).transpose(1, 2) @ weight.T  # (B, H*W, O)
    return product.reshape(-1, height, width, weight.shape[0]).permute(0, 3, 1, 2)


def _grids(offset: Tensor, kernel: int) -> Iterator[Tensor]:
    """Say tap by tap where it looks, (B, H, W, 2): columns and rows as ``grid_sample`` counts.

    It counts from -1 to 1, from edge to edge, so a pixel is 2 / W wide and half of it is before its
    centre.
    """
    height, width = offset.shape[2:]
    rows = _centres(height, kernel, offset)[..., None].unbind()  # each (H, 1)
    columns = _centres(width, kernel, offset).unbind()
    down, right = offset[:, 0::2].unbind(1), offset[:, 1::2].unbind(1)
    for tap in range(kernel * kernel):
        row, column = divmod(tap, kernel)
        x = torch.add(columns[column], right[tap], alpha=2) / width
        y = torch.add(rows[row], down[tap], alpha=2) / height
        yield torch.stack([x, y], dim=-1)


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
