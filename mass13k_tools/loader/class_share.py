"""Does a crop hold more than one class, and none too much of it? Where clear, told unread.

The released recipe draws a crop again while one class covers 75 % of it or more. The exact answer
needs the labels of the crop. Counts of the label map's blocks bound it: a block of one class counts
as many pixels as the resized crop takes from it, a block of several at least 0 and at most that,
and where the image is enlarged each of its pixels counts a known number of times at most.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, size_text, value_counts
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.resize import Cut, Indices, nearest_indices
from mass13k_tools.ops.blocks import BlockCounts


def class_share_test(
    most_share: float, *, labels_of: Callable[[Cut], LabelMap], blocks: BlockCounts | None = None
) -> Callable[[Cut], bool]:
    """Make the test that a recipe draws crops by; blocks save time and change no answer.

    Args:
        most_share: Share of its labelled pixels that no class of a crop may reach.
        labels_of: Reads and resizes the labels of a crop; called only where blocks leave it open.
        blocks: Counts of the whole label map in its own size.
    """

    def is_mixed(cut: Cut) -> bool:
        clear = None if blocks is None else mixed_by_blocks(blocks, cut, most_share)
        return mixed(value_counts(labels_of(cut)), most_share) if clear is None else clear

    return is_mixed


def mixed(counts: Counts, most_share: float) -> bool:
    """Tell whether there are two classes or more and none has ``most_share`` of the pixels.

    Args:
        counts: Pixels of each value, shape (256,), int64; those of ignore do not count.
        most_share: 0 to 1.

    Example:
        >>> counts = np.zeros(256, dtype=np.int64)
        >>> counts[[0, 5, 255]] = 74, 26, 900
        >>> mixed(counts, 0.75)
        True
    """
    counts = counts[:IGNORE]
    return bool(np.count_nonzero(counts) > 1 and counts.max() / counts.sum() < most_share)


def mixed_by_blocks(blocks: BlockCounts, cut: Cut, most_share: float) -> bool | None:
    """Answer as :func:`mixed` would for the labels of a crop, or None where blocks leave it open.

    Args:
        blocks: Counts of the whole label map.
        cut: The crop, in pixels of the resized label map.
        most_share: 0 to 1.

    Raises:
        DatasetError: The blocks are those of a label map of another size.
    """
    least, most, taken = _bounds(blocks, cut)
    classes = blocks.class_ids != IGNORE
    ignored = ~classes
    if np.count_nonzero(most[classes]) < 2:
        return False
    labelled_most = max(1, taken - least[ignored].sum())
    if (least[classes] / labelled_most >= most_share).any():
        return False
    others = least[classes].sum() - least[classes]
    labelled_least = np.maximum(most[classes] + others, max(1, taken - most[ignored].sum()))
    clear = (most[classes] / labelled_least < most_share).all()
    return True if clear and np.count_nonzero(least[classes]) > 1 else None


def _bounds(blocks: BlockCounts, cut: Cut) -> tuple[Counts, Counts, int]:
    """Bound the pixels of each class in a crop.

    Returns:
        Least and most, shape (C,), int64, and the pixels of the crop.
    """
    height, width = cut.source_hw
    expected = (-(-height // blocks.block_px), -(-width // blocks.block_px))
    if blocks.pixels.shape[1:] != expected:
        raise DatasetError(
            f"{size_text(blocks.pixels.shape[1:])} blocks of {blocks.block_px} pixels do not "
            f"belong to a label map of {size_text(cut.source_hw)}, expected {size_text(expected)}"
        )
    rows, columns = nearest_indices(cut)
    down, across = _taken(rows, blocks.block_px), _taken(columns, blocks.block_px)
    pixels = blocks.pixels[:, down.blocks, across.blocks].astype(np.int64)  # (C, rows, columns)
    taken = np.outer(down.pixels, across.pixels)
    times = np.outer(down.times, across.times)  # a pixel of the block counts so often at most
    others = pixels.sum(axis=0) - pixels
    most = np.minimum(pixels * times, taken)
    least = np.maximum(taken - others * times, 0)
    return least.sum(axis=(1, 2)), most.sum(axis=(1, 2)), int(taken.sum())


class _Taken(NamedTuple):
    """What a crop takes of the blocks along one axis."""

    blocks: slice
    pixels: NDArray[np.int64]  # of the crop, by block
    times: NDArray[np.int64]  # that one and the same source pixel occurs at most, by block


def _taken(indices: Indices, block_px: int) -> _Taken:
    first, last = int(indices[0]) // block_px, int(indices[-1]) // block_px
    times = np.bincount(indices - first * block_px, minlength=(last + 1 - first) * block_px)
    times = times.reshape(-1, block_px)
    return _Taken(slice(first, last + 1), times.sum(axis=1), times.max(axis=1))
