"""Cuts a rectangle out of a seekable JPEG: another, small JPEG of the same coded bytes.

The restart intervals that touch the rectangle stand in the file row by row. Behind a header with
the small size, and with their markers numbered anew, they are a JPEG file of their own. Decoders
mix the nearest two chroma samples of each direction where chroma is coarser than luma, so one
chroma sample more is taken along on every side: then no pixel of the rectangle differs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.boxes import Box, check_box
from mass13k_tools.shards.jpeg_bits import restart_marks
from mass13k_tools.shards.jpeg_huffman import NotSeekable
from mass13k_tools.shards.jpeg_layout import (
    BLOCK,
    COM,
    FRAMES,
    SOI,
    header_segments,
    parse_jpeg,
)

MARKER_BYTES = 2
CHROMA_MARGIN = 2  # pixels: one chroma sample
NARROWEST = 5  # pixels: libjpeg does not mix chroma that is only two samples wide
# APP0 (JFIF) and APP14 (Adobe) say what the colours are; other APPn and comments are left out
LEFT_OUT = ({*range(0xE0, 0xF0), COM}) - {0xE0, 0xEE}


@dataclass(frozen=True, kw_only=True, eq=False)
class JpegIndex:
    """What is to be known of a seekable JPEG to read a part of it."""

    size_hw: tuple[int, int]
    """In pixels."""
    mcu_hw: tuple[int, int]
    """Pixels of an MCU: 8 or 16 in each direction."""
    interval_mcus: int
    """MCUs from one restart to the next; divides the MCUs of a row."""
    offsets: NDArray[np.uint32]
    """First byte of every interval, the first being the length of the header, and the first byte
    behind the image; a marker is the last two bytes of every interval. Shape (N + 1,)."""

    def __post_init__(self) -> None:
        steps = np.diff(self.offsets.astype(np.int64))
        fits = (
            min(self.size_hw) > 0
            and set(self.mcu_hw) <= {BLOCK, 2 * BLOCK}
            and self.interval_mcus > 0
            and -(-self.size_hw[1] // self.mcu_hw[1]) % self.interval_mcus == 0
            and self.offsets.ndim == 1
            and steps.size == self.grid_hw[0] * self.grid_hw[1]
        )
        if not fits or self.offsets[0] < 4 or steps.min() <= MARKER_BYTES:
            raise DatasetError(
                f"JPEG index of {steps.size} intervals of {self.interval_mcus} MCUs does not fit "
                f"an image of {size_text(self.size_hw)}; is the shard damaged?"
            )

    @property
    def interval_hw(self) -> tuple[int, int]:
        """Pixels of a whole interval."""
        return self.mcu_hw[0], self.mcu_hw[1] * self.interval_mcus

    @property
    def grid_hw(self) -> tuple[int, int]:
        """Intervals, down and across."""
        (height, width), (rows, columns) = self.size_hw, self.interval_hw
        return -(-height // rows), -(-width // columns)

    @property
    def header_bytes(self) -> int:
        """Length of everything before the coded pixels."""
        return int(self.offsets[0])


class _Cover(NamedTuple):
    """The intervals that a rectangle needs: rows [top, bottom), columns [left, right)."""

    top: int
    bottom: int
    left: int
    right: int


class SubJpeg(NamedTuple):
    """A part of a JPEG file as a file of its own."""

    content: bytes
    origin: tuple[int, int]
    """(y, x) of its first pixel in the whole image."""


def jpeg_index(content: bytes) -> JpegIndex:
    """Find the restart intervals of a seekable JPEG.

    Raises:
        NotSeekable: It has no restart markers, or not in a distance that divides its rows.
    """
    layout = parse_jpeg(content)
    rows, columns = layout.mcus_hw
    interval = layout.restart_mcus
    if interval == 0 or columns % interval:
        raise NotSeekable("its restart markers do not divide its rows")
    values = np.frombuffer(content, np.uint8)[layout.scan_start : layout.scan_stop]
    marks = restart_marks(values)
    if marks.size != rows * columns // interval - 1:
        raise NotSeekable("damaged: restart markers are missing, or too many")
    ends = layout.scan_start + marks + MARKER_BYTES
    return JpegIndex(
        size_hw=layout.size_hw,
        mcu_hw=layout.mcu_hw,
        interval_mcus=interval,
        offsets=np.array([layout.scan_start, *ends, layout.stop], np.uint32),
    )


def region_bytes(index: JpegIndex, box: Box) -> list[tuple[int, int]]:
    """List the bytes that a rectangle needs, as (first, behind the last).

    Args:
        index: Of the file.
        box: y, x, height, width in pixels, within the image.

    Returns:
        The header first, then one range for every row of intervals.

    Raises:
        DatasetError: The box is empty or not within the image.
    """
    cover = _cover(index, box)
    firsts = np.arange(cover.top, cover.bottom) * index.grid_hw[1]
    starts = index.offsets[firsts + cover.left].tolist()
    stops = index.offsets[firsts + cover.right].tolist()
    return [(0, index.header_bytes), *zip(starts, stops, strict=True)]


def sub_jpeg(
    header: bytes, parts: Sequence[bytes | memoryview], index: JpegIndex, box: Box
) -> SubJpeg:
    """Put a small JPEG file together that covers a rectangle.

    Args:
        header: The bytes of the first range of :func:`region_bytes`.
        parts: Those of the others.
        index: Of the file.
        box: y, x, height, width in pixels.

    Raises:
        DatasetError: The bytes are not those of the ranges.
    """
    cover = _cover(index, box)
    small = bytearray().join([_small_header(header, index, cover), *parts])
    rows = np.arange(cover.top, cover.bottom)[:, None] * index.grid_hw[1]
    intervals = rows + np.arange(cover.left, cover.right)
    lengths = index.offsets[intervals + 1] - index.offsets[intervals]
    ends = np.cumsum(lengths, dtype=np.int64) + (len(small) - sum(map(len, parts)))
    values = np.frombuffer(small, np.uint8)
    if ends[-1] != values.size or (values[ends - MARKER_BYTES] != 0xFF).any():
        raise DatasetError("JPEG intervals do not end where the index says; is the shard damaged?")
    values[ends - 1] = 0xD0 + np.arange(ends.size) % 8
    values[-1] = 0xD9
    return SubJpeg(
        bytes(small), (cover.top * index.interval_hw[0], cover.left * index.interval_hw[1])
    )


def _cover(index: JpegIndex, box: Box) -> _Cover:
    check_box(box, index.size_hw)
    sides = []
    for axis in (0, 1):
        start, stop, size = box[axis], box[axis] + box[axis + 2], index.size_hw[axis]
        if index.mcu_hw[axis] > BLOCK:
            start, stop = start - CHROMA_MARGIN, stop + CHROMA_MARGIN
            start = min(start, size - NARROWEST)
        step = index.interval_hw[axis]
        sides += [max(start, 0) // step, -(-min(stop, size) // step)]
    return _Cover(*sides)


def _small_header(header: bytes, index: JpegIndex, cover: _Cover) -> bytes:
    """The header without bulky metadata, and with the size of the intervals."""
    parts = [SOI]
    for segment in header_segments(header):
        if segment.marker in FRAMES:
            height, width = (
                min(stop * step, size) - start * step
                for start, stop, step, size in zip(
                    cover[::2], cover[1::2], index.interval_hw, index.size_hw, strict=True
                )
            )
            parts.append(header[segment.start : segment.payload + 1])
            parts.append(height.to_bytes(2, "big") + width.to_bytes(2, "big"))
            parts.append(header[segment.payload + 5 : segment.stop])
        elif segment.marker not in LEFT_OUT:
            parts.append(header[segment.start : segment.stop])
    return b"".join(parts)
