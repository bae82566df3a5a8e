"""The member ``<key>.seek``: where the parts of a sample's files are, and what its blocks hold.

A file of its own small format, so that nothing has to be unpickled or parsed as text:

- 8 bytes ``MASS13K`` and the version, then the CRC-32 of all that follows, then sections.
- A section is four letters, the length of its content, and the content, deflated.
- Numbers are little-endian; offsets are kept as differences.

=======  ===========================================================================================
section  content
=======  ===========================================================================================
JPEG     height, width, height and width of an MCU, MCUs of an interval, first offset (6 x u32);
         length of every interval (u32)
BAND     height, width, rows of a band, first offset (4 x u32); length of every band (u32)
BLKS     side of a block, number of values, rows, columns (4 x u32); the values (u8); pixels of each
         value in each block (u16); edges in each block (u16)
=======  ===========================================================================================

Sections that a reader does not know are passed over; a missing one means that the file it would
describe has to be read whole.
"""

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.blocks import BlockCounts
from mass13k_tools.shards.jpeg_region import JpegIndex
from mass13k_tools.shards.png_bands import BandIndex

MAGIC = b"MASS13K\x01"  # the last byte is the version
KNOWN = (b"JPEG", b"BAND", b"BLKS")
MOST_BYTES = 2**26  # of a section once it is inflated: no image that can be decoded needs more
MOST_BLOCK_PX = 255  # pixels of a block are counted in 16 bits


@dataclass(frozen=True, slots=True, eq=False)
class SeekIndex:
    """What is known of a sample before its files are read; None: nothing."""

    jpeg: JpegIndex | None = None
    bands: BandIndex | None = None
    blocks: BlockCounts | None = None


def pack_seek_index(index: SeekIndex) -> bytes:
    """Write the member; the same index gives the same bytes."""
    sections = b""
    if index.jpeg is not None:
        jpeg = index.jpeg
        numbers = [*jpeg.size_hw, *jpeg.mcu_hw, jpeg.interval_mcus, jpeg.offsets[0]]
        sections += _section(b"JPEG", numbers, np.diff(jpeg.offsets))
    if index.bands is not None:
        bands = index.bands
        numbers = [*bands.size_hw, bands.rows_per_band, bands.offsets[0]]
        sections += _section(b"BAND", numbers, np.diff(bands.offsets))
    if index.blocks is not None:
        blocks = index.blocks
        numbers = [blocks.block_px, *blocks.pixels.shape]
        sections += _section(b"BLKS", numbers, blocks.class_ids, blocks.pixels, blocks.edges)
    return MAGIC + struct.pack("<I", zlib.crc32(sections)) + sections


def unpack_seek_index(content: bytes, name: str) -> SeekIndex:
    """Read the member.

    Args:
        content: Its bytes.
        name: What it is called, for messages.

    Raises:
        DatasetError: It is damaged, of another version, or no such member.
    """
    if content[:7] != MAGIC[:7] or len(content) < len(MAGIC) + 4:
        raise DatasetError(f"'{name}' is no seek index")
    if content[7] != MAGIC[7]:
        raise DatasetError(
            f"'{name}' has version {content[7]}, this release reads {MAGIC[7]}; update mass13k"
        )
    (crc,) = struct.unpack_from("<I", content, len(MAGIC))
    body = content[len(MAGIC) + 4 :]
    try:
        if zlib.crc32(body) != crc:
            raise DatasetError("its checksum is wrong")
        sections = _sections(body)
        return SeekIndex(
            jpeg=_jpeg(sections[b"JPEG"]) if b"JPEG" in sections else None,
            bands=_bands(sections[b"BAND"]) if b"BAND" in sections else None,
            blocks=_blocks(sections[b"BLKS"]) if b"BLKS" in sections else None,
        )
    except (DatasetError, struct.error, zlib.error, ValueError) as error:
        raise DatasetError(f"seek index '{name}' is damaged: {error}") from error


def _section(name: bytes, numbers: Sequence[int], *arrays: NDArray[np.unsignedinteger]) -> bytes:
    content = struct.pack(f"<{len(numbers)}I", *numbers)
    content += b"".join(
        array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in arrays
    )
    packed = zlib.compress(content)
    return struct.pack("<4sI", name, len(packed)) + packed


def _sections(body: bytes) -> dict[bytes, bytes]:
    sections, position = {}, 0
    while position < len(body):
        name, length = struct.unpack_from("<4sI", body, position)
        packed = body[position + 8 : position + 8 + length]
        if name in sections:
            raise DatasetError("it has a section twice")
        if name in KNOWN:
            inflater = zlib.decompressobj()
            sections[name] = inflater.decompress(packed, MOST_BYTES)
            if not inflater.eof:
                raise DatasetError("a section is cut short or too large")
        if len(packed) < length:
            raise DatasetError("its last section is cut short")
        position += 8 + length
    return sections


def _offsets(first: int, steps: bytes) -> NDArray[np.uint32]:
    ends = first + np.cumsum(np.frombuffer(steps, dtype="<u4"), dtype=np.int64)
    if ends.size and ends[-1] >= 2**32:
        raise DatasetError("its offsets are too large")
    return np.concatenate([[first], ends]).astype(np.uint32)


def _jpeg(content: bytes) -> JpegIndex:
    height, width, mcu_height, mcu_width, interval, first = struct.unpack_from("<6I", content)
    return JpegIndex(
        size_hw=(height, width),
        mcu_hw=(mcu_height, mcu_width),
        interval_mcus=interval,
        offsets=_offsets(first, content[24:]),
    )


def _bands(content: bytes) -> BandIndex:
    height, width, rows, first = struct.unpack_from("<4I", content)
    return BandIndex(
        size_hw=(height, width), offsets=_offsets(first, content[16:]), rows_per_band=rows
    )


def _blocks(content: bytes) -> BlockCounts:
    block_px, values, rows, columns = struct.unpack_from("<4I", content)
    pixels_at, edges_at = 16 + values, 16 + values + 2 * values * rows * columns
    if not 1 <= block_px <= MOST_BLOCK_PX:
        raise DatasetError(f"its blocks have a side of {block_px} pixels")
    if len(content) != edges_at + 2 * rows * columns:
        raise DatasetError(f"its blocks of {values} values do not fit a grid of {rows}x{columns}")
    class_ids = np.frombuffer(content[16:pixels_at], dtype=np.uint8)
    if (np.diff(class_ids.astype(np.int64)) <= 0).any():
        raise DatasetError("its class ids do not rise")
    pixels = np.frombuffer(content[pixels_at:edges_at], dtype="<u2").astype(np.uint16)
    edges = np.frombuffer(content[edges_at:], dtype="<u2").astype(np.uint16)
    if pixels.sum(dtype=np.int64) > math.prod((rows, columns, block_px, block_px)):
        raise DatasetError("its blocks hold more pixels than they have")
    if not pixels.reshape(values, rows * columns).any(axis=1).all():
        raise DatasetError("its blocks name a value that none of them holds")
    return BlockCounts(
        block_px,
        class_ids,
        pixels.reshape(values, rows, columns),
        edges.reshape(rows, columns),
    )
