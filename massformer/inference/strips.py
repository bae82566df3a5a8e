"""Class scores of an image, some rows at a time.

The network proposes 100 masks or so, at half the size of the image. In full size they would take
5 GB of a 4K photo, so they are enlarged and combined in strips of rows; each strip is what the
same rows of the whole are. Letters in shape comments: Q queries, K classes, H and W rows and
columns of the image.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from massformer.blocks import doubled
from massformer.inference.whole_maps import WholeMaps, scores_of, whole_maps
from massformer.mask_decoder import mask_logits_of
from massformer.model import MIN_SIDE_PX, MassFormer, semantic_scores
from massformer.peers import Network, Peer


class Strip(NamedTuple):
    """Some rows of what a network says of an image."""

    top: int
    """Row of the image that is the first here."""
    values: Tensor
    """Shape (K, rows, W), float32: class scores, 0 or more. With edges (K + 1, rows, W): the last
    channel is the probability of an edge."""


class Decoded(NamedTuple):
    """What a network makes of an image, as far as it is small enough to be held whole."""

    class_logits: Tensor
    """Shape (1, Q, K + 1), of the last prediction."""
    mask_embedding: Tensor
    """Shape (1, Q, D), likewise."""
    fused: Tensor
    """Shape (1, C, h, w), of which mask features are made."""
    mask_features: Tensor | None
    """Shape (1, D, h, w), only where group norms ask for them as a whole."""
    edge_logits: Tensor | None
    """Shape (1, 1, h, w); None without edge-guided fusion."""
    size_hw: tuple[int, int]
    """H and W of the image; h >= H / 2 and w >= W / 2."""


def decode(model: Network, images: Tensor) -> Decoded | WholeMaps:
    """Run a network up to its last prediction, whose masks are left to be made.

    Args:
        model: In evaluation mode.
        images: One image, normalised, shape (1, 3, H, W). A side below 64 px is filled up for the
            network by repeating the last row or column.
    """
    height, width = images.shape[2:]
    beyond = (0, max(0, MIN_SIDE_PX - width), 0, max(0, MIN_SIDE_PX - height))
    images = F.pad(images, beyond, mode="replicate") if any(beyond) else images
    if isinstance(model, Peer):
        return whole_maps(model, images, (height, width))
    features = model.features(images)
    coarse = model.pixel_decoder.coarse_mask_features(features.fused)
    *_, last = (
        (each.class_logits, each.mask_embedding)
        for each in model.mask_decoder(features.levels, coarse)
    )
    whole = None
    if any(isinstance(each, nn.GroupNorm) for each in model.pixel_decoder.out[0].modules()):
        whole = model.pixel_decoder.mask_features(features.fused)
    return Decoded(*last, features.fused, whole, features.edge_logits, (height, width))


def strip_of(
    model: Network, decoded: Decoded | WholeMaps, rows: slice, *, edges: bool = False
) -> Strip:
    """Compute the scores of some rows.

    Args:
        model: The network that decoded the image.
        decoded: From :func:`decode`.
        rows: Rows of the image; the first is even.
        edges: Add the probability of an edge, which only networks with an edge head know.
    """
    if isinstance(decoded, WholeMaps):
        return Strip(rows.start, scores_of(decoded, rows))
    assert isinstance(model, MassFormer), "only its masks are still to be made"
    # Enlarging by 2 looks at one row more, above and below, than it doubles
    first = max(0, rows.start // 2 - 1)
    last = min(-(-rows.stop // 2) + 1, decoded.fused.shape[2])
    size_hw = (2 * (last - first), decoded.size_hw[1])
    if decoded.mask_features is None:
        mask_features = model.pixel_decoder.mask_features(decoded.fused[:, :, first:last])
    else:
        mask_features = decoded.mask_features[:, :, first:last]
    mask_logits = mask_logits_of(decoded.mask_embedding, mask_features)
    with torch.autocast(mask_logits.device.type, enabled=False):
        values = semantic_scores(decoded.class_logits.float(), mask_logits.float(), size_hw)
        if edges:
            assert decoded.edge_logits is not None, "asked for only where there is an edge head"
            edge_logits = decoded.edge_logits[:, :, first:last].float()
            edge = doubled(edge_logits, like=values).sigmoid()
            values = torch.cat([values, edge], dim=1)
    above = rows.start - 2 * first
    return Strip(rows.start, values[0, :, above : above + rows.stop - rows.start])
