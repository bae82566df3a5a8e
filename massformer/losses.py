"""The losses of MaSSFormer: classes, masks with boundary weights, edges.

:class:`massformer.run_config.LossConfig` says where ours differ from the released code; with its
``compat = "released"`` they equal it term by term. Letters in shape comments: B images, Q queries,
K classes, M matched queries, P points, H and W rows and columns of the label maps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from massformer.batch_counts import BatchCounts, batch_counts
from massformer.matcher import Matches, MatchWeights, match_costs, matches_of
from massformer.model import Predictions
from massformer.peers import DensePredictions
from massformer.pixel_losses import EPS, Losses, edge_loss, full_precision, pixel_losses
from massformer.run_config import LossConfig
from massformer.targets import Targets, sampled, targets_of
from massformer.weight_range import WeightRange

Draw = Callable[[int, int], Tensor]


def random_points(generator: torch.Generator) -> Draw:
    """Draw points on the generator's device: ``draw(rows, count)`` is (rows, count, 2), 0..1."""
    return lambda rows, count: torch.rand(
        rows, count, 2, device=generator.device, generator=generator
    )


@dataclass(frozen=True)
class Criterion:
    """Computes every term of the loss, weighted; their plain sum is what is minimised."""

    settings: LossConfig
    """Weights of the terms and differences to the release."""
    gains: Tensor
    """What the boundary weight W counts for each class (Eq. 7 of the paper: λ1 for precise classes,
    -λ2 for pseudo ones), shape (K,), float32."""
    draw: Draw
    """Gives random points; see :func:`random_points`."""
    mean_over_ranks: Callable[[Tensor], Tensor] = lambda count: count
    """Averages a number over the processes that train together."""
    weights_seen: WeightRange = field(default_factory=WeightRange)
    """What the points of masks counted, all boundary weights and gains considered."""

    def step_counts(self, label_maps: Sequence[Tensor]) -> BatchCounts | None:
        """Count what a step holds, so that it does not matter how it is cut into batches.

        Args:
            label_maps: Of all batches of this rank.

        Returns:
            Means over batches and ranks; None where every batch is normalised by itself.
        """
        if self.settings.normalise == "batch":
            return None
        rows = [batch_counts(maps, classes=len(self.gains)).row() for maps in label_maps]
        return BatchCounts.of_row(self.mean_over_ranks(torch.stack(rows).mean(0)))

    def __call__(
        self,
        predictions: Predictions | DensePredictions,
        label_maps: Tensor,
        edge_maps: Tensor,
        step: BatchCounts | None = None,
    ) -> Losses:
        """Compare predictions with label maps.

        Args:
            predictions: Of the network.
            label_maps: Class indices, shape (B, H, W), uint8, 255 = ignore and padding.
            edge_maps: 1 at edges, 0 elsewhere, 255 where padded, shape (B, H, W), uint8.
            step: From :meth:`step_counts`; None where this batch is all of the step.

        Returns:
            ``class``, ``mask``, ``dice`` of the last prediction, ``0.class`` and so on of those
            before, and ``edge`` where the network sees edges. Of a network without queries
            ``pixel``, and ``0.pixel`` and so on of its auxiliary heads.
        """
        counts = step or self._counts(label_maps)
        if "logits" in predictions:
            return pixel_losses(predictions, label_maps, counts.pixels)
        weighed = self.settings.reweight != "off"
        kernel_px = self.settings.weight_kernel_px if weighed else None
        targets = targets_of(label_maps, classes=len(self.gains), kernel_px=kernel_px)
        pairs = list(zip(predictions["class_logits"], predictions["mask_logits"], strict=True))
        losses: Losses = {}
        for number, match in enumerate(self._matches(pairs, targets, len(label_maps))):
            class_logits, mask_logits = pairs[number]
            prefix = "" if number == len(pairs) - 1 else f"{number}."
            losses[f"{prefix}class"] = class_loss(
                class_logits, targets, match, self.settings, counts
            )
            mask, dice = self._mask_losses(mask_logits, targets, match)
            losses[f"{prefix}mask"] = mask / (counts.targets + EPS)
            losses[f"{prefix}dice"] = dice / (counts.targets + EPS)
        if predictions["edge_logits"] is not None:
            losses["edge"] = edge_loss(
                predictions["edge_logits"], label_maps, edge_maps, self.settings, counts.pixels
            )
        return losses

    def _counts(self, label_maps: Tensor) -> BatchCounts:
        if counts := self.step_counts([label_maps]):
            return counts
        own = batch_counts(label_maps, classes=len(self.gains))
        return own._replace(targets=self.mean_over_ranks(own.targets))  # as released: no more

    def _matches(
        self, pairs: Sequence[tuple[Tensor, Tensor]], targets: Targets, images: int
    ) -> list[Matches]:
        settings = self.settings
        weights = MatchWeights(settings.class_weight, settings.mask_weight, settings.dice_weight)
        costs = []
        for class_logits, mask_logits in pairs:
            points = [self.draw(1, settings.points) for _ in range(images)]
            costs.append(match_costs(class_logits, mask_logits, targets, points, weights))
        return matches_of(costs, targets)

    def _mask_losses(
        self, mask_logits: Tensor, targets: Targets, match: Matches
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy and dice loss of the masks (B, Q, h, w), summed over matched queries."""
        if not len(match.query):
            return mask_logits[:0].sum(), mask_logits[:0].sum()  # 0, and goes backward
        logits = full_precision(mask_logits[match.image, match.query][:, None])  # (M, 1, h, w)
        masks = targets.masks[match.target][:, None].to(logits.dtype)
        weights = targets.weights[match.target][:, None].to(logits.dtype)
        near = None if self.settings.reweight == "off" else weights
        points = _worthwhile_points(logits.detach(), near, self.settings, self.draw)
        logits, masks, weights = (sampled(each, points)[:, 0] for each in (logits, masks, weights))
        gains = self.gains[targets.class_index[match.target]][:, None].to(logits.dtype)
        factor = 1 + gains * weights
        if self.settings.clamp_weights:
            factor = factor.clamp(min=0)
        self.weights_seen.see(factor)
        bce = F.binary_cross_entropy_with_logits(logits, masks, factor, reduction="sum")
        dice = dice_losses(logits.sigmoid(), masks).sum()
        return (
            self.settings.mask_weight * bce / logits.shape[1],
            self.settings.dice_weight * dice,
        )


def dice_losses(probability: Tensor, masks: Tensor) -> Tensor:
    """Dice loss of each mask, both (M, P), smoothed by one point: shape (M,), 0..1."""
    both = (probability * masks).sum(1)
    return 1 - (2 * both + 1) / (probability.sum(1) + masks.sum(1) + 1)


def class_loss(
    class_logits: Tensor,
    targets: Targets,
    match: Matches,
    settings: LossConfig,
    counts: BatchCounts,
) -> Tensor:
    """Cross-entropy of the classes (B, Q, K + 1); queries without target are "no object"."""
    queries, nothing = class_logits.shape[1], class_logits.shape[2] - 1
    wanted = torch.full(class_logits.shape[:2], nothing, device=class_logits.device)
    wanted[match.image, match.query] = targets.class_index[match.target]
    logits = full_precision(class_logits.flatten(0, 1))
    weight = logits.new_ones(nothing + 1)
    weight[nothing] = settings.no_object_weight
    entropy = F.cross_entropy(logits, wanted.flatten(), weight, reduction="sum")
    whole = counts.query_weight(queries, settings.no_object_weight)
    return settings.class_weight * entropy / (whole + EPS)


@torch.no_grad()
def _worthwhile_points(
    logits: Tensor, weights: Tensor | None, settings: LossConfig, draw: Draw
) -> Tensor:
    """Choose points where the mask is doubtful or near a boundary, and some anywhere.

    Args:
        logits: Shape (M, 1, h, w).
        weights: Boundary weights of the targets, shape (M, 1, H, W); None where only doubt counts.
        settings: How many points.
        draw: Gives random points.

    Returns:
        Shape (M, P, 2), 0..1.
    """
    candidates = draw(len(logits), int(settings.points * settings.oversample))
    doubt = -sampled(logits, candidates).abs()
    if weights is not None:
        doubt = doubt * sampled(1 - weights, candidates)
    worth = int(settings.points * settings.worthwhile)
    chosen = doubt[:, 0].topk(worth, dim=1).indices[..., None].expand(-1, -1, 2)
    anywhere = draw(len(logits), settings.points - worth)
    return torch.cat([candidates.gather(1, chosen), anywhere], dim=1)
