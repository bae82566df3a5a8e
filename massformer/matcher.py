"""Which query answers for which target: the cheapest assignment (Hungarian method).

Letters in shape comments: B images, Q queries, K classes, P points.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from massformer.targets import Targets, sampled


class MatchWeights(NamedTuple):
    """What each part of the cost counts."""

    class_weight: float = 2.0
    mask_weight: float = 5.0
    dice_weight: float = 5.0


class Matches(NamedTuple):
    """Pairs of a query and a target, image after image, in each by query."""

    image: Tensor
    """Shape (M,), int64."""
    query: Tensor
    """Shape (M,), int64."""
    target: Tensor
    """Row of the targets, shape (M,), int64."""


@torch.no_grad()
def match_costs(
    class_logits: Tensor,
    mask_logits: Tensor,
    targets: Targets,
    points: Sequence[Tensor],
    weights: MatchWeights = MatchWeights(),  # noqa: B008  # a tuple never changes
) -> list[Tensor]:
    """Say what it costs each query to answer for each target of its image.

    Args:
        class_logits: Shape (B, Q, K + 1).
        mask_logits: Shape (B, Q, h, w).
        targets: Of the batch.
        points: Of each image, where masks are compared, shape (1, P, 2), 0..1.
        weights: What the parts count.

    Returns:
        Of each image, shape (Q, targets of the image), float32.
    """
    costs = []
    for number, places in enumerate(points):
        own = targets.of_images[number]
        logits = sampled(mask_logits[number][None].float(), places)[0]  # (Q, P)
        masks = sampled(targets.masks[own][None].to(logits.dtype), places)[0]  # (targets, P)
        probability = class_logits[number].float().softmax(-1)[:, targets.class_index[own]]
        costs.append(
            -weights.class_weight * probability
            + weights.mask_weight * _pair_bce(logits, masks)
            + weights.dice_weight * _pair_dice(logits.sigmoid(), masks)
        )
    return costs


def matches_of(predictions: Sequence[Sequence[Tensor]], targets: Targets) -> list[Matches]:
    """Assign targets to queries, at the least cost in all.

    All costs come to the host in one go: the only time that a device waits for the assignment.

    Args:
        predictions: Costs of each prediction and image, from :func:`match_costs`.
        targets: Of the batch.
    """
    flat = torch.cat([cost.flatten() for costs in predictions for cost in costs])
    flat = flat.nan_to_num(nan=1e6).cpu()  # what is no number shows in the loss, with its samples
    matched, start = [], 0
    for costs in predictions:
        rows: list[tuple[int, int, int]] = []
        for number, cost in enumerate(costs):
            first = targets.of_images[number].start
            table = flat[start : start + cost.numel()].reshape(cost.shape).numpy()
            start += cost.numel()
            for query, column in zip(*linear_sum_assignment(table), strict=True):
                rows.append((number, int(query), first + int(column)))
        pairs = torch.tensor(rows, dtype=torch.int64).reshape(-1, 3)
        pairs = pairs.to(targets.image.device, non_blocking=True)
        matched.append(Matches(*pairs.unbind(1)))
    return matched


def _pair_bce(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean binary cross-entropy of each query with each target, shape (Q, targets)."""
    on, off = F.softplus(-logits), F.softplus(logits)
    return (on @ masks.T + off @ (1 - masks).T) / logits.shape[1]


def _pair_dice(probability: Tensor, masks: Tensor) -> Tensor:
    """Dice loss of each query with each target, shape (Q, targets)."""
    both = probability @ masks.T
    return 1 - (2 * both + 1) / (probability.sum(1)[:, None] + masks.sum(1) + 1)
