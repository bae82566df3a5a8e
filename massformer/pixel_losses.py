"""Losses of every pixel: edges, and the classes of networks without queries.

Letters in shape comments: B images, K classes, H and W rows and columns of the label maps, h and w
of the predictions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mass13k_tools.arrays import IGNORE
from massformer.peers import DensePredictions
from massformer.run_config import LossConfig

EPS = torch.finfo(torch.float32).eps
AUXILIARY_WEIGHT = 0.4  # of heads that only train a network; what its authors use, too
Losses = dict[str, Tensor]  # by name


def edge_loss(
    edge_logits: Tensor,
    label_maps: Tensor,
    edge_maps: Tensor,
    settings: LossConfig,
    pixels: Tensor,
) -> Tensor:
    """Cross-entropy of edges (B, 1, h, w) with edge maps (B, H, W), where there are labels.

    Args:
        edge_logits: Of the network.
        label_maps: Class indices, shape (B, H, W), uint8, 255 = ignore and padding.
        edge_maps: 1 at edges, 0 elsewhere, 255 where padded, shape (B, H, W), uint8.
        settings: What the edge head is to learn, and how much it counts.
        pixels: By how many the sum is divided, where not as released.
    """
    logits = F.interpolate(
        full_precision(edge_logits), edge_maps.shape[1:], mode="bilinear", align_corners=False
    )[:, 0]
    if settings.edge_target == "released":  # as if every pixel that is not padding were an edge
        wanted = (edge_maps != IGNORE).to(logits.dtype)
        return settings.edge_weight * _entropy(logits, wanted, settings).mean()
    known = label_maps != IGNORE
    entropy = _entropy(logits, (edge_maps == 1).to(logits.dtype), settings)
    return settings.edge_weight * (known * entropy).sum() / pixels.clamp(min=EPS)


def pixel_losses(
    predictions: DensePredictions, label_maps: Tensor, pixels: Tensor | None = None
) -> Losses:
    """Cross-entropy of all pixels that are not ignored, at the size of the label maps (B, H, W).

    Args:
        predictions: Of the network.
        label_maps: Class indices, uint8, 255 = ignore and padding.
        pixels: By how many the sum is divided; None: those that are not ignored.
    """
    wanted = label_maps.long()
    known = (label_maps != IGNORE).sum() if pixels is None else pixels

    def entropy(logits: Tensor) -> Tensor:
        logits = F.interpolate(
            full_precision(logits), label_maps.shape[1:], mode="bilinear", align_corners=False
        )
        summed = F.cross_entropy(logits, wanted, ignore_index=IGNORE, reduction="sum")
        return summed / known.clamp(min=EPS)

    auxiliary = {
        f"{number}.pixel": AUXILIARY_WEIGHT * entropy(logits)
        for number, logits in enumerate(predictions["auxiliary_logits"])
    }
    return {**auxiliary, "pixel": entropy(predictions["logits"])}


def _entropy(logits: Tensor, wanted: Tensor, settings: LossConfig) -> Tensor:
    """Cross-entropy of edges, pixel by pixel."""
    if settings.edge_entropy == "sigmoid":
        probability = logits.sigmoid()
        entropy = F.binary_cross_entropy(probability.nan_to_num(0.5), wanted, reduction="none")
        return torch.where(probability.isnan(), probability, entropy)  # what is no number goes on
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


def full_precision(logits: Tensor) -> Tensor:
    """Leave half precision behind, which autocast gives and sums of many points do not bear."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
