"""Coded pixels are followed as the standard says, bit by bit."""

import numpy as np
import pytest
from drawn_jpegs import pillow_pixels
from handmade_jpeg import grey_jpeg, table_of

from mass13k_tools.shards.jpeg_huffman import NotSeekable
from mass13k_tools.shards.jpeg_layout import parse_jpeg
from mass13k_tools.shards.jpeg_restart import seekable_jpeg

NO_DIFFERENCE, END = "0", "0"  # the first codes of the tables below
DC = table_of((0,), (4,), (11,))  # 0: none, 10: 4 bits, 110: 11 bits
AC = table_of((0x00,), (0xF0,), (), (0x01, 0xE1, 0xF1), (0x0A,))
SIXTEEN_ZEROS, ONE, ONE_AFTER_14, ONE_AFTER_15 = "10", "1100", "1101", "1110"
TEN_BITS, UNKNOWN = "11110", "11111"
LONG = table_of(
    *[(symbol,) for symbol in (1, 2, 3, 4, 5, 17, 18, 19, 20, 33, 34, 35, 49, 50, 0xF1, 0)]
)


def coded(bits, *, blocks=1, dc_table=DC, ac_table=AC):
    return grey_jpeg(bits, blocks=blocks, dc_table=dc_table, ac_table=ac_table)


@pytest.mark.parametrize(
    "coefficients",
    [
        END,
        (ONE + "1") * 63,
        (TEN_BITS + "1000000000") * 63,
        SIXTEEN_ZEROS * 3 + ONE_AFTER_14 + "1",
        SIXTEEN_ZEROS * 3 + (ONE + "1") * 15,
        (ONE + "1") * 62 + END,
        (ONE + "1") * 3 + SIXTEEN_ZEROS + END,
    ],
)
def test_blocks_that_end_at_any_place_are_followed(coefficients):
    content = coded((NO_DIFFERENCE + coefficients) * 3, blocks=3)
    seekable = seekable_jpeg(content)
    assert np.array_equal(pillow_pixels(seekable.content), pillow_pixels(content))


@pytest.mark.parametrize(
    "coefficients",
    [
        SIXTEEN_ZEROS * 4 + END,
        SIXTEEN_ZEROS * 3 + ONE_AFTER_15 + "1" + END,
        (ONE + "1") * 50 + ONE_AFTER_14 + "1" + END,
        (TEN_BITS + "1000000000") * 62 + SIXTEEN_ZEROS + END,
        UNKNOWN + END,
    ],
)
def test_coefficients_beyond_the_block_and_unknown_codes_are_refused(coefficients):
    content = coded((NO_DIFFERENCE + coefficients) * 3 + "0" * 64, blocks=3)
    with pytest.raises(NotSeekable, match="a wrong code"):
        seekable_jpeg(content)


def test_the_next_block_is_not_taken_for_the_rest_of_this_one():
    zeros_first = table_of((0xF0,), (0x00,), (), (0x01,))
    sixteen_zeros, one = "0", "1100" + "1"
    full = NO_DIFFERENCE + one * 63
    content = coded(
        full + NO_DIFFERENCE + sixteen_zeros * 3 + one * 15, blocks=2, ac_table=zeros_first
    )
    seekable = seekable_jpeg(content)
    assert np.array_equal(pillow_pixels(seekable.content), pillow_pixels(content))


def test_a_table_with_more_codes_than_bits_give_is_refused():
    with pytest.raises(NotSeekable, match="a Huffman table is damaged"):
        seekable_jpeg(coded("0" * 8, dc_table=table_of((0, 1, 2))))


@pytest.mark.parametrize("symbol", [0x10, 0xE0, 0x0B, 0xFF])
def test_symbols_that_baseline_does_not_have_are_refused(symbol):
    content = coded(
        (NO_DIFFERENCE + "10" + "0" * 20) * 2, blocks=2, ac_table=table_of((0,), (symbol,))
    )
    with pytest.raises(NotSeekable, match="a wrong code"):
        seekable_jpeg(content)


def test_a_difference_of_twelve_bits_is_refused():
    content = coded("10" + "1" * 12 + END, dc_table=table_of((0,), (12,)))
    with pytest.raises(NotSeekable, match="a wrong code"):
        seekable_jpeg(content)


def test_codes_of_all_lengths_are_followed():
    codes = {
        s: f"{code:0{n}b}"
        for s, code, n in zip(LONG.symbols, LONG.codes(), LONG.lengths(), strict=True)
    }
    extra = {symbol: "1" * (symbol & 15) for symbol in LONG.symbols}
    block = NO_DIFFERENCE + "".join(codes[s] + extra[s] for s in LONG.symbols if s != 0xF1)
    late = NO_DIFFERENCE + codes[1] + "0" + codes[0xF1] + "1" + codes[0]
    content = coded((block + late) * 3, blocks=6, ac_table=LONG)
    seekable = seekable_jpeg(content)
    assert np.array_equal(pillow_pixels(seekable.content), pillow_pixels(content))


def test_values_that_no_difference_can_reach_are_refused():
    largest = "110" + "1" * 11 + END
    assert seekable_jpeg(coded(largest + NO_DIFFERENCE + END, blocks=2)).index.interval_mcus == 1
    with pytest.raises(NotSeekable, match="a wrong code"):
        seekable_jpeg(coded(largest * 2, blocks=2))


def test_a_code_that_a_table_gets_later_is_still_wrong_in_the_file():
    eight = "10" + "1000" + END
    lacking = coded(eight * 3, blocks=3)
    tables = parse_jpeg(seekable_jpeg(lacking).content).tables
    assert len(tables[0, 0].symbols) == 12, "16 = 8 + 8 has five bits, which have no code"
    new = f"{tables[0, 0].codes()[3]:0{tables[0, 0].lengths()[3]}b}"
    with pytest.raises(NotSeekable, match="a wrong code"):
        seekable_jpeg(coded(eight * 2 + new + "0" * 24, blocks=3))


@pytest.mark.parametrize(
    ("bits", "reason"),
    [
        ((NO_DIFFERENCE + END) * 2, "pixels are missing"),
        ((NO_DIFFERENCE + END) * 3 + "1" * 8, "bytes after its pixels"),
        ("10" + "1" * 4 + END, "pixels are missing"),
    ],
)
def test_too_few_and_too_many_bits_are_refused(bits, reason):
    blocks = 40 if len(bits) < 6 else 3
    with pytest.raises(NotSeekable, match=reason):
        seekable_jpeg(coded(bits, blocks=blocks))
