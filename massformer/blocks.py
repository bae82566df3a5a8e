"""Small parts that the whole network is built of.

Letters in shape comments: B images, C channels, H and W rows and columns of a map.

A map of stride s has ceil(H / s) rows and ceil(W / s) columns for every H and W, and the pixel in
its row i stands for the rows i*s .. (i+1)*s - 1 of the image. Maps grow by exactly 2 and are cut to
the size of their partner, so no pixel ever moves, whatever the size of the image.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIP_BYTES = 2**26


class ConvBNReLU(nn.Sequential):
    """Convolution without bias, batch norm, ReLU: the paper's default block."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1) -> None:
        conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(conv.weight, a=1)
        super().__init__()
        self.add_module("conv", conv)
        self.add_module("bn", nn.BatchNorm2d(out_channels))
        self.add_module("relu", nn.ReLU(inplace=True))


class PooledBatchNorm(nn.BatchNorm2d):
    """Batch norm of maps that were pooled to one pixel.

    A batch of one image has one value per channel there, and no variance: such a batch is
    normalised by the running statistics, and leaves them as they are. The released network stops
    with an error instead.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a map, shape (B, C, 1, 1)."""
        if self.training and x.shape[0] == 1:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


def doubled(x: Tensor, like: Tensor) -> Tensor:
    """Enlarge a map by 2, bilinear, and cut it to the rows and columns of another.

    Args:
        x: Shape (B, C, h, w).
        like: Shape (…, H, W) with h = ceil(H / 2) and w = ceil(W / 2).

    Returns:
        Shape (B, C, H, W).

    Example:
        >>> doubled(torch.ones(1, 1, 2, 3), like=torch.ones(3, 5)).shape
        torch.Size([1, 1, 3, 5])
    """
    return cut(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), like)


def halved(x: Tensor) -> Tensor:
    """Shrink a map by 2: bilinear without anti-aliasing is the mean of 2x2 pixels there.

    Args:
        x: Shape (B, C, H, W).

    Returns:
        Shape (B, C, ceil(H / 2), ceil(W / 2)); a last odd row or column stands for itself.

    Example:
        >>> halved(torch.tensor([[[[0.0, 2.0, 7.0]]]]))
        tensor([[[[1., 7.]]]])
    """
    return F.avg_pool2d(x, 2, ceil_mode=True)


def cut(x: Tensor, like: Tensor) -> Tensor:
    """Cut a map to the rows and columns of another one, from the top left."""
    return x.narrow(-2, 0, like.shape[-2]).narrow(-1, 0, like.shape[-1])


def by_rows(
    function: Callable[..., Tensor], *maps: Tensor, training: bool, shrink: int = 1
) -> Tensor:
    """Apply a function that looks at single pixels; in inference at some rows at a time.

    The result is the same. But of the half-size maps of a 4K photo, 1.6 GB each, only arguments and
    result are ever held whole, not what the function makes in between.

    Args:
        function: From maps (B, C, h, w) to a map (B, C', h / shrink, w / shrink).
        maps: What it is applied to, all of one height.
        training: Whether the module trains: batch statistics are those of the whole map.
        shrink: Side of the squares of pixels that the function looks at.

    Example:
        >>> by_rows(torch.add, torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), training=False)
        tensor([[[[2., 2.],
                  [2., 2.]]]])
    """
    strips = row_strips(*maps, whole=training or torch.is_grad_enabled(), multiple=shrink)
    if len(strips) == 1:
        return function(*maps)
    result = None
    for rows in strips:
        strip = function(*(each[:, :, rows] for each in maps))
        if result is None:
            height = -(-maps[0].shape[2] // shrink)
            result = strip.new_empty(*strip.shape[:2], height, strip.shape[3])
        result[:, :, rows.start // shrink : rows.start // shrink + strip.shape[2]] = strip
    assert result is not None, "a map has at least one row"
    return result


def row_strips(*maps: Tensor, whole: bool = False, multiple: int = 1) -> list[slice]:
    """Cut the rows of maps (B, C, h, w) into strips that together hold about 64 MB.

    Args:
        maps: All of one height.
        whole: Do not cut; nor is anything cut that is compiled or exported.
        multiple: What the number of rows of all strips but the last is a multiple of.

    Example:
        >>> row_strips(torch.ones(1, 2**20, 40, 1))
        [slice(0, 16, None), slice(16, 32, None), slice(32, 40, None)]
    """
    height = maps[0].shape[2]
    if whole or torch.compiler.is_compiling():
        return [slice(0, height)]
    row_bytes = sum(each[:, :, 0].nbytes for each in maps)
    rows = max(1, STRIP_BYTES // row_bytes // multiple) * multiple
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def bilinear_kernel(size: int) -> Tensor:
    """Weights with which a transposed convolution of stride size / 2 interpolates linearly.

    Returns:
        Shape (size, size), float32.

    Example:
        >>> bilinear_kernel(4)[0]
        tensor([0.0625, 0.1875, 0.1875, 0.0625])
    """
    line = 1 - (torch.arange(size) - (size - 1) / 2).abs() / (size / 2)
    return line[:, None] * line
