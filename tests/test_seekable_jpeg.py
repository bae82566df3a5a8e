"""Restart markers change no pixel of any JPEG and nothing else in the file."""

import io
from pathlib import Path

import numpy as np
import pytest
from drawn_jpegs import (
    OPENCV_SAMPLINGS,
    SLOW,
    drawn_image,
    jpegs,
    opencv_jpeg,
    opencv_pixels,
    pillow_jpeg,
    pillow_pixels,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from mass13k_tools.shards.jpeg_huffman import HuffmanTable, NotSeekable, completed
from mass13k_tools.shards.jpeg_layout import COM, DHT, DRI, header_segments, parse_jpeg
from mass13k_tools.shards.jpeg_region import jpeg_index
from mass13k_tools.shards.jpeg_restart import interval_mcus, seekable_jpeg

DATA = Path(__file__).parents[2] / "shared" / "data"


def segments_of(content):
    return [(part.marker, content[part.start : part.stop]) for part in header_segments(content)]


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(jpegs())
def test_pixels_are_the_same_for_pillow_and_opencv(content):
    seekable = seekable_jpeg(content).content
    assert np.array_equal(pillow_pixels(seekable), pillow_pixels(content))
    assert np.array_equal(opencv_pixels(seekable), opencv_pixels(content))


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(jpegs())
def test_a_seekable_file_comes_back_with_the_same_bytes(content):
    once = seekable_jpeg(content)
    again = seekable_jpeg(once.content)
    assert again.content == once.content
    assert np.array_equal(again.index.offsets, once.index.offsets)


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(jpegs(most_px=300))
def test_offsets_are_where_the_markers_are(content):
    seekable = seekable_jpeg(content)
    layout = parse_jpeg(seekable.content)
    rows, columns = layout.mcus_hw
    assert layout.restart_mcus == seekable.index.interval_mcus
    assert columns % seekable.index.interval_mcus == 0
    assert seekable.index.offsets.dtype == np.uint32
    assert seekable.index.offsets.size == rows * columns // seekable.index.interval_mcus + 1
    assert seekable.index.offsets[0] == layout.scan_start
    assert seekable.index.offsets[-1] == len(seekable.content)
    markers = [seekable.content[stop - 2 : stop] for stop in seekable.index.offsets[1:].tolist()]
    restarts = [bytes((0xFF, 0xD0 + number % 8)) for number in range(len(markers) - 1)]
    assert markers == [*restarts, b"\xff\xd9"]
    assert np.array_equal(jpeg_index(seekable.content).offsets, seekable.index.offsets)


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(
    size_hw=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    sampling=st.sampled_from(tuple(OPENCV_SAMPLINGS)),
    restart=st.integers(1, 40),
    look=st.sampled_from(("soft", "noise", "edges")),
)
def test_restart_markers_that_are_there_leave_no_trace(size_hw, sampling, restart, look):
    image = drawn_image(size_hw, look=look, seed=restart)
    with_markers = opencv_jpeg(image, sampling=sampling, restart=restart)
    without = opencv_jpeg(image, sampling=sampling)
    assert seekable_jpeg(with_markers).content == seekable_jpeg(without).content


def test_exif_icc_comment_and_colour_markers_are_kept():
    image = drawn_image((70, 300), look="soft", seed=3)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    options = {"icc_profile": bytes(range(256)) * 600, "comment": b"a note"}
    content = pillow_jpeg(image, exif=exif, keep_rgb=True, **options)
    seekable = seekable_jpeg(content).content
    with PillowImage.open(io.BytesIO(seekable)) as picture:
        assert picture.getexif()[0x0112] == 6
        assert picture.info["icc_profile"] == options["icc_profile"]
        assert picture.info["comment"] == options["comment"]
    kept = [part for part in segments_of(seekable) if part[0] != DRI]
    assert kept == segments_of(content)
    assert COM in dict(kept)


def test_fill_bytes_before_markers_are_kept():
    content = opencv_jpeg(drawn_image((20, 30), look="soft", seed=1))
    filled = content[:2] + b"\xff\xff\xff" + content[2:]
    seekable = seekable_jpeg(filled).content
    assert seekable[:6] == filled[:6]
    assert np.array_equal(pillow_pixels(seekable), pillow_pixels(content))


def test_padding_of_zeros_is_read_and_becomes_ones():
    image = drawn_image((8, 8), look="soft", seed=2)
    content = pillow_jpeg(image[:, :, 0])
    last = content[-3]
    assert last & 1, "this file has padding"
    zeros = content[:-3] + bytes((last & (last + 1),)) + content[-2:]
    assert zeros != content
    assert seekable_jpeg(zeros).content == seekable_jpeg(content).content


def test_a_missing_dc_code_is_added_and_no_code_changes():
    ramp = np.repeat(np.linspace(0, 255, 512).astype(np.uint8)[None], 64, axis=0)
    content = pillow_jpeg(ramp, optimize=True, quality=95)
    before = parse_jpeg(content)
    seekable = seekable_jpeg(content).content
    after = parse_jpeg(seekable)
    old, new = before.tables[0, 0], after.tables[0, 0]
    known = len(old.symbols)
    assert set(old.symbols) < set(new.symbols) == set(range(12))
    assert new.symbols[:known] == old.symbols
    assert new.codes()[:known] == old.codes()
    assert after.tables[1, 0] == before.tables[1, 0]
    assert np.array_equal(pillow_pixels(seekable), pillow_pixels(content))
    assert seekable_jpeg(seekable).content == seekable
    others = {DHT, DRI}
    assert [part for part in segments_of(seekable) if part[0] not in others] == [
        part for part in segments_of(content) if part[0] not in others
    ]


def test_tables_stay_when_no_code_is_missing():
    content = pillow_jpeg(
        drawn_image(
            (
                64,
                512,
            ),
            look="constant",
            seed=1,
        ),
        optimize=True,
    )
    assert len(parse_jpeg(content).tables[0, 0].symbols) < 12
    assert parse_jpeg(seekable_jpeg(content).content).tables == parse_jpeg(content).tables


@pytest.mark.parametrize("symbols", [(3,), (0, 1), tuple(range(11)), (11, 0, 5)])
def test_a_completed_table_is_a_prefix_code_without_the_code_of_ones(symbols):
    counts = [0] * 16
    counts[4] = len(symbols)
    table = completed(HuffmanTable(bytes(counts), bytes(symbols)))
    codes = [f"{code:0{bits}b}" for code, bits in zip(table.codes(), table.lengths(), strict=True)]
    assert sorted(table.symbols) == list(range(12))
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)
    assert all("0" in code for code in codes)


def test_a_table_without_room_is_refused_if_a_code_is_missing():
    full = HuffmanTable(bytes([2, *[0] * 15]), bytes([0, 1]))
    with pytest.raises(NotSeekable, match="no room"):
        completed(full)
    complete = HuffmanTable(bytes([0, 0, 4, 8, *[0] * 12]), bytes(range(12)))
    assert complete.spare() == 0
    assert completed(complete) == complete


@pytest.mark.parametrize(
    ("row_mcus", "interval"),
    [
        (256, 16),
        (250, 25),
        (192, 16),
        (168, 14),
        (30, 15),
        (12, 12),
        (1, 1),
        (257, 257),
        (254, 127),
    ],
)
def test_the_interval_divides_the_row_and_is_near_to_16(row_mcus, interval):
    assert interval_mcus(row_mcus) == interval


@pytest.mark.parametrize("sampling", OPENCV_SAMPLINGS)
def test_a_detailed_image_grows_by_less_than_a_hundredth(sampling):
    draw = np.random.default_rng(0)
    image = drawn_image((512, 1024), look="soft", seed=4)
    image = np.clip(image + draw.normal(0, 12, image.shape), 0, 255).astype(np.uint8)
    content = opencv_jpeg(image, sampling=sampling, quality=95)
    seekable = seekable_jpeg(content)
    assert seekable.index.interval_mcus < 1024 // 8
    assert len(content) < len(seekable.content) < 1.01 * len(content)


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
def test_real_photos_keep_their_pixels():
    paths = (
        sorted((DATA / "highres7").rglob("*.jpg")) + sorted((DATA / "camvid7").rglob("*.jpg"))[:5]
    )
    assert paths
    for path in paths:
        content = path.read_bytes()
        seekable = seekable_jpeg(content).content
        assert np.array_equal(opencv_pixels(seekable), opencv_pixels(content)), path
        assert seekable_jpeg(seekable).content == seekable, path
