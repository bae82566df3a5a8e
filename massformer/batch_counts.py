"""What a batch holds to learn from: sums of losses become means by it.

Only label maps decide it, not predictions, so it is known of all batches and ranks of a step before
the first of them is computed. Letters in shape comments: B images, K classes, H and W rows and
columns of the label maps.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mass13k_tools.arrays import IGNORE


class BatchCounts(NamedTuple):
    """Counts of a batch, or their means over the batches of a step; float32."""

    targets: Tensor
    """Masks to learn; an image without any counts as one, as released. Shape ()."""
    pixels: Tensor
    """Pixels that have a class, of which also is known whether they are at an edge. Shape ()."""
    images: Tensor
    """Images that have 0, 1, … K classes, shape (K + 1,)."""

    def query_weight(self, queries: int, no_object_weight: float) -> Tensor:
        """Sum what queries count in the loss of classes.

        Args:
            queries: Of every image. As many as it has classes are matched.
            no_object_weight: What one without target counts.
        """
        matched = torch.arange(len(self.images), device=self.images.device).clamp(max=queries)
        return (self.images * (matched + no_object_weight * (queries - matched))).sum()

    def row(self) -> Tensor:
        """Put all into one row, such as ranks send each other, shape (K + 3,)."""
        return torch.cat([torch.stack(self[:2]), self.images])

    @classmethod
    def of_row(cls, row: Tensor) -> "BatchCounts":
        """Undo :meth:`row`."""
        return cls(row[0], row[1], row[2:])


def batch_counts(label_maps: Tensor, *, classes: int) -> BatchCounts:
    """Count a batch.

    Args:
        label_maps: Class indices, shape (B, H, W), uint8, 255 = ignore and padding.
        classes: Number of classes.

    Example:
        >>> maps = torch.tensor([[[0, 2]], [[2, 255]]], dtype=torch.uint8)
        >>> counts = batch_counts(maps, classes=3)
        >>> float(counts.targets), float(counts.pixels), counts.images.tolist()
        (3.0, 3.0, [0.0, 1.0, 1.0, 0.0])
    """
    present = [(label_maps == index).flatten(1).any(1) for index in range(classes)]
    numbers = torch.stack(present).sum(0)  # of classes in each image
    bins = torch.arange(classes + 1, device=label_maps.device)
    return BatchCounts(
        numbers.clamp(min=1).sum().float(),
        (label_maps != IGNORE).sum().float(),
        (numbers == bins[:, None]).sum(1).float(),
    )
