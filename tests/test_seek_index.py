"""Seek indexes come back as they were, and damage is always seen."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.blocks import block_counts
from mass13k_tools.shards.jpeg_region import JpegIndex
from mass13k_tools.shards.png_bands import banded_png
from mass13k_tools.shards.seek_index import MAGIC, SeekIndex, pack_seek_index, unpack_seek_index

LABEL_MAP = np.random.default_rng(0).choice([0, 3, 6, 255], (130, 190)).astype(np.uint8)


def full_index():
    return SeekIndex(
        JpegIndex(
            size_hw=(33, 60),
            mcu_hw=(16, 16),
            interval_mcus=2,
            offsets=np.array([600, 700, 90_000, 90_005, 90_100, 90_200, 90_300], np.uint32),
        ),
        banded_png(LABEL_MAP).bands,
        block_counts(LABEL_MAP),
    )


def same(one, other):
    """Compare dataclasses and named tuples of arrays."""
    if one is None or other is None:
        return one is other
    if hasattr(one, "_asdict"):
        one, other = one._asdict(), other._asdict()
    else:
        one, other = vars(one), vars(other)
    return all(
        np.array_equal(one[name], other[name])
        and getattr(one[name], "dtype", 0) == getattr(other[name], "dtype", 0)
        for name in one
    )


def remade(name, change):
    """Pack an index in which the content of one section is changed, with a fitting checksum."""
    packed = pack_seek_index(full_index())
    body, position, parts = packed[12:], 0, []
    while position < len(body):
        here, length = struct.unpack_from("<4sI", body, position)
        content = zlib.decompress(body[position + 8 : position + 8 + length])
        content = zlib.compress(change(content) if here == name else content)
        parts.append(struct.pack("<4sI", here, len(content)) + content)
        position += 8 + length
    body = b"".join(parts)
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + body


@pytest.mark.parametrize("kept", [(), ("jpeg",), ("bands",), ("blocks",), ("jpeg", "blocks")])
def test_every_part_comes_back_or_stays_away(kept):
    whole = full_index()
    index = SeekIndex(**{name: getattr(whole, name) for name in kept})
    found = unpack_seek_index(pack_seek_index(index), "a.seek")
    for name in ("jpeg", "bands", "blocks"):
        assert same(getattr(found, name), getattr(index, name))


def test_the_same_index_gives_the_same_bytes():
    assert pack_seek_index(full_index()) == pack_seek_index(full_index())


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_flipped_bit_and_any_cut_is_seen(data):
    packed = bytearray(pack_seek_index(full_index()))
    if data.draw(st.booleans()):
        bit = data.draw(st.integers(0, 8 * len(packed) - 1))
        packed[bit // 8] ^= 1 << bit % 8
    else:
        del packed[data.draw(st.integers(0, len(packed) - 1)) :]
    with pytest.raises(DatasetError, match=r"'a\.seek'"):
        unpack_seek_index(bytes(packed), "a.seek")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (b"JPEG", lambda content: content[:-4]),
        (b"JPEG", lambda content: content[:8]),
        (b"JPEG", lambda content: content[:20] + b"\xff" * 4 + content[24:]),
        (b"BAND", lambda content: content + bytes(4)),
        (b"BAND", lambda content: bytes(4) + content[4:]),
        (b"BLKS", lambda content: content[:-1]),
        (b"BLKS", lambda content: bytes(4) + content[4:]),
        (b"BLKS", lambda content: struct.pack("<I", 256) + content[4:]),
        (b"BLKS", lambda content: content[:16] + b"\x09\x08" + content[18:]),
        (b"BLKS", lambda content: content[:20] + b"\xff" * (len(content) - 20)),
        (b"BLKS", lambda content: content + bytes(2**26)),
        (b"BLKS", lambda content: content[:20] + bytes(len(content) - 20)),
    ],
)
def test_fields_that_do_not_fit_are_refused_although_the_checksum_does(name, change):
    with pytest.raises(DatasetError, match=r"'a\.seek' is damaged"):
        unpack_seek_index(remade(name, change), "a.seek")


def with_section(name, extra):
    """Pack an index with one more section in front."""
    body = struct.pack("<4sI", name, len(extra)) + extra + pack_seek_index(full_index())[12:]
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + body


@pytest.mark.parametrize(
    "content", [zlib.compress(b"what is to come"), zlib.compress(bytes(2**27)), b"not deflated"]
)
def test_sections_of_later_releases_are_passed_over_whatever_they_hold(content):
    found = unpack_seek_index(with_section(b"NEWS", content), "a.seek")
    assert same(found.jpeg, full_index().jpeg)


def test_a_section_that_comes_twice_is_refused():
    with pytest.raises(DatasetError, match="it has a section twice"):
        unpack_seek_index(with_section(b"BAND", zlib.compress(bytes(8))), "a.seek")


def test_another_version_says_what_to_do():
    packed = pack_seek_index(SeekIndex())
    with pytest.raises(DatasetError, match="has version 2, this release reads 1; update"):
        unpack_seek_index(packed[:7] + b"\x02" + packed[8:], "a.seek")
