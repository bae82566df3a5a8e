"""Attention in windows of 16x16 pixels, for maps of any size.

Letters in shape comments: B images, C channels, h and w rows and columns of a map, N windows.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from massformer.attention import Attention, FeedForward, sine_encoding, tokens

WINDOW = 16  # pixels of the map each way
HEADS = 8
FEED_FORWARD = 1024  # hidden width, whatever the width of the network


class WindowAttention(nn.Module):
    """Cross-attention, then self-attention, each in windows of 16x16; no norms, as released.

    Windows that stick out at the right or at the bottom are filled up with zeros that nobody sees.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cross_attention = Attention(width, HEADS)
        self.feed_forward1 = FeedForward(width, FEED_FORWARD, nn.ReLU(inplace=True))
        self.self_attention = Attention(width, HEADS)
        self.feed_forward2 = FeedForward(width, FEED_FORWARD, nn.ReLU(inplace=True))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Let a map (B, C, h, w) ask another one of the same shape."""
        height, width = coarse.shape[2:]
        x, context = _windows(coarse), _windows(fine)  # (B', 256, C)
        inside = _windows(torch.ones_like(coarse[:, :1], dtype=x.dtype)) > 0.5
        mask = inside.transpose(1, 2)[:, None]  # (B', 1, 1, 256)
        place = tokens(sine_encoding(WINDOW, WINDOW, x.shape[2], x.device)[None]).to(x.dtype)

        x = x + self.cross_attention(x + place, context + place, context, mask)
        x = x + self.feed_forward1(x)
        x = x + self.self_attention(x + place, x + place, x, mask)
        x = x + self.feed_forward2(x)
        return _map_of_windows(x, height, width)


def _windows(x: Tensor) -> Tensor:
    """Cut a map (B, C, h, w) into windows, filled up with zeros, (B * N, 256, C)."""
    batch, channels, height, width = x.shape
    rows, columns = _count(height), _count(width)
    x = F.pad(x, (0, columns * WINDOW - width, 0, rows * WINDOW - height))
    x = x.reshape(batch, channels, rows, WINDOW, columns, WINDOW).permute(0, 2, 4, 3, 5, 1)
    return x.reshape(batch * rows * columns, WINDOW * WINDOW, channels)


def _count(length: int) -> int:
    """Count the windows of a line; never by -(-length // 16), which ONNX rounds the other way."""
    return (length + WINDOW - 1) // WINDOW


def _map_of_windows(x: Tensor, height: int, width: int) -> Tensor:
    """Put windows together again, (B, C, height, width)."""
    rows, columns = _count(height), _count(width)
    channels = x.shape[2]
    x = x.reshape(-1, rows, columns, WINDOW, WINDOW, channels).permute(0, 5, 1, 3, 2, 4)
    x = x.reshape(-1, channels, rows * WINDOW, columns * WINDOW)
    return x.narrow(2, 0, height).narrow(3, 0, width)
