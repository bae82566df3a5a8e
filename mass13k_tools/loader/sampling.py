"""Crops drawn where there is something to learn: at class boundaries, or where rare classes are.

The chance of a crop is proportional to what it covers of a density that is known for every block of
the label map, so nothing needs to be read first. The released recipe draws uniformly.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE
from mass13k_tools.loader.resize import Box, Cut
from mass13k_tools.ops.blocks import BlockCounts

Sampling = Literal["uniform", "boundary", "rare"]
Values = NDArray[np.float64]

MOST_CELLS = 64  # per axis, that the possible places of a crop are divided into


class Density(NamedTuple):
    """How much there is in each block of a label map."""

    values: Values
    """Shape (rows, columns), 0 or more."""
    block_px: int
    """Side of a block."""


class _Cells(NamedTuple):
    """The possible places of a crop along one axis, in groups."""

    bounds: NDArray[np.int64]  # (n + 1,) first place of each group
    shares: Values  # (n, blocks) of each block, covered by a crop in the middle of the group


def block_density(blocks: BlockCounts, sampling: Sampling) -> Density:
    """Tell what crops are drawn by.

    ========= ==================================================================================
    sampling  density of a block
    ========= ==================================================================================
    uniform   the same everywhere
    boundary  pixel sides at which two classes meet
    rare      of each class its share of the class's pixels in this image: all classes of an image
              weigh the same, so pixels of small ones weigh more
    ========= ==================================================================================

    Args:
        blocks: Counts of the label map.
        sampling: What is wanted.

    Example:
        >>> counts = np.array([[[90, 0]], [[0, 10]]], dtype=np.uint16)
        >>> ids, edges = np.array([0, 5], np.uint8), np.array([[0, 3]], np.uint16)
        >>> block_density(BlockCounts(64, ids, counts, edges), "rare").values
        array([[1., 1.]])
    """
    if sampling == "uniform":
        values = np.ones(blocks.edges.shape)
    elif sampling == "boundary":
        values = blocks.edges.astype(np.float64)
    else:
        pixels = blocks.pixels[blocks.class_ids != IGNORE].astype(np.float64)
        values = (pixels / pixels.sum(axis=(1, 2), keepdims=True)).sum(axis=0)
    return Density(values, blocks.block_px)


def dense_box(density: Density, cut: Cut, rng: np.random.Generator) -> Box:
    """Draw the place of a crop with a chance proportional to the density that it covers.

    Three numbers are taken from ``rng``. Where the density is 0 everywhere, all places have the
    same chance.

    Args:
        density: Of the label map.
        cut: Sizes of label map, resized label map and crop.
        rng: Where the random numbers come from.

    Returns:
        ``cut.box`` with another y and x.
    """
    down, across = _cells(density, cut, 0), _cells(density, cut, 1)
    covered = down.shares @ density.values @ across.shares.T  # (n, m)
    # Groups differ in size by one place
    chances = covered * np.outer(np.diff(down.bounds), np.diff(across.bounds))
    if not chances.any():
        chances = np.outer(np.diff(down.bounds), np.diff(across.bounds)).astype(np.float64)
    sums = np.cumsum(chances)
    cell = int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))
    row, column = divmod(min(cell, chances.size - 1), chances.shape[1])
    y = int(rng.integers(down.bounds[row], down.bounds[row + 1]))
    x = int(rng.integers(across.bounds[column], across.bounds[column + 1]))
    return (y, x, *cut.box[2:])


def _cells(density: Density, cut: Cut, axis: int) -> _Cells:
    source_px, target_px, crop_px = cut.source_hw[axis], cut.target_hw[axis], cut.box[axis + 2]
    places = target_px - crop_px + 1
    count = min(places, MOST_CELLS)
    bounds = np.arange(count + 1) * places // count
    first = (bounds[:-1] + bounds[1:] - 1) / 2 * (source_px / target_px)
    last = first + crop_px * (source_px / target_px)
    starts = np.arange(density.values.shape[axis]) * density.block_px
    stops = np.minimum(starts + density.block_px, source_px)
    overlap = np.minimum(last[:, None], stops) - np.maximum(first[:, None], starts)
    return _Cells(bounds, overlap.clip(min=0) / (stops - starts))
