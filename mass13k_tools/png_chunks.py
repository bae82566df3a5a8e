"""Is a PNG whole? Pillow fills missing rows with zeros, and in a label map zero is a class."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from mass13k_tools.errors import DatasetError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STEP_BYTES = 2**24  # inflated at a time
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type: grey, RGB, palette, grey + alpha, RGBA


def check_png(content: bytes, path: Path) -> None:
    """Make sure that a PNG has its last chunk and the bytes of all its rows.

    Rows are counted by inflating them once; those of interlaced files are not.

    Args:
        content: The file's bytes; other formats are let through.
        path: Its name, for messages only.

    Raises:
        DatasetError: Something is missing.
    """
    if not content.startswith(SIGNATURE):
        return
    header, compressed, name = b"", [], b""
    for name, start, end in _chunks(content):
        if name == b"IHDR":
            header = content[start : start + 13]
        elif name == b"IDAT":
            compressed.append(content[start:end])
    if name != b"IEND":
        raise DatasetError(f"'{path}' is damaged or cut short: its end is missing")
    if len(header) == 13 and _lacks_rows(header, b"".join(compressed)):
        raise DatasetError(f"'{path}' is damaged or cut short: some of its rows are missing")


def is_sound_png(content: bytes) -> bool:
    """Say whether the bytes are a PNG to its last chunk, with all its checksums right."""
    if not content.startswith(SIGNATURE):
        return False
    chunks = list(_chunks(content))
    return chunks[-1:] == [(b"IEND", len(content) - 4, len(content) - 4)] and all(
        content[end : end + 4] == struct.pack(">I", zlib.crc32(content[start - 4 : end]))
        for _, start, end in chunks
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give name, start and end of what is in each chunk, up to the last or what is left of it."""
    name, offset = b"", len(SIGNATURE)
    while name != b"IEND" and offset + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, offset)
        yield name, offset + 8, offset + 8 + length
        offset += 12 + length


def _lacks_rows(header: bytes, compressed: bytes) -> bool:
    fields: tuple[int, ...] = struct.unpack(">IIBBBBB", header)
    width, height, bits, colour_type, _, _, interlaced = fields
    if interlaced or colour_type not in CHANNELS:
        return False
    row = 1 + (width * bits * CHANNELS[colour_type] + 7) // 8  # the filter's number comes first
    missing, inflater = height * row, zlib.decompressobj()
    try:
        while missing > 0 and compressed and not inflater.eof:
            missing -= len(inflater.decompress(compressed, STEP_BYTES))
            compressed = inflater.unconsumed_tail
    except zlib.error:
        return True
    return missing > 0
