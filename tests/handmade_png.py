"""PNG files byte by byte: Pillow writes neither 2 or 4 grey bits nor a header that lies."""

import struct
import zlib


def handmade_png(size_hw, rows, *, bits=8, colour_type=0, interlaced=0):
    """Write a PNG whose pixels are what ``rows`` says, filter bytes included, whatever its size."""
    height, width = size_hw
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    palette = _chunk(b"PLTE", bytes(3 * 2**bits)) if colour_type == 3 else b""
    pixels = _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + palette + pixels + _chunk(b"IEND", b"")


def packed_rows(values, *, bits):
    """Pack values of a few bits as PNG rows without filter."""
    rows = b""
    for row in values:
        digits = "".join(format(value, f"0{bits}b") for value in row)
        digits += "0" * (-len(digits) % 8)
        rows += b"\0" + bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits), 8))
    return rows


def _chunk(name, content):
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum
