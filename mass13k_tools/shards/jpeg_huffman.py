"""Huffman tables of JPEG: read, looked up, and given the codes that they lack.

Only the lengths of codes are written in a file; the codes count upwards from the shortest. So
symbols can be added behind the longest code without changing any code that is there.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.compiled import compiled

LONGEST = 16  # bits of a code
DC_SYMBOLS = tuple(range(12))  # bits of a difference, at 8 bits a sample
MOST_AC_BITS = 10  # of a coefficient, at 8 bits a sample
END_OF_BLOCK, SIXTEEN_ZEROS = 0x00, 0xF0
AC_SYMBOLS = (
    END_OF_BLOCK,
    SIXTEEN_ZEROS,
    *(16 * zeros + bits for zeros in range(16) for bits in range(1, MOST_AC_BITS + 1)),
)
STEP_BITS = 12  # seen at a time: tables of 16 KiB stay in the first cache
TO_END = 129  # steps: more than a block has, and odd so that the place is checked with the rest
NO_STEP = 64  # steps: too far from every place in a block

Codes = NDArray[np.uint16]  # (65536,) by the next 16 bits: symbol + 256 * length, 0 = no code
Steps = NDArray[np.int32]  # (4096,) by the next 12 bits, see ac_steps


class NotSeekable(DatasetError):
    """A JPEG file that is kept byte for byte and decoded whole; the message is the reason."""


class HuffmanTable(NamedTuple):
    """A table as a file writes it."""

    counts: bytes  # codes of 1..16 bits
    symbols: bytes  # by code

    def lengths(self) -> list[int]:
        """Bits of the code of each symbol."""
        return [bits for bits, count in enumerate(self.counts, start=1) for _ in range(count)]

    def codes(self) -> list[int]:
        """Code of each symbol."""
        code, before, codes = -1, 0, []
        for bits in self.lengths():
            code = (code + 1) << (bits - before)
            before = bits
            codes.append(code)
        return codes

    def spare(self) -> int:
        """Codes of 16 bits that begin with no code of the table."""
        return (1 << LONGEST) - sum(1 << (LONGEST - bits) for bits in self.lengths())


def huffman_tables(payload: bytes) -> dict[tuple[int, int], HuffmanTable]:
    """Read the tables of a segment, by class (0 = DC, 1 = AC) and number.

    Raises:
        NotSeekable: They are cut short, or no prefix code.
    """
    tables = {}
    while payload:
        counts = payload[1 : 1 + LONGEST]
        stop = 1 + LONGEST + sum(counts)
        table = HuffmanTable(counts, payload[1 + LONGEST : stop])
        key = (payload[0] >> 4, payload[0] & 15)
        if len(payload) < stop or key[0] > 1 or key[1] > 3 or table.spare() < 0:
            raise NotSeekable("a Huffman table is damaged")
        tables[key] = table
        payload = payload[stop:]
    return tables


def huffman_payload(tables: dict[tuple[int, int], HuffmanTable]) -> bytes:
    """Write tables as the content of a segment."""
    return b"".join(
        bytes((16 * kind + number,)) + table.counts + table.symbols
        for (kind, number), table in tables.items()
    )


def completed(table: HuffmanTable) -> HuffmanTable:
    """Give codes to the DC symbols that have none, and leave those that are there as they are.

    Raises:
        NotSeekable: The table has no room, which the standard forbids.

    Example:
        >>> one_code = HuffmanTable(bytes([1] + 15 * [0]), bytes([3]))
        >>> table = completed(one_code)
        >>> list(zip(table.symbols, table.lengths()))[:4]
        [(3, 1), (0, 5), (1, 5), (2, 5)]
    """
    missing = bytes(symbol for symbol in DC_SYMBOLS if symbol not in table.symbols)
    if not missing:
        return table
    longest = max(table.lengths(), default=1)
    for bits in range(longest, LONGEST + 1):
        # The last code, all ones, stays free: it would look like padding
        if table.spare() >> (LONGEST - bits) > len(missing):
            counts = list(table.counts)
            counts[bits - 1] += len(missing)
            return HuffmanTable(bytes(counts), table.symbols + missing)
    raise NotSeekable("a Huffman table has no room for a missing code")


def code_lookup(table: HuffmanTable, *, allowed: tuple[int, ...]) -> Codes:
    """Say for every 16 bits which code they begin with.

    Args:
        table: The table.
        allowed: Symbols that may occur.
    """
    entries = [
        symbol + 256 * bits if symbol in allowed else 0
        for symbol, bits in zip(table.symbols, table.lengths(), strict=True)
    ]
    widths = [1 << (LONGEST - bits) for bits in table.lengths()]
    return np.repeat(np.array([*entries, 0], np.uint16), [*widths, table.spare()])


@compiled
def ac_steps(codes: Codes) -> Steps:
    """Say for every 12 bits how far the whole symbols in them reach.

    Args:
        codes: The look-up of an AC table.

    Returns:
        Four bytes an entry: bits and coefficients passed by all symbols that lie within the 12 bits
        (0 and ``NO_STEP`` if not even one does), bits and coefficients passed by the first symbol
        (0 if its code is longer or wrong). The end of a block passes ``TO_END`` coefficients.
    """
    steps = np.zeros(1 << STEP_BITS, dtype=np.int32)
    for ahead in range(steps.size):
        bits = passed = first = 0
        while passed < 64:
            code = int(codes[(ahead << (LONGEST - STEP_BITS + bits)) & 0xFFFF])
            length, symbol = code >> 8, code & 0xFF
            if code == 0 or bits + length > STEP_BITS:
                break
            zeros_and_one = TO_END if symbol == END_OF_BLOCK else (symbol >> 4) + 1
            whole = length + (symbol & 15)
            if bits == 0:
                first = whole | zeros_and_one << 8
            if bits + whole > STEP_BITS or (passed + zeros_and_one) % 128 > 64:
                break
            bits += whole
            passed += zeros_and_one
        steps[ahead] = bits | (passed if bits else NO_STEP) << 8 | first << 16
    return steps
