"""Edge maps and signed distances of batches, on the device where the batch is.

The results are those of :mod:`mass13k_tools.ops.edges`, which explains the modes and is faster for
label maps that lie in host memory.
"""

from collections.abc import Callable
from math import isqrt

import numpy as np
import torch
from torch import Tensor

from mass13k_tools.arrays import IGNORE
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.edges import (
    RELEASED_NEIGHBOURS,
    EdgeMode,
    check_edge_request,
    check_limit,
    side_widths,
)

NOTHING = 2**30  # a rank above that of any change within the largest limit, twice it fits int32

Pick = Callable[..., Tensor]  # torch.minimum or torch.maximum


def edge_map(label_maps: Tensor, *, mode: EdgeMode = "symmetric", width_px: int = 2) -> Tensor:
    """Mark the pixels at a class change; see :func:`mass13k_tools.ops.edges.edge_map`.

    Args:
        label_maps: Class ids, shape (B, H, W), uint8, 255 = ignore.
        mode: Which side of a change is marked.
        width_px: Width of the lines.

    Returns:
        Shape (B, H, W), bool, on the same device.

    Example:
        >>> label_maps = torch.tensor([[[0, 0, 5, 5, 255, 3]]], dtype=torch.uint8)
        >>> edge_map(label_maps).int().tolist()
        [[[0, 1, 1, 0, 0, 0]]]
    """
    label_maps = check_label_maps(label_maps)
    check_edge_request(mode, width_px)
    shifted = label_maps + 1  # ignore becomes 0, nobody's maximum; as 255 it is nobody's minimum
    if mode == "released":
        lower = _among_released(label_maps, torch.minimum) < label_maps
        higher = _among_released(shifted, torch.maximum) > shifted
        return _dilated((lower | higher) & (label_maps != IGNORE), width_px)
    inner_px, outer_px = side_widths(mode, width_px)
    edges = _within_disc(label_maps, inner_px, torch.minimum) < label_maps
    edges |= _within_disc(shifted, outer_px, torch.maximum) > shifted
    return edges & (label_maps != IGNORE)


def signed_distance(label_maps: Tensor, *, limit_px: int = 64) -> Tensor:
    """Measure how far the nearest other class is; see ``edges.signed_distance``.

    Time grows with the limit: there are two passes over the batch per pixel of distance.

    Args:
        label_maps: Class ids, shape (B, H, W), uint8, 255 = ignore.
        limit_px: Distances are cut here.

    Returns:
        Shape (B, H, W), float32, -limit..limit, 0 at ignore pixels, on the same device.

    Example:
        >>> label_maps = torch.tensor([[[0, 0, 5, 5, 255]]], dtype=torch.uint8)
        >>> signed_distance(label_maps, limit_px=8).tolist()
        [[[-2.0, -1.0, 1.0, 2.0, 0.0]]]
    """
    label_maps = check_label_maps(label_maps)
    check_limit(limit_px)
    # Twice the squared distance, plus 1 towards a higher id: the least rank wins
    ranks = (label_maps == 0).int() + (2 * limit_px**2 + 2)
    _lower_ranks(ranks, label_maps, limit_px)
    upside_down = ranks.flip(1)
    _lower_ranks(upside_down, label_maps.flip(1), limit_px)
    ranks = upside_down.flip(1)
    # Looked up: square roots of some devices are not rounded correctly
    roots = torch.from_numpy(np.sqrt(np.arange(limit_px**2 + 1, dtype=np.float32)))
    distances = roots.to(ranks.device)[(ranks >> 1).clamp(max=limit_px**2).long()]
    distances = torch.where(ranks % 2 == 1, -distances, distances)
    return distances.masked_fill(label_maps == IGNORE, 0)


def check_label_maps(label_maps: Tensor) -> Tensor:
    """Return a batch of label maps, or say why it is none."""
    if label_maps.dtype != torch.uint8 or label_maps.ndim != 3 or 0 in label_maps.shape[1:]:
        raise DatasetError(
            f"label maps are {label_maps.dtype} of shape {tuple(label_maps.shape)}, "
            "expected torch.uint8 (B, H, W)"
        )
    return label_maps


def _merge(target: Tensor, source: Tensor, dy: int, dx: int, pick: Pick) -> None:
    """Pick between every pixel of ``target`` and that of ``source`` which lies (dy, dx) from it."""
    height, width = target.shape[1:]
    if abs(dy) >= height or abs(dx) >= width:
        return
    to = target[:, max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    of = source[:, max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
    pick(to, of, out=to)


def _within_disc(values: Tensor, radius_px: int, pick: Pick) -> Tensor:
    """Find the extreme value within a distance: a disc is a pile of horizontal runs."""
    extreme, run = values.clone(), values.clone()
    rows = {dy: isqrt(radius_px**2 - dy**2) for dy in range(radius_px + 1)}
    for half in range(radius_px + 1):
        _merge(run, values, 0, half, pick)
        _merge(run, values, 0, -half, pick)
        for dy in (dy for dy, reach in rows.items() if reach == half):
            _merge(extreme, run, dy, 0, pick)
            _merge(extreme, run, -dy, 0, pick)
    return extreme


def _among_released(values: Tensor, pick: Pick) -> Tensor:
    extreme = values.clone()
    for row, column in zip(*RELEASED_NEIGHBOURS.nonzero(), strict=True):
        _merge(extreme, values, int(row) - 1, int(column) - 1, pick)
    return extreme


def _dilated(edges: Tensor, width_px: int) -> Tensor:
    """Dilate by a square, further down and right when its side is even, as OpenCV does."""
    offsets = range(-(width_px // 2), width_px - width_px // 2)
    row = edges.clone()
    for dx in offsets:
        _merge(row, edges, 0, dx, torch.logical_or)
    square = row.clone()
    for dy in offsets:
        _merge(square, row, dy, 0, torch.logical_or)
    return square


def _lower_ranks(ranks: Tensor, label_maps: Tensor, limit_px: int) -> None:
    """Lower every rank to that of the nearest other class in its row and those above it."""
    near, far, near_rank, far_rank = _seen_above(label_maps, limit_px)
    width = label_maps.shape[2]
    for reach in range(min(limit_px, width - 1) + 1):
        for dx in {reach, -reach}:
            to = slice(max(0, -dx), width - max(0, dx))
            of = slice(max(0, dx), width + min(0, dx))
            value = label_maps[:, :, to]
            rank = torch.where(
                near[:, :, of] == value,
                far_rank[:, :, of] + (far[:, :, of] > value),
                near_rank[:, :, of] + (near[:, :, of] > value),
            )
            to_ranks = ranks[:, :, to]
            torch.minimum(to_ranks, rank + 2 * reach**2, out=to_ranks)


def _seen_above(label_maps: Tensor, limit_px: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For every pixel: the class seen last in its column, the last one before it that differs.

    Returns:
        Both classes, uint8, then twice the squared distances to them, int32.
    """
    rows = torch.arange(label_maps.shape[1], device=label_maps.device)[None, :, None]
    valid = label_maps != IGNORE
    near_row = torch.where(valid, rows, -1).cummax(dim=1).values  # -1 = none so far
    near = label_maps.gather(1, near_row.clamp(min=0))
    # Where a valid pixel meets another class above it, that one is from now on the differing one
    above, above_row = near[:, :-1], near_row[:, :-1]
    changed = valid[:, 1:] & (above_row >= 0) & (above != label_maps[:, 1:])
    far_row = torch.full_like(near_row, -1)
    far_row[:, 1:] = torch.where(changed, above_row, -1)
    far_row = far_row.cummax(dim=1).values
    far = label_maps.gather(1, far_row.clamp(min=0))
    ranks = []
    for row in (near_row, far_row):
        rise = rows - row
        seen = (row >= 0) & (rise <= limit_px)
        ranks.append(torch.where(seen, 2 * rise**2, NOTHING).int())
    return near, far, ranks[0], ranks[1]
