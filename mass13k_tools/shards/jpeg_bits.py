"""Coded pixels of a JPEG as plain bits, and back.

In the file a zero follows every byte 255 and restart markers stand between intervals, which are
filled up to whole bytes. Here they are taken out, and put back behind other bits.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Counts
from mass13k_tools.ops.compiled import compiled
from mass13k_tools.shards.jpeg_huffman import NotSeekable

Bytes = NDArray[np.uint8]  # (N,)
Words = NDArray[np.uint32]  # (N,) bits, most significant first
Pieces = NDArray[np.int64]  # (P, 4), see write_pieces

BLOCK_PAD = 256  # bytes behind the last: no block is longer
CODE = 1 << 32  # what a code's length is multiplied by, to stand beside it


class Scan(NamedTuple):
    """Coded pixels without stuffed zeros and restart markers."""

    words: Words  # zeros follow
    ends: Counts  # bit behind each interval between restart markers, shape (R + 1,)


class Written(NamedTuple):
    """Coded pixels as a file holds them, with the end marker."""

    coded: bytes
    offsets: Counts  # first byte of every interval, and the length, shape (N + 1,)


def restart_marks(values: Bytes) -> Counts:
    """Find the restart markers among coded pixels.

    Args:
        values: Everything between the scan's header and the end marker, shape (N,), uint8.

    Returns:
        Position of the first byte of each, shape (R,), int64.

    Raises:
        NotSeekable: Another marker is among them, or they are not in turn.
    """
    marks: Counts = np.flatnonzero(values == 0xFF)
    if marks.size and marks[-1] == values.size - 1:
        raise NotSeekable("damaged: half a marker at its end")
    kinds = values[marks + 1]
    marks, kinds = marks[kinds != 0], kinds[kinds != 0]
    if not np.array_equal(kinds, 0xD0 + np.arange(kinds.size) % 8):
        raise NotSeekable("damaged: another marker among its pixels")
    return marks


def read_scan(values: Bytes, marks: Counts) -> Scan:
    """Take stuffed zeros and restart markers out of coded pixels.

    Args:
        values: Everything between the scan's header and the end marker, shape (N,), uint8.
        marks: Where the restart markers are, see :func:`restart_marks`.
    """
    clean = np.zeros(values.size + BLOCK_PAD + -values.size % 4, np.uint8)
    ends = np.zeros(marks.size + 1, np.int64)
    _unstuff(values, marks, clean, ends)
    return Scan(clean.view(">u4").astype(np.uint32), ends)


def write_pieces(words: Words, pieces: Pieces) -> Written:
    """Write bits as coded pixels.

    Args:
        words: Where bits are copied from.
        pieces: First bit to copy and the bit behind the last; a code that follows, below
            ``CODE`` times its length, 0 = none; the marker that follows, 0 = none.
    """
    marks = np.count_nonzero(pieces[:, 3])
    bits = (pieces[:, 1] - pieces[:, 0] + pieces[:, 2] // CODE).sum() + 7 * marks
    out = np.empty(2 * (bits // 8 + marks + 1), np.uint8)
    offsets = np.zeros(marks + 1, np.int64)
    length = _write(words, pieces, out, offsets)
    return Written(out[:length].tobytes(), offsets)


@compiled
def window(words: Words, position: int) -> int:
    """Bits from a position on, the first one on top of 64; at least 32 of them are there."""
    at = position >> 5
    return int((np.int64(words[at]) << 32 | np.int64(words[at + 1])) << (position & 31))


@compiled
def _unstuff(values: Bytes, marks: Counts, clean: Bytes, ends: Counts) -> None:
    """Copy to ``clean`` what is no zero behind 255 and no marker, and set ``ends`` in bits."""
    start = length = 0
    for interval in range(ends.size):
        stop = marks[interval] if interval < marks.size else values.size
        before = 0
        for at in range(start, stop):
            value = values[at]
            clean[length] = value
            length += before != 0xFF  # else it is a zero, and the next value takes its place
            before = value
        ends[interval] = 8 * length
        start = stop + 2


@compiled
def _write(words: Words, pieces: Pieces, out: Bytes, offsets: Counts) -> int:
    """Fill ``out`` and ``offsets``; returns the bytes written."""
    writer = (0, 0, 0)  # bytes written, bits that wait for a whole byte, their number
    intervals = 0
    for piece in range(pieces.shape[0]):
        writer = _copy(words, pieces[piece, 0], pieces[piece, 1], out, writer)
        code = pieces[piece, 2]
        writer = _put(code % CODE, code // CODE, out, writer)
        if pieces[piece, 3]:
            missing = -writer[2] % 8
            length, _, _ = _put((1 << missing) - 1, missing, out, writer)
            out[length], out[length + 1] = 0xFF, pieces[piece, 3]
            writer = (length + 2, 0, 0)
            intervals += 1
            offsets[intervals] = writer[0]
    return writer[0]


@compiled
def _copy(
    words: Words, start: int, stop: int, out: Bytes, writer: tuple[int, int, int]
) -> tuple[int, int, int]:
    length, waiting, count = writer
    while start + 32 <= stop:
        bits = waiting << 32 | (window(words, start) >> 32 & 0xFFFFFFFF)
        four = bits >> count & 0xFFFFFFFF
        others = ~four & 0xFFFFFFFF
        if (others - 0x01010101) & four & 0x80808080:  # one of the four bytes is 255
            length, _, _ = _put(four, 32, out, (length, 0, 0))
        else:
            out[length] = four >> 24
            out[length + 1] = four >> 16 & 0xFF
            out[length + 2] = four >> 8 & 0xFF
            out[length + 3] = four & 0xFF
            length += 4
        waiting = bits & ((1 << count) - 1)
        start += 32
    rest = stop - start
    bits = window(words, start) >> 32 & 0xFFFFFFFF
    return _put(bits >> (32 - rest), rest, out, (length, waiting, count))


@compiled
def _put(bits: int, more: int, out: Bytes, writer: tuple[int, int, int]) -> tuple[int, int, int]:
    """Append up to 32 bits, a zero behind every byte 255."""
    length, waiting, count = writer
    waiting = waiting << more | bits
    count += more
    while count >= 8:
        count -= 8
        value = waiting >> count & 0xFF
        out[length] = value
        length += 1
        if value == 0xFF:
            out[length] = 0
            length += 1
    return length, waiting & ((1 << count) - 1), count
