"""The mask decoder: queries look at the maps of the pixel decoder and become masks with classes.

It is Mask2Former's (Cheng et al., 2022) with three levels. Letters in shape comments: B images,
Q queries, D width, K classes, L layers.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from massformer.attention import Attention, FeedForward, sine_encoding, tokens

LEVEL_STRIDES = (32, 16, 8)  # layer i looks at level i modulo 3
MASK_STRIDE = 4  # of the masks that say where queries look
HEADS = 8


class Prediction(NamedTuple):
    """What the queries say at one point: before the first layer, or after one of them."""

    class_logits: Tensor
    """Shape (B, Q, K + 1); the last class means "no object"."""
    mask_embedding: Tensor
    """Shape (B, Q, D); its product with mask features gives mask logits."""
    coarse_mask_logits: Tensor | None
    """Shape (B, Q, H/4, W/4), which the next layer looks through; None after the last."""


class MaskDecoder(nn.Module):
    """Queries, the layers that refine them, and what reads classes and masks from them."""

    def __init__(
        self, width: int, *, queries: int, layers: int, feed_forward: int, classes: int
    ) -> None:
        super().__init__()
        self.query_feat = nn.Embedding(queries, width)
        self.query_embed = nn.Embedding(queries, width)
        self.level_embed = nn.Embedding(len(LEVEL_STRIDES), width)
        self.layers = nn.ModuleList(DecoderLayer(width, feed_forward) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.class_embed = nn.Linear(width, classes + 1)
        self.mask_embed = nn.Sequential(
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
        )
        for parameter in self.layers.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_normal_(parameter)

    def forward(
        self, levels: tuple[Tensor, ...], coarse_mask_features: Tensor
    ) -> Iterator[Prediction]:
        """Decode, one prediction after another: L + 1 of L layers.

        Args:
            levels: Maps of strides 32, 16 and 8, each (B, D, h, w).
            coarse_mask_features: Shape (B, D, H/4, W/4).
        """
        memories = [self._memory(level, number) for number, level in enumerate(levels)]
        x = self.query_feat.weight.expand(coarse_mask_features.shape[0], -1, -1)  # (B, Q, D)
        for number, layer in enumerate(self.layers):
            class_logits, mask_embedding = self._read(x)
            mask_logits = mask_logits_of(mask_embedding, coarse_mask_features)
            yield Prediction(class_logits, mask_embedding, mask_logits)
            turn = number % len(levels)
            visible = _visible(mask_logits, levels[turn], LEVEL_STRIDES[turn])
            x = layer(x, self.query_embed.weight, *memories[turn], visible)
        yield Prediction(*self._read(x), None)

    def _memory(self, level: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Give keys and values of a map, each (B, h*w, D)."""
        value = tokens(level) + self.level_embed.weight[number]
        channels, height, width = level.shape[1:]
        place = sine_encoding(height, width, channels, level.device)[None]
        return value + tokens(place).to(value.dtype), value

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.norm(x)
        return self.class_embed(x), self.mask_embed(x)


class DecoderLayer(nn.Module):
    """Masked cross-attention, self-attention, feed-forward block, each with a norm behind it."""

    def __init__(self, width: int, feed_forward: int) -> None:
        super().__init__()
        self.cross_attention = Attention(width, HEADS)
        self.self_attention = Attention(width, HEADS)
        self.feed_forward = FeedForward(width, feed_forward, nn.GELU())
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(
        self, x: Tensor, place: Tensor, key: Tensor, value: Tensor, visible: Tensor
    ) -> Tensor:
        """Refine queries.

        Args:
            x: Queries, shape (B, Q, D).
            place: What tells the queries apart, shape (Q, D).
            key: Shape (B, M, D).
            value: Shape (B, M, D).
            visible: Where each query looks, shape (B, 1, Q, M), bool.
        """
        x = self.norms[0](x + self.cross_attention(x + place, key, value, visible))
        x = self.norms[1](x + self.self_attention(x + place, x + place, x))
        refined: Tensor = self.norms[2](x + self.feed_forward(x))
        return refined


def mask_logits_of(mask_embedding: Tensor, mask_features: Tensor) -> Tensor:
    """Multiply embeddings (B, Q, D) and features (B, D, h, w) to mask logits (B, Q, h, w)."""
    return torch.einsum("bqd,bdhw->bqhw", mask_embedding, mask_features)


@torch.no_grad()
def _visible(mask_logits: Tensor, level: Tensor, stride: int) -> Tensor:
    """Say where queries may look: in their mask so far, or everywhere if that is empty.

    Args:
        mask_logits: Shape (B, Q, H/4, W/4).
        level: Map that will be looked at, shape (B, D, h, w).
        stride: Of the map.

    Returns:
        Shape (B, 1, Q, h*w), bool.
    """
    height, width = level.shape[2:]
    shrink = stride // MASK_STRIDE
    beyond = (0, width * shrink - mask_logits.shape[3], 0, height * shrink - mask_logits.shape[2])
    logits = F.interpolate(
        F.pad(mask_logits, beyond, mode="replicate"),
        (height, width),
        mode="bilinear",
        align_corners=False,
    )
    visible = logits.flatten(2).sigmoid() >= 0.5
    return (visible | ~visible.any(-1, keepdim=True))[:, None]
