"""Adds restart markers to JPEG files, so that a part can be decoded without what is before it.

Nothing is decoded to pixels and no coefficient changes: every decoder gives the same pixels as
before. Markers stand in a regular distance that divides the rows of MCUs, so that intervals are
rectangles.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.shards.jpeg_bits import Written, read_scan, restart_marks, write_pieces
from mass13k_tools.shards.jpeg_huffman import (
    HuffmanTable,
    NotSeekable,
    completed,
    huffman_payload,
    huffman_tables,
)
from mass13k_tools.shards.jpeg_layout import DHT, DRI, SOI, SOS, JpegLayout, parse_jpeg
from mass13k_tools.shards.jpeg_region import JpegIndex
from mass13k_tools.shards.jpeg_walk import Order, coding_of, restarted

GOOD_INTERVAL = 16  # MCUs: measured, see docs/decisions.md
FEWEST_MCUS = 8  # of an interval that is not a whole row: markers cost about four bytes each


@dataclass(frozen=True, slots=True, eq=False)
class SeekableJpeg:
    """A JPEG file with restart markers and where they are."""

    content: bytes
    index: JpegIndex


def seekable_jpeg(content: bytes) -> SeekableJpeg:
    """Give a JPEG file restart markers in a distance that suits it.

    Everything else is kept: coefficients, tables, metadata, and what follows the image. Restart
    markers that are there are taken out. Seekable files come back with the same bytes.

    Args:
        content: The file's bytes.

    Raises:
        NotSeekable: It is of a kind that is left as it is, see ``jpeg_layout``, or damaged.
    """
    layout = parse_jpeg(content)
    interval = interval_mcus(layout.mcus_hw[1])
    values = np.frombuffer(content, np.uint8)[layout.scan_start : layout.scan_stop]
    mcus = math.prod(layout.mcus_hw)
    blocks = [
        index
        for index, component in enumerate(layout.components)
        for _ in range(math.prod(component.samples_hw))
    ]
    if mcus * len(blocks) > 4 * values.size:  # a block has two codes, which have a bit at least
        raise NotSeekable("damaged: some of its pixels are missing")
    marks = restart_marks(values)
    if marks.size != ((mcus - 1) // layout.restart_mcus if layout.restart_mcus else 0):
        raise NotSeekable("damaged: restart markers are missing, or too many")
    order = Order(np.array(blocks), mcus, layout.restart_mcus or mcus, interval)
    written, tables = _write_scan(layout, order, values, marks)
    header = _header(content, layout, tables, interval)
    if len(header) + len(written.coded) >= 2**32:
        raise NotSeekable("over 4 GiB")
    index = JpegIndex(
        size_hw=layout.size_hw,
        mcu_hw=layout.mcu_hw,
        interval_mcus=interval,
        offsets=(len(header) + written.offsets).astype(np.uint32),
    )
    return SeekableJpeg(header + written.coded + content[layout.stop :], index)


def interval_mcus(row_mcus: int) -> int:
    """Choose the restart interval for rows of so many MCUs: a divisor, near to 16.

    Example:
        >>> [interval_mcus(row_mcus) for row_mcus in (256, 249, 125, 251, 5)]
        [16, 83, 25, 251, 5]
    """
    divisors = [n for n in range(FEWEST_MCUS, row_mcus) if row_mcus % n == 0] + [row_mcus]
    return min(divisors, key=lambda n: max(n / GOOD_INTERVAL, GOOD_INTERVAL / n))


def _write_scan(
    layout: JpegLayout, order: Order, values: NDArray[np.uint8], marks: NDArray[np.int64]
) -> tuple[Written, dict[tuple[int, int], HuffmanTable]]:
    """The scan with its new restarts, and the tables that it needs."""
    scan, tables = read_scan(values, marks), dict(layout.tables)
    numbers = [(0, component.dc_table) for component in layout.components]
    dc_tables = tuple(layout.tables[number] for number in numbers)
    ac_tables = tuple(layout.tables[1, component.ac_table] for component in layout.components)
    for _ in range(2):
        new_dc_tables = tuple(tables[number] for number in numbers)
        pieces = restarted(
            scan, order, coding_of(dc_tables, ac_tables, new_dc_tables=new_dc_tables)
        )
        if pieces is not None:
            break
        tables |= {number: completed(layout.tables[number]) for number in numbers}
    assert pieces is not None, "complete tables lack no code"
    return write_pieces(scan.words, pieces), tables


def _header(
    content: bytes,
    layout: JpegLayout,
    tables: dict[tuple[int, int], HuffmanTable],
    interval: int,
) -> bytes:
    """Everything before the scan, with the tables in the place of those that lack codes."""
    parts = [SOI]
    for segment in layout.segments:
        if segment.marker == SOS:
            parts.append(_segment(DRI, interval.to_bytes(2, "big")))
        if segment.marker == DHT:
            here = huffman_tables(content[segment.payload : segment.stop])
            needed = {
                key: tables[key] if table == layout.tables[key] else table
                for key, table in here.items()
            }
            if needed != here:
                parts.append(_segment(DHT, huffman_payload(needed)))
                continue
        if segment.marker != DRI:
            parts.append(content[segment.start : segment.stop])
    return b"".join(parts)


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload
