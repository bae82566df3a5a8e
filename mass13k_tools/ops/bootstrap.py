"""Paired bootstrap of two sets of sums: what would scores be on another draw of the images?

Images (or groups of images) are drawn with replacement, as many as there are, the same draw for
both sets. Scores follow from sums, so a draw is a weighted sum of what every image counted: draws
are rows, images are columns, and a matrix product does them all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.ops.score_sums import Sums
from mass13k_tools.ops.scores import Values

Units = NDArray[np.intp]  # (N,) what every image is drawn together with: 0, 1, 2 ...

BLOCK = 2**22  # numbers of one array under way: 32 MiB
FRACTION = 2.0**36


@dataclass(frozen=True)
class Draws:
    """How images are drawn."""

    units: Units
    """Number of the unit that every image is drawn with, shape (N,); every number from 0 occurs."""
    resamples: int = 2000
    seed: int = 0


def bootstrap_differences(
    one: Sequence[Sums],
    other: Sequence[Sums],
    values: Callable[[Sums], Values],
    *,
    draws: Draws,
) -> Values:
    """Draw images again and again, and see how far apart the two sets are on each draw.

    Args:
        one: Sums of every image, N of them, all of one shape.
        other: The same of other predictions, in the same order.
        values: Gives V numbers for the sums of a draw. It is called with sums that have the draws
            as one more axis, the last but one: (K,) becomes (B, K), (T, K) becomes (T, B, K). It
            answers with shape (B, V).
        draws: How images are drawn.

    Returns:
        Other minus one, shape (resamples, V), float64, nan where one of them is undefined. The same
        arguments give the same bits.

    Example:
        >>> one, other = ([Sums(*(np.full((1, 1), n) for _ in fields(Sums)))] for n in (1, 3))
        >>> draws = Draws(np.zeros(1, dtype=np.intp), resamples=2)
        >>> bootstrap_differences(one, other, lambda sums: sums.truth[0] * 1.0, draws=draws)
        array([[2.],
               [2.]])
    """
    count = int(draws.units.max()) + 1
    both = [_matrix(images, draws.units, count) for images in (one, other)]
    block = max(1, BLOCK // max(count, both[0].shape[1]))
    found = []
    for weights in _weights(count, draws, block):
        of_one, of_other = (
            values(_unstack(weights @ matrix, one[0])) for matrix in both
        )  # (B, V) each
        found.append(of_other - of_one)
    return np.concatenate(found)


def _matrix(images: Sequence[Sums], units: Units, count: int) -> Values:
    """Lay out the sums of every unit as one row, shape (count, M), float64.

    Products with whole numbers are exact, whatever the order in which a library adds them up, so
    equal sets come out equal to the bit. Counts are whole; mean F1 is rounded to 2^-36 for that.
    """
    size = sum(getattr(images[0], field.name).size for field in fields(Sums))
    matrix = np.zeros((count, size))
    for image, unit in zip(images, units, strict=True):
        parts = {field.name: getattr(image, field.name) for field in fields(Sums)}
        parts["f1"] = np.rint(parts["f1"] * FRACTION) / FRACTION
        matrix[unit] += np.concatenate([part.ravel() for part in parts.values()])
    return matrix


def _unstack(rows: Values, like: Sums) -> Sums:
    """Turn rows, shape (B, M), into sums with the axis B before the last."""
    parts, start = [], 0
    for field in fields(Sums):
        shape, dtype = getattr(like, field.name).shape, getattr(like, field.name).dtype
        stop = start + int(np.prod(shape))
        part = rows[:, start:stop].reshape(-1, *shape)
        parts.append(np.moveaxis(part, 0, -2).astype(dtype))
        start = stop
    return Sums(*parts)


def _weights(count: int, draws: Draws, block: int) -> Iterator[Values]:
    """Give how often every unit is drawn, shape (B, count), float64, for all resamples."""
    random = np.random.default_rng(draws.seed)
    for start in range(0, draws.resamples, block):
        size = min(block, draws.resamples - start)
        drawn = random.integers(count, size=(size, count))
        drawn += np.arange(size)[:, None] * count  # a row of its own for every draw
        times = np.bincount(drawn.ravel(), minlength=size * count)
        yield times.reshape(size, count).astype(np.float64)
