"""Label maps as PNG files whose rows can be read in bands, each without those before it.

An ordinary 8-bit grey PNG to everyone else, written so that a part of it is enough:

* Rows have filter 0, so none needs the row above it.
* After every 64 rows the compressor is flushed and forgets what it has seen, so that a band
  inflates alone.
* Each band is one IDAT chunk. Its checksum is in it: damage is seen although only a part is read.

``offsets`` say where the chunks begin. Bands that follow each other are one range of bytes.
"""

import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import deflate
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import LabelMap, check_label_map, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.pixel_files import MOST_PIXELS

Offsets = NDArray[np.uint32]

ROWS_PER_BAND = 64
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHUNK_BYTES = 12  # length, name and checksum
ZLIB_HEADER_BYTES = 2
LAST_BLOCK = b"\x03\x00"  # an empty one: what ends a flushed band that is read alone
MOST_INFLATION = 1032  # bytes that one byte of deflate can become


@dataclass(frozen=True, kw_only=True, eq=False)
class BandIndex:
    """What is to be known of a banded PNG before a part of it is read. Checked when made."""

    size_hw: tuple[int, int]
    """Height and width of the label map."""
    offsets: Offsets
    """Shape (bands + 1,), uint32: where in the file each band's chunk begins, and the last ends."""
    rows_per_band: int = ROWS_PER_BAND
    """Rows of every band but the last, which has what is left."""

    def __post_init__(self) -> None:
        height, width = self.size_hw
        if min(height, width, self.rows_per_band) < 1 or height * width > MOST_PIXELS:
            raise DatasetError(
                f"band index of a {size_text(self.size_hw)} label map in bands of "
                f"{self.rows_per_band} rows, expected 1 to {MOST_PIXELS} pixels and 1 row or more"
            )
        bands = -(-height // self.rows_per_band)
        if self.offsets.dtype != np.uint32 or self.offsets.shape != (bands + 1,):
            raise DatasetError(
                f"band offsets are {self.offsets.dtype} of shape {self.offsets.shape}, expected "
                f"uint32 ({bands + 1},) for {height} rows in bands of {self.rows_per_band}"
            )
        if (np.diff(self.offsets.astype(np.int64)) <= CHUNK_BYTES).any():
            raise DatasetError("band offsets do not rise from band to band by a chunk or more")


class BandedPng(NamedTuple):
    """A file and how to read parts of it."""

    content: bytes
    bands: BandIndex


def banded_png(label_map: LabelMap) -> BandedPng:
    """Write a label map as a PNG that can be read in bands.

    The same label map gives the same bytes, as long as Python's zlib is the same.

    Args:
        label_map: Class ids, shape (H, W), uint8.

    Example:
        >>> png = banded_png(np.full((200, 300), 5, dtype=np.uint8))
        >>> start, stop = band_range(png.bands, 130, 140)
        >>> decode_rows(png.content[start:stop], png.bands, 130, 140).shape
        (10, 300)
    """
    label_map = check_label_map(label_map)
    height, width = label_map.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [SIGNATURE + _chunk(b"IHDR", header)]
    # Runs only: class regions are wide, and other matches cost time for bytes that are few anyway
    compressor = zlib.compressobj(strategy=zlib.Z_RLE)
    for top in range(0, height, ROWS_PER_BAND):
        band = np.pad(label_map[top : top + ROWS_PER_BAND], ((0, 0), (1, 0)))  # filter 0
        last = top + ROWS_PER_BAND >= height
        data = compressor.compress(band.tobytes())
        data += compressor.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)
        chunks.append(_chunk(b"IDAT", data))
    offsets = np.cumsum([len(chunk) for chunk in chunks]).astype(np.uint32)
    chunks.append(_chunk(b"IEND", b""))
    return BandedPng(b"".join(chunks), BandIndex(size_hw=(height, width), offsets=offsets))


def band_range(index: BandIndex, top: int, bottom: int) -> tuple[int, int]:
    """Find the bytes of the file that some rows need.

    Args:
        index: Of the file.
        top: First row.
        bottom: Row after the last.

    Returns:
        Positions of the first byte and of the one after the last.

    Raises:
        DatasetError: There are no such rows.
    """
    first, stop = _bands(index, top, bottom)
    return int(index.offsets[first]), int(index.offsets[stop])


def decode_rows(
    part: bytes | bytearray | memoryview,
    index: BandIndex,
    top: int,
    bottom: int,
    *,
    columns: slice = slice(None),
) -> LabelMap:
    """Decode some rows of a banded PNG from a part of the file.

    Args:
        part: The bytes of :func:`band_range`.
        index: Of the file.
        top: First row.
        bottom: Row after the last.
        columns: Which columns to keep; all are inflated.

    Returns:
        Shape (bottom - top, number of columns), uint8.

    Raises:
        DatasetError: There are no such rows, or the bytes are not those that were written.
    """
    first, stop = _bands(index, top, bottom)
    start, past = band_range(index, top, bottom)
    if len(part) != past - start:
        raise DatasetError(
            f"{len(part)} bytes given for rows {top} to {bottom}, expected the {past - start} from "
            f"{start} on; the file is cut short or its band index belongs to another"
        )
    height, width = index.size_hw
    rows = np.empty((bottom - top, len(range(width)[columns])), dtype=np.uint8)
    part = memoryview(part)
    for band, (left, right) in enumerate(pairwise(index.offsets[first : stop + 1].tolist()), first):
        begin = band * index.rows_per_band
        end = min(begin + index.rows_per_band, height)
        chunk = part[left - start : right - start]
        inflated = np.frombuffer(
            _inflated(chunk, band, (end - begin) * (width + 1)), dtype=np.uint8
        ).reshape(end - begin, width + 1)
        if inflated[:, 0].any():
            raise DatasetError(
                f"rows {top} to {bottom} have PNG filters; 'mass13k shard' writes none"
            )
        here = slice(max(top, begin), min(bottom, end))
        rows[here.start - top : here.stop - top] = inflated[
            here.start - begin : here.stop - begin, 1:
        ][:, columns]
    return rows


def _bands(index: BandIndex, top: int, bottom: int) -> tuple[int, int]:
    if not 0 <= top < bottom <= index.size_hw[0]:
        raise DatasetError(
            f"rows {top} to {bottom} asked for, the label map is {size_text(index.size_hw)}"
        )
    return top // index.rows_per_band, (bottom - 1) // index.rows_per_band + 1


def _inflated(chunk: memoryview, band: int, expected: int) -> bytearray:
    """Check a band's chunk and inflate what is in it, to ``expected`` bytes and never more."""
    length, name = struct.unpack_from(">I4s", chunk)
    (checksum,) = struct.unpack_from(">I", chunk, len(chunk) - 4)
    if (length, name) != (len(chunk) - CHUNK_BYTES, b"IDAT"):
        raise DatasetError(f"no PNG chunk of pixels where band {band} should be")
    if deflate.crc32(chunk[4:-4]) != checksum:
        raise DatasetError(f"band {band} of the label map is damaged: its checksum differs")
    data = chunk[8 + (ZLIB_HEADER_BYTES if band == 0 else 0) : -4]
    inflated = bytearray()
    if expected <= MOST_INFLATION * len(data):
        try:
            inflated = deflate.deflate_decompress(bytes(data) + LAST_BLOCK, expected)
        except deflate.DeflateError as error:
            raise DatasetError(f"band {band} of the label map does not inflate") from error
    if len(inflated) != expected:
        raise DatasetError(f"band {band} of the label map holds less than its {expected} bytes")
    return inflated


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
