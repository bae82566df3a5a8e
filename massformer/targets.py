"""What a batch of label maps asks of the queries: one mask per class and image.

Letters in shape comments: B images, H and W rows and columns of the label maps, T targets of all
images together, P points.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mass13k_tools.arrays import IGNORE
from mass13k_tools.ops.torch_weights import boundary_weights


class Targets(NamedTuple):
    """The masks of a batch, image after image, in each by class."""

    image: Tensor
    """Which image each belongs to, shape (T,), int64."""
    class_index: Tensor
    """Its class, shape (T,), int64."""
    masks: Tensor
    """Shape (T, H, W), float32, 0 or 1."""
    weights: Tensor
    """How near a boundary of the mask is, W of the paper's section 4.2, shape (T, H, W), 0..1."""


def targets_of(label_maps: Tensor, *, classes: int, kernel_px: int | None) -> Targets:
    """Cut label maps into masks.

    Args:
        label_maps: Class indices, shape (B, H, W), uint8, 255 = ignore. A pixel that is ignored is
            in no mask, as released.
        classes: Number of classes.
        kernel_px: Side of the window of the weights, odd; None for weights of 0.
    """
    images, indices, masks, weights = [], [], [], []
    for number, label_map in enumerate(label_maps):
        counts = torch.bincount(label_map.flatten().int(), minlength=IGNORE + 1)
        present = counts[:classes].nonzero()[:, 0]
        images.append(torch.full_like(present, number))
        indices.append(present)
        masks.append((label_map == present[:, None, None]).float())
        weights.append(_weights(label_map, present, masks[-1], kernel_px))
    return Targets(torch.cat(images), torch.cat(indices), torch.cat(masks), torch.cat(weights))


def _weights(label_map: Tensor, present: Tensor, masks: Tensor, kernel_px: int | None) -> Tensor:
    if kernel_px is None:
        return torch.zeros_like(masks)
    return boundary_weights(label_map[None], present.tolist(), kernel_px=kernel_px)[0]


def sampled(maps: Tensor, points: Tensor) -> Tensor:
    """Read maps at points, bilinear, 0 beyond the frame.

    Args:
        maps: Shape (N, C, h, w).
        points: Shape (N, P, 2): x and y as shares of the width and the height, 0..1.

    Returns:
        Shape (N, C, P).
    """
    grid = 2 * points[:, :, None] - 1
    return F.grid_sample(maps, grid.to(maps.dtype), align_corners=False)[..., 0]
