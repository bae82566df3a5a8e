"""Attention, feed-forward block and the sine encoding of positions.

Letters in shape comments: B images or windows, N queries, M keys, D width.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention with the parameters of ``torch.nn.MultiheadAttention``.

    Its mask may be shared by all heads, which keeps it small where there are many keys.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Attend from queries to keys.

        Args:
            query: Shape (B, N, D).
            key: Shape (B, M, D).
            value: Shape (B, M, D).
            mask: Shape (B, 1, N or 1, M), bool, True where a query sees a key; None: everywhere.

        Returns:
            Shape (B, N, D).
        """
        weights = self.in_proj_weight.chunk(3)
        biases = self.in_proj_bias.chunk(3)
        q, k, v = (
            F.linear(x, weight, bias).reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
            for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )  # (B, heads, N or M, D / heads)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        output: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return output


class FeedForward(nn.Sequential):
    """Two linear layers with a non-linearity between them."""

    def __init__(self, width: int, hidden: int, activation: nn.Module) -> None:
        super().__init__(nn.Linear(width, hidden), activation, nn.Linear(hidden, width))


def sine_encoding(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Encode the place of every pixel by sines and cosines (DETR's, normalised to 2 pi).

    Args:
        height: Rows of the map.
        width: Columns of the map.
        channels: A multiple of 4.
        device: Where to make it.

    Returns:
        Shape (channels, height, width), float32, -1..1: half of the channels speak of the row, half
        of the column; in each half sine and cosine take turns.
    """
    half = channels // 2
    rows = _wave(height, half, device)[:, :, None].expand(-1, -1, width)
    columns = _wave(width, half, device)[:, None, :].expand(-1, height, -1)
    return torch.cat([rows, columns])


def _wave(length: int, channels: int, device: torch.device) -> Tensor:
    """Encode the numbers 1..length, shape (channels, length)."""
    place = torch.arange(1, length + 1, dtype=torch.float32, device=device)
    place = place / (place[-1:] + 1e-6) * (2 * math.pi)
    channel = torch.arange(channels, dtype=torch.float32, device=device)
    period = 10000 ** (2 * torch.div(channel, 2, rounding_mode="floor") / channels)
    angle = place / period[:, None]
    return torch.stack([angle[0::2].sin(), angle[1::2].cos()], dim=1).flatten(0, 1)


def tokens(x: Tensor) -> Tensor:
    """Turn a map (B, D, H, W) into tokens (B, H*W, D), row by row."""
    return x.flatten(2).transpose(1, 2)
