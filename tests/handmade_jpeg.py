"""Grey JPEG files for tests, written bit by bit."""

import numpy as np
from drawn_jpegs import pillow_jpeg

from mass13k_tools.shards.jpeg_huffman import HuffmanTable, huffman_payload
from mass13k_tools.shards.jpeg_layout import DHT, header_segments


def table_of(*symbols_by_bits):
    """Make a table of the symbols with codes of 1 bit, of 2 bits …"""
    rest = [()] * (16 - len(symbols_by_bits))
    counts = bytes(len(symbols) for symbols in (*symbols_by_bits, *rest))
    return HuffmanTable(counts, bytes(symbol for symbols in symbols_by_bits for symbol in symbols))


def grey_jpeg(bits, *, blocks, dc_table, ac_table):
    """Write blocks of 8x8 pixels, one below the other, from their coded bits as text of 0 and 1."""
    plain = pillow_jpeg(np.zeros((8 * blocks, 8), np.uint8))
    segments = header_segments(plain)
    kept = [plain[part.start : part.stop] for part in segments if part.marker != DHT]
    payload = huffman_payload({(0, 0): dc_table, (1, 0): ac_table})
    tables = b"\xff\xc4" + (len(payload) + 2).to_bytes(2, "big") + payload
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    return b"".join([plain[:2], *kept[:-1], tables, kept[-1], coded, b"\xff\xd9"])
