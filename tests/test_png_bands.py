"""Banded label maps: ordinary PNG files, any rows of which can be read alone."""

import io
import re
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.png_bands import BandIndex, band_range, banded_png, decode_rows

SIZES = [(1, 1), (1, 300), (300, 1), (64, 64), (65, 7), (63, 130), (128, 5), (129, 33)]


def streets(size_hw, *, seed=0):
    """Draw wide regions with noise in a corner, every value of a byte included."""
    rng = np.random.default_rng(seed)
    label_map = np.repeat(rng.integers(0, 7, (size_hw[0], 1)), size_hw[1], axis=1).astype(np.uint8)
    corner = label_map[size_hw[0] // 2 :, size_hw[1] // 2 :]
    corner[:] = rng.integers(0, 256, corner.shape)
    return label_map


def part_of(png, top, bottom):
    return png.content[slice(*band_range(png.bands, top, bottom))]


def chunks_of(content):
    """List name and data of the chunks, as the PNG standard says, checksums checked."""
    chunks, position = [], 8
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        name_and_data = content[position + 4 : position + 8 + length]
        assert content[position + 8 + length :][:4] == struct.pack(">I", zlib.crc32(name_and_data))
        chunks.append((name_and_data[:4], name_and_data[4:]))
        position += 12 + length
    return chunks


@pytest.mark.parametrize("size_hw", SIZES)
def test_other_readers_see_an_ordinary_png(size_hw):
    label_map = streets(size_hw)
    content = banded_png(label_map).content
    with PillowImage.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "L")
        np.testing.assert_array_equal(np.asarray(picture), label_map)
    read = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read, label_map)


@pytest.mark.parametrize("size_hw", SIZES)
def test_the_file_is_one_stream_of_unfiltered_rows_with_its_checksum(size_hw):
    label_map = streets(size_hw)
    chunks = chunks_of(banded_png(label_map).content)
    data = [data for name, data in chunks if name == b"IDAT"]
    assert [name for name, _ in chunks] == [b"IHDR", *[b"IDAT"] * len(data), b"IEND"]
    assert len(data) == -(-size_hw[0] // 64)
    inflater = zlib.decompressobj()
    rows = inflater.decompress(b"".join(data))
    assert inflater.eof
    assert inflater.unused_data == b""
    rows = np.frombuffer(rows, dtype=np.uint8).reshape(size_hw[0], -1)
    assert not rows[:, 0].any()
    np.testing.assert_array_equal(rows[:, 1:], label_map)


@settings(deadline=None)
@given(
    st.integers(1, 200), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1), st.integers(0, 99)
)
@example(128, 3, 0.5, 0.5, 0)
def test_any_rows_are_read_from_their_bytes_alone(height, width, start, share, seed):
    label_map = streets((height, width), seed=seed)
    top = int(start * (height - 1))
    bottom = top + 1 + int(share * (height - top - 1))
    png = banded_png(label_map)
    rows = decode_rows(part_of(png, top, bottom), png.bands, top, bottom)
    assert rows.dtype == np.uint8
    np.testing.assert_array_equal(rows, label_map[top:bottom])


def test_a_row_needs_no_more_than_its_band():
    png = banded_png(streets((1024, 500)))
    start, stop = band_range(png.bands, 640, 704)
    assert stop - start < len(png.content) / 8
    assert band_range(png.bands, 650, 651) == (start, stop)
    assert band_range(png.bands, 650, 705)[1] > stop


def test_the_same_labels_give_the_same_bytes_in_any_memory_order():
    label_map = streets((100, 90))
    content = banded_png(label_map).content
    assert banded_png(np.asfortranarray(label_map)).content == content
    assert banded_png(np.tile(label_map, 2)[:, :90]).content == content


@pytest.mark.parametrize("position", range(0, 70, 3))
def test_every_flipped_bit_is_found(position):
    png = banded_png(streets((200, 30)))
    part = bytearray(part_of(png, 64, 128))
    part[position * len(part) // 70] ^= 4
    with pytest.raises(DatasetError):
        decode_rows(part, png.bands, 64, 128)


def test_a_short_part_is_refused():
    png = banded_png(streets((200, 30)))
    with pytest.raises(DatasetError, match="expected the .* the file is cut short"):
        decode_rows(part_of(png, 64, 128)[:-1], png.bands, 64, 128)


def test_offsets_of_another_file_are_found():
    png = banded_png(streets((200, 30)))
    index = BandIndex(size_hw=(200, 30), offsets=png.bands.offsets + np.uint32(3))
    start, stop = band_range(index, 0, 64)
    with pytest.raises(DatasetError, match="no PNG chunk of pixels where band 0 should be"):
        decode_rows(png.content[start:stop], index, 0, 64)


def forged(stream, size_hw, *, name=b"IDAT"):
    """Make a band whose checksum is right whatever is in it, and its index."""
    data = name + b"\x78\x01" + stream
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    offsets = np.array([33, 33 + len(chunk)], dtype=np.uint32)
    return chunk, BandIndex(size_hw=size_hw, offsets=offsets)


def deflated(rows):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(rows) + compressor.flush(zlib.Z_FULL_FLUSH)


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (deflated(bytes(10**8)), "band 0 of the label map does not inflate"),  # a bomb
        (deflated(bytes(41)), "does not inflate"),
        (deflated(bytes(39)), "holds less than its 40 bytes"),
        (deflated(b""), "holds less than its 40 bytes"),
        (b"\xff" * 40, "does not inflate"),
        (b"", "holds less than its 40 bytes"),
        (deflated(bytes(20) + b"\1" + bytes(19)), "rows 0 to 4 have PNG filters"),
    ],
)
def test_hostile_bands_with_a_right_checksum_are_refused(stream, message):
    part, index = forged(stream, (4, 9))
    with pytest.raises(DatasetError, match=message):
        decode_rows(part, index, 0, 4)


def test_what_is_promised_beyond_what_deflate_can_hold_is_never_allotted():
    part, index = forged(deflated(bytes(1000)), (1, 178_956_970))
    with pytest.raises(DatasetError, match="holds less than its 178956971 bytes"):
        decode_rows(part, index, 0, 1)


def test_chunks_of_another_kind_are_refused():
    part, index = forged(deflated(bytes(40)), (4, 9), name=b"tEXt")
    with pytest.raises(DatasetError, match="no PNG chunk of pixels"):
        decode_rows(part, index, 0, 4)


@pytest.mark.parametrize(
    ("size_hw", "offsets", "rows_per_band", "message"),
    [
        ((0, 5), [33], 64, "band index of a 0x5 label map"),
        ((5, 5), [33, 60], 0, "in bands of 0 rows"),
        ((2**31, 2**31), [33, 60], 64, "expected 1 to 178956970 pixels"),
        ((65, 5), [33, 60], 64, "band offsets are uint32 of shape (2,), expected uint32 (3,)"),
        ((64, 5), [33, 45], 64, "band offsets do not rise"),
        ((65, 5), [33, 600, 90], 64, "band offsets do not rise"),
    ],
)
def test_hostile_indices_are_refused(size_hw, offsets, rows_per_band, message):
    offsets = np.array(offsets, dtype=np.uint32)
    with pytest.raises(DatasetError, match=re.escape(message)):
        BandIndex(size_hw=size_hw, offsets=offsets, rows_per_band=rows_per_band)


def test_offsets_of_another_type_are_refused():
    with pytest.raises(DatasetError, match="band offsets are int64"):
        BandIndex(size_hw=(5, 5), offsets=np.array([33, 60]))


@pytest.mark.parametrize(("top", "bottom"), [(-1, 5), (5, 5), (6, 5), (0, 201)])
def test_rows_that_are_not_there_are_named(top, bottom):
    png = banded_png(streets((200, 30)))
    with pytest.raises(DatasetError, match=f"rows {top} to {bottom} asked for, .* is 200x30"):
        band_range(png.bands, top, bottom)
    with pytest.raises(DatasetError, match=f"rows {top} to {bottom} asked for, .* is 200x30"):
        decode_rows(png.content, png.bands, top, bottom)
