"""Class scores of networks whose maps are held whole, some rows of the image at a time.

Masks of queries, or logits of classes, stay at the size at which the network gives them; only rows
that are asked for are enlarged. Letters in shape comments: Q queries, K classes, C either of them,
H and W rows and columns of the image.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from massformer.peers import Peer

STRIDES = (1, 2, 4, 8, 16, 32)


class WholeMaps(NamedTuple):
    """What a network makes of an image."""

    class_logits: Tensor | None
    """Shape (1, Q, K + 1); None without queries."""
    maps: Tensor
    """Mask logits of the queries, or logits of the classes, shape (1, C, h, w)."""
    full_hw: tuple[int, int]
    """Size of the maps when enlarged: H and W, or a little beyond where strides do not fit."""
    size_hw: tuple[int, int]
    """H and W of the image."""


def whole_maps(model: Peer, images: Tensor, size_hw: tuple[int, int]) -> WholeMaps:
    """Run a network.

    Args:
        model: In evaluation mode.
        images: One image, normalised, shape (1, 3, h, w), perhaps filled up below and to the right.
        size_hw: H and W of the image without what fills it up.
    """
    predictions = model(images)
    if "logits" in predictions:
        class_logits, maps = None, predictions["logits"]
    else:
        class_logits, maps = predictions["class_logits"][-1], predictions["mask_logits"][-1]
    full = [_full(side, of) for side, of in zip(maps.shape[2:], images.shape[2:], strict=True)]
    return WholeMaps(class_logits, maps, (full[0], full[1]), size_hw)


def scores_of(decoded: WholeMaps, rows: slice) -> Tensor:
    """Compute the scores of some rows: as if all maps were enlarged, bilinear, and then combined.

    Args:
        decoded: From :func:`whole_maps`.
        rows: Rows of the image.

    Returns:
        Shape (K, rows, W), float32, 0 or more.
    """
    height = decoded.maps.shape[2]
    with torch.autocast(decoded.maps.device.type, enabled=False):
        numbers = torch.arange(rows.start, rows.stop, device=decoded.maps.device)
        places = ((numbers + 0.5) * (height / decoded.full_hw[0]) - 0.5).clamp(0, height - 1)
        above = places.long()
        below = (above + 1).clamp(max=height - 1)
        share = (places - above)[:, None]
        maps = decoded.maps[0, :, above].float()
        maps = maps.lerp(decoded.maps[0, :, below].float(), share)  # (C, rows, w)
        size = (maps.shape[1], decoded.full_hw[1])
        maps = F.interpolate(maps[None], size, mode="bilinear", align_corners=False)[0]
        maps = maps[:, :, : decoded.size_hw[1]]
        if decoded.class_logits is None:
            return maps.softmax(0)
        classes = decoded.class_logits[0].float().softmax(-1)[:, :-1]  # (Q, K)
        return torch.einsum("qk,qhw->khw", classes, maps.sigmoid())


def _full(side: int, of: int) -> int:
    """Say how long a side of a map is when enlarged by its stride, or to the image if it has none.

    Example:
        >>> _full(25, 97), _full(97, 97), _full(24, 97)
        (100, 97, 97)
    """
    return next((side * stride for stride in STRIDES if -(-of // stride) == side), of)
