"""Is a PNG whole? Pillow fills missing rows with zeros, and in a label map zero is a class."""

import struct
import zlib
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
    offset = len(SIGNATURE)
    while name != b"IEND":
        if offset + 12 > len(content):
            raise DatasetError(f"'{path}' is damaged or cut short: its end is missing")
        length, name = struct.unpack_from(">I4s", content, offset)
        if name == b"IHDR":
            header = content[offset + 8 : offset + 21]
        elif name == b"IDAT":
            compressed.append(content[offset + 8 : offset + 8 + length])
        offset += 12 + length
    if len(header) == 13 and _lacks_rows(header, b"".join(compressed)):
        raise DatasetError(f"'{path}' is damaged or cut short: some of its rows are missing")


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
