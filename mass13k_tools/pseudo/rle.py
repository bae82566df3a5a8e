"""COCO's run lengths: read without trust, and without decoding a whole photo for a small mask.

A mask is written column by column as lengths of runs, of zeros first, then of ones and zeros in
turn. *Uncompressed* they are a list of numbers. *Compressed* they are text: each number in groups
of five bits, the lowest first, one character (48 + bits) a group, 32 more where groups follow; from
the fourth run on it is the difference to the run before the last (pycocotools, ``maskApi.c``). C
code that decodes such text believes it, so it is checked here first.
"""

from collections.abc import Sequence

import numpy as np

from mass13k_tools.arrays import Counts, Mask, size_text
from mass13k_tools.errors import DatasetError

FIRST, MORE, SIGN, BITS = 48, 32, 16, 5  # of compressed text
MOST_GROUPS = 7  # of one number, beyond that it is larger than any picture has pixels
RunLengths = str | bytes | Sequence[int]


def columns_of_ones(counts: RunLengths, size_hw: tuple[int, int]) -> tuple[int, Mask] | None:
    """Decode the columns of a mask from the first that has a pixel of it to the last.

    Args:
        counts: Run lengths, compressed or not.
        size_hw: Of the picture that they tell of, in pixels.

    Returns:
        The number of the first column, and the mask in these columns, shape (H, columns), bool;
        None where it has no pixel.

    Raises:
        DatasetError: They are damaged, or of another size.

    Example:
        >>> columns_of_ones([4, 2, 3], (3, 3))
        (1, array([[False],
               [ True],
               [ True]]))
    """
    height = size_hw[0]
    ends = np.cumsum(_checked(run_lengths(counts), size_hw))
    starts, stops = ends[:-1:2], ends[1::2]  # of the runs of ones
    some = stops > starts
    if not some.any():
        return None
    starts, stops = starts[some], stops[some]
    first, last = int(starts[0]) // height, int(stops[-1] - 1) // height
    corner = first * height  # columns are one flat range
    steps = np.zeros((last + 1 - first) * height + 1, dtype=np.int8)
    np.add.at(steps, starts - corner, 1)
    np.add.at(steps, stops - corner, -1)
    flat = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)
    return first, flat.reshape(-1, height).T


def encoded(mask: Mask) -> bytes:
    """Compress a mask, shape (H, W), bool."""
    from pycocotools import mask as coco

    counts: bytes = coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    return counts


def run_lengths(counts: RunLengths) -> Counts:
    """Give run lengths as numbers, shape (runs,), int64, unchecked but for their form.

    Example:
        >>> run_lengths("422")
        array([4, 2, 2])

    Raises:
        DatasetError: They are neither text of the compressed form nor whole numbers.
    """
    if isinstance(counts, str | bytes):
        return _decompressed(counts)
    numbers = list(counts) if isinstance(counts, Sequence) else [None]
    if not all(type(number) is int and 0 <= number < 2**31 for number in numbers):
        raise DatasetError("run lengths of a mask are no whole numbers of 0 or more")
    return np.array(numbers, dtype=np.int64)


def _decompressed(counts: str | bytes) -> Counts:
    text = counts.encode("ascii", errors="replace") if isinstance(counts, str) else counts
    groups = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - FIRST
    if not len(groups):
        return np.zeros(0, dtype=np.int64)
    lasts = np.flatnonzero(groups & MORE == 0)  # groups that end a number
    if (
        groups.min() < 0
        or groups.max() >= 2 * MORE
        or not len(lasts)
        or lasts[-1] + 1 < len(groups)
    ):
        raise DatasetError("run lengths of a mask are damaged, expected COCO's compressed text")
    sizes = np.diff(lasts, prepend=-1)
    if sizes.max() > MOST_GROUPS:
        raise DatasetError("a run of a mask is longer than any picture; it is damaged")
    place = np.arange(len(groups)) - np.repeat(lasts - sizes + 1, sizes)
    bits = (groups & (MORE - 1)) << (BITS * place)
    numbers = np.add.reduceat(bits, lasts - sizes + 1)
    negative = groups[lasts] & SIGN != 0
    numbers -= np.where(negative, np.int64(1) << (BITS * sizes), 0)
    return _summed_differences(numbers)


def _summed_differences(numbers: Counts) -> Counts:
    """Undo the differences: every run from the fourth on counts from the one before the last."""
    lengths = numbers.copy()
    lengths[1::2] = np.cumsum(numbers[1::2])
    lengths[2::2] = np.cumsum(numbers[2::2])
    return lengths


def _checked(lengths: Counts, size_hw: tuple[int, int]) -> Counts:
    """Let run lengths pass that fill a picture exactly; of an odd number a last empty run ends."""
    pixels = size_hw[0] * size_hw[1]
    if min(size_hw) < 1 or lengths.min(initial=0) < 0 or lengths.max(initial=0) > pixels:
        raise DatasetError(
            f"run lengths of a mask do not fit into {size_text(size_hw)}; it is damaged"
        )
    if int(lengths.sum()) != pixels:
        raise DatasetError(
            f"run lengths of a mask tell of {int(lengths.sum())} pixels, expected {pixels} of "
            f"{size_text(size_hw)}; is it of another picture?"
        )
    return np.append(lengths, 0) if len(lengths) % 2 else lengths
