"""Deformable convolution the usual way: gather what every tap sees, then multiply once."""

import torch
import torch.nn.functional as F
from torch import Tensor


def gathered_deform_conv2d(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """Convolve as :func:`massformer.deform.deform_conv2d` does, with the same arguments.

    All k*k samples of every input channel are held at once, the columns of the official kernel,
    and one product of matrices makes the result of them.
    """
    images, channels, height, width = x.shape
    kernel = weight.shape[3]
    taps = kernel * kernel
    moved = offset.reshape(images, taps, 2, height, width)
    tap = torch.arange(taps, device=x.device)[:, None, None]
    row = torch.arange(height, device=x.device)[:, None] + tap // kernel - kernel // 2
    column = torch.arange(width, device=x.device) + tap % kernel - kernel // 2
    places = torch.stack([(moved[:, :, 1] + column) / width, (moved[:, :, 0] + row) / height], -1)
    # grid_sample counts from edge to edge: pixel 0 has its centre half a pixel from -1
    half = torch.tensor([1 / width, 1 / height], dtype=x.dtype, device=x.device)
    grid = (2 * places + half - 1).flatten(1, 2)  # (B, K*H, W, 2)
    sampled = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    columns = sampled.reshape(images, channels, taps, height, width)
    # In place where no gradient asks for what was there
    columns = columns * mask[:, None] if columns.requires_grad else columns.mul_(mask[:, None])
    product = weight.flatten(1) @ columns.flatten(3).flatten(1, 2)  # (B, O, H*W)
    return product.reshape(images, -1, height, width)
