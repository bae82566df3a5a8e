"""Follows the coded pixels of a JPEG without decoding them, to give them other restarts.

DC values are coded as differences that begin anew at a restart. So where one is added or removed
the next difference of each component gets another code; all bits between these are copied.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Counts
from mass13k_tools.ops.compiled import compiled
from mass13k_tools.shards.jpeg_bits import CODE, Pieces, Scan, Words, window
from mass13k_tools.shards.jpeg_huffman import (
    AC_SYMBOLS,
    DC_SYMBOLS,
    STEP_BITS,
    TO_END,
    Codes,
    HuffmanTable,
    NotSeekable,
    Steps,
    ac_steps,
    code_lookup,
)

SEEN = (1 << STEP_BITS) - 1
RESTART, END = 0xD0, 0xD9  # the first of eight restart markers, and the end marker
# What the walk returns instead of a number of pieces
WRONG_CODE, TOO_SHORT, TOO_LONG, LACKS_CODE = -1, -2, -3, -4
DAMAGE = {
    WRONG_CODE: "damaged: a wrong code among its pixels",
    TOO_SHORT: "damaged: some of its pixels are missing",
    TOO_LONG: "damaged: bytes after its pixels",
}


class Order(NamedTuple):
    """How many MCUs and blocks there are, and how often they restart."""

    blocks: Counts  # component of every block of an MCU, shape (B,)
    mcus: int
    old_interval: int  # MCUs
    new_interval: int  # MCUs


class Coding(NamedTuple):
    """Look-ups of the Huffman tables of C components."""

    dc: Codes  # (C, 65536)
    ac: Codes  # (C, 65536)
    steps: Steps  # (C, 4096)
    dc_codes: Counts  # (C, 12) CODE times its length and the code of a number of bits, 0 = none


@lru_cache(maxsize=8)  # most files of a data set have the same tables
def coding_of(
    dc_tables: tuple[HuffmanTable, ...],
    ac_tables: tuple[HuffmanTable, ...],
    *,
    new_dc_tables: tuple[HuffmanTable, ...],
) -> Coding:
    """Make the look-ups of the tables of each component, to read and to write."""
    dc_codes = np.zeros((len(dc_tables), len(DC_SYMBOLS)), np.int64)
    for row, table in zip(dc_codes, new_dc_tables, strict=True):
        for symbol, code, bits in zip(table.symbols, table.codes(), table.lengths(), strict=True):
            if symbol in DC_SYMBOLS:
                row[symbol] = CODE * bits + code
    ac = [code_lookup(table, allowed=AC_SYMBOLS) for table in ac_tables]
    return Coding(
        dc=np.stack([code_lookup(table, allowed=DC_SYMBOLS) for table in dc_tables]),
        ac=np.stack(ac),
        steps=np.stack([ac_steps(codes) for codes in ac]),
        dc_codes=dc_codes,
    )


def restarted(scan: Scan, order: Order, coding: Coding) -> Pieces | None:
    """Follow a scan to its end and say what it is made of with other restarts.

    Args:
        scan: The coded pixels.
        order: Old and new restarts; there are as many old ones as the scan has intervals.
        coding: Look-ups of the tables.

    Returns:
        Pieces for :func:`mass13k_tools.shards.jpeg_bits.write_pieces`, the end marker included;
        None if a DC table lacks a code that is needed.

    Raises:
        NotSeekable: Something in the scan is wrong.
    """
    restarts = scan.ends.size + -(-order.mcus // order.new_interval)
    pieces = np.zeros((restarts * (1 + coding.dc.shape[0]), 4), np.int64)
    count = _walk(scan, order, coding, pieces)
    if count == LACKS_CODE:
        return None
    if count < 0:
        raise NotSeekable(DAMAGE[count])
    return pieces[:count]


@compiled
def _walk(scan: Scan, order: Order, coding: Coding, pieces: Pieces) -> int:
    """Fill ``pieces``; returns their number, or what is wrong."""
    old_dc = np.zeros(coding.dc.shape[0], np.int64)  # what differences are to, as they stand there
    new_dc = np.zeros(coding.dc.shape[0], np.int64)  # and as they are to be
    position = copied = made = interval = 0
    for mcu in range(order.mcus + 1):
        if (mcu > 0 and mcu % order.old_interval == 0) or mcu == order.mcus:
            padding = scan.ends[interval] - position
            if padding < 0 or padding > 7:
                return TOO_SHORT if padding < 0 else TOO_LONG
            made = _add(pieces, made, copied, position, 0)
            position = copied = scan.ends[interval]
            old_dc[:] = 0
            interval += 1
        if (mcu > 0 and mcu % order.new_interval == 0) or mcu == order.mcus:
            made = _add(pieces, made, copied, position, 0)
            pieces[made - 1, 3] = RESTART + (mcu // order.new_interval - 1) % 8
            copied = position
            new_dc[:] = 0
        if mcu == order.mcus:
            pieces[made - 1, 3] = END
            return made
        for component in order.blocks:
            start = position
            position, difference = _dc(scan.words, position, coding.dc[component])
            value = old_dc[component] + difference
            if new_dc[component] != old_dc[component] and position > 0:
                code = _dc_code(coding.dc_codes[component], value - new_dc[component])
                made = _add(pieces, made, copied, start, code)
                copied = position
                if code < 0:
                    return code
            old_dc[component] = new_dc[component] = value
            position = _ac(scan.words, position, coding.ac[component], coding.steps[component])
            if position < 0 or position > scan.ends[interval]:
                return WRONG_CODE if position < 0 else TOO_SHORT
    return made


@compiled
def _add(pieces: Pieces, made: int, start: int, stop: int, code: int) -> int:
    pieces[made, 0], pieces[made, 1], pieces[made, 2] = start, stop, code
    return made + 1


@compiled
def _dc(words: Words, position: int, codes: NDArray[np.uint16]) -> tuple[int, int]:
    """Position behind a DC difference, or ``WRONG_CODE``, and the difference."""
    ahead = window(words, position)
    code = int(codes[ahead >> 48 & 0xFFFF])
    if code == 0:
        return WRONG_CODE, 0
    length, bits = code >> 8, code & 0xFF
    difference = (ahead >> (64 - length - bits)) & ((1 << bits) - 1)
    if bits > 0 and difference >> (bits - 1) == 0:
        difference -= (1 << bits) - 1
    return position + length + bits, difference


@compiled
def _dc_code(dc_codes: Counts, difference: int) -> int:
    """Code of a DC difference and its length, or ``WRONG_CODE`` or ``LACKS_CODE``."""
    bits, rest = 0, abs(difference)
    while rest:
        bits, rest = bits + 1, rest >> 1
    if bits >= dc_codes.size:
        return WRONG_CODE
    if dc_codes[bits] == 0:
        return LACKS_CODE
    value = difference if difference >= 0 else difference + (1 << bits) - 1
    length, code = dc_codes[bits] // CODE, dc_codes[bits] % CODE
    return int(CODE * (length + bits) + (code << bits) + value)


@compiled
def _ac(words: Words, position: int, codes: Codes, steps: Steps) -> int:
    """Position behind the other 63 coefficients of a block, or ``WRONG_CODE``."""
    place = 1
    while place < 64 and position >= 0:
        ahead = window(words, position)
        step = steps[ahead >> (64 - STEP_BITS) & SEEN]
        if place + (step >> 8 & 0xFF) & 127 > 64:  # not all symbols that lie ahead, but one
            step = step >> 16 & 0xFFFF
            if step == 0:
                code = np.int64(codes[ahead >> 48 & 0xFFFF])
                step = (code >> 8) + (code & 15) + ((code >> 4 & 15) + 1 << 8)
                step += (TO_END - 1 << 8) * (code & 0xFF == 0)
                if code == 0:
                    return WRONG_CODE
            if place + (step >> 8) & 127 > 64:
                return WRONG_CODE
        position += step & 0xFF
        place += step >> 8 & 0xFF
    return position
