"""What a batch of label maps asks of the queries: one mask per class and image.

Letters in shape comments: B images, H and W rows and columns of the label maps, T targets of all
images together, P points.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

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
    of_images: tuple[slice, ...]
    """Which rows each image has; known without asking the device."""


def targets_of(label_maps: Tensor, *, classes: int, kernel_px: int | None) -> Targets:
    """Cut label maps into masks.

    Args:
        label_maps: Class indices, shape (B, H, W), uint8, 255 = ignore. A pixel that is ignored is
            in no mask, as released.
        classes: Number of classes.
        kernel_px: Side of the window of the weights, odd; None for weights of 0.
    """
    found = [(label_maps == index).flatten(1).any(1) for index in range(classes)]
    image, class_index = torch.stack(found, 1).cpu().nonzero().unbind(1)  # here a device waits
    ends = torch.searchsorted(image, torch.arange(len(label_maps)), right=True).tolist()
    of_images = tuple(slice(*rows) for rows in pairwise([0, *ends]))
    weights = [
        _weights(label_map, class_index[rows].tolist(), kernel_px)
        for label_map, rows in zip(label_maps, of_images, strict=True)
    ]
    image, class_index = image.to(label_maps.device), class_index.to(label_maps.device)
    masks = (label_maps[image] == class_index[:, None, None]).float()
    return Targets(image, class_index, masks, torch.cat(weights), of_images)


def _weights(label_map: Tensor, present: list[int], kernel_px: int | None) -> Tensor:
    if kernel_px is None:
        return label_map.new_zeros(len(present), *label_map.shape, dtype=torch.float32)
    return boundary_weights(label_map[None], present, kernel_px=kernel_px)[0]


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
