"""An image as overlapping tiles whose values are blended smoothly.

In an overlap the weight of one tile falls along half a cosine while its neighbour's rises, so they
add up to 1 everywhere and no seam shows. Letters in shape comments: C channels of values, H and W
rows and columns of the image.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from massformer.inference.strips import Strip

OVERLAP_PX = 256  # at most; a quarter of small tiles


class Grid(NamedTuple):
    """How many tiles an image is cut into."""

    rows: int = 1
    columns: int = 1

    @property
    def tiles(self) -> int:
        """Number of all tiles."""
        return self.rows * self.columns


def spans(length: int, count: int) -> list[slice]:
    """Cut a line into overlapping spans of one length.

    No pixel is in more than two of them.

    Args:
        length: Pixels of the line.
        count: Number of spans.

    Example:
        >>> spans(1000, 3)
        [slice(0, 389, None), slice(305, 694, None), slice(611, 1000, None)]
    """
    side = side_of(length, count)
    if count == 1:
        return [slice(0, length)]
    starts = [number * (length - side) // (count - 1) for number in range(count)]
    return [slice(start, start + side) for start in starts]


def side_of(length: int, count: int) -> int:
    """Say how long each of a number of overlapping spans of a line is."""
    overlap = min(OVERLAP_PX, length // (4 * count)) if count > 1 else 0
    return -(-(length + (count - 1) * overlap) // count)


def fewest(length: int, most: int) -> int:
    """Say into how many overlapping spans of at most ``most`` pixels a line is cut.

    Example:
        >>> fewest(1000, 400), fewest(1000, 1000)
        (3, 1)
    """
    count = -(-length // most)
    while side_of(length, count) > most:
        count += 1
    return count


def blended(
    size_hw: tuple[int, int], grid: Grid, values_of: Callable[[slice, slice], Tensor]
) -> Iterator[Strip]:
    """Blend the values of all tiles, one row of tiles after the other.

    Only the rows that the next row of tiles will still change are kept.

    Args:
        size_hw: H and W of the image.
        grid: Its tiles.
        values_of: Gives the values (C, h, w) of a tile, by its rows and columns.

    Yields:
        Strips that together are the image, each of C channels.
    """
    rows, columns = spans(size_hw[0], grid.rows), spans(size_hw[1], grid.columns)
    row_weights, column_weights = _weights(rows), _weights(columns)
    kept: Tensor | None = None
    for number, tile_rows in enumerate(rows):
        band: Tensor | None = None
        for tile_columns, across in zip(columns, column_weights, strict=True):
            values = values_of(tile_rows, tile_columns)
            if band is None:
                band = values.new_zeros(*values.shape[:2], size_hw[1])
            down = row_weights[number].to(values)[:, None]
            band[:, :, tile_columns] += values * down * across.to(values)
        assert band is not None, "there is at least one column of tiles"
        if kept is not None:
            band[:, : kept.shape[1]] += kept
        next_top = rows[number + 1].start if number + 1 < len(rows) else tile_rows.stop
        done = next_top - tile_rows.start
        kept = band[:, done:].clone()
        yield Strip(tile_rows.start, band[:, :done])


def _weights(spans_: list[slice]) -> list[Tensor]:
    """Give the weight of every pixel of every span; over all spans a pixel has 1."""
    weights = [torch.ones(span.stop - span.start) for span in spans_]
    for number, (before, after) in enumerate(pairwise(spans_)):
        shared = before.stop - after.start
        rising = (1 - torch.cos(torch.pi * (torch.arange(shared) + 0.5) / shared)) / 2
        weights[number][-shared:] *= 1 - rising
        weights[number + 1][:shared] *= rising
    return weights
