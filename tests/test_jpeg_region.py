"""A rectangle decoded alone is the rectangle of the whole decoded image."""

import io
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
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

from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_image
from mass13k_tools.shards.jpeg_decode import decode_jpeg, decode_part, decode_region
from mass13k_tools.shards.jpeg_huffman import NotSeekable
from mass13k_tools.shards.jpeg_layout import header_segments
from mass13k_tools.shards.jpeg_region import JpegIndex, jpeg_index, region_bytes, sub_jpeg
from mass13k_tools.shards.jpeg_restart import seekable_jpeg

HIGHRES7 = Path(__file__).parents[2] / "shared" / "data" / "highres7"
NAME = Path("a.jpg")
DECODERS = (pillow_pixels, opencv_pixels, simplejpeg.decode_jpeg)


@st.composite
def finely_cut_jpegs(draw):
    """Files with a marker after every MCU or two, so that rectangles cut rows as well."""
    size_hw = (draw(st.integers(1, 100)), draw(st.integers(1, 100)))
    look = draw(st.sampled_from(("soft", "noise", "edges")))
    image = drawn_image(size_hw, look=look, seed=draw(st.integers(0, 9)))
    kind = draw(st.sampled_from((*OPENCV_SAMPLINGS, "grey", "RGB")))
    quality = draw(st.integers(20, 98))
    if kind == "grey":
        return pillow_jpeg(image[:, :, 0], quality=quality, restart_marker_blocks=1)
    if kind == "RGB":
        return pillow_jpeg(image, keep_rgb=True, quality=quality, restart_marker_blocks=1)
    mcu_px = 16 if kind in ("4:2:2", "4:2:0") else 8
    restart = 2 if -(-size_hw[1] // mcu_px) % 2 == 0 and draw(st.booleans()) else 1
    return opencv_jpeg(image, sampling=kind, quality=quality, restart=restart)


def box_within(size_hw, share):
    """Make a box of at least one pixel of four shares of 1."""
    y, x = (int(part * (side - 1)) for part, side in zip(share, size_hw, strict=False))
    height, width = size_hw[0] - y, size_hw[1] - x
    return y, x, 1 + int(share[2] * (height - 1)), 1 + int(share[3] * (width - 1))


def part_of(content, index, box):
    header, *parts = (content[start:stop] for start, stop in region_bytes(index, box))
    return sub_jpeg(header, parts, index, box)


def crop(image, box):
    y, x, height, width = box
    return image[y : y + height, x : x + width]


shares = st.tuples(*[st.floats(0, 1)] * 4)


@pytest.mark.parametrize("decode", DECODERS)
@settings(max_examples=250, deadline=None, suppress_health_check=SLOW)
@given(content=finely_cut_jpegs(), share=shares)
def test_any_decoder_gives_the_pixels_of_the_whole(decode, content, share):
    index = jpeg_index(content)
    box = box_within(index.size_hw, share)
    part = part_of(content, index, box)
    y, x = part.origin
    placed = (box[0] - y, box[1] - x, box[2], box[3])
    assert np.array_equal(crop(decode(part.content), placed), crop(decode(content), box))


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(content=jpegs(most_px=300), share=shares)
def test_a_region_of_any_seekable_file_is_the_crop_of_the_image(content, share):
    seekable = seekable_jpeg(content)
    index = jpeg_index(seekable.content)
    box = box_within(index.size_hw, share)
    region = decode_region(seekable.content, index, box, path=NAME)
    assert region.dtype == np.uint8
    assert np.array_equal(region, crop(decode_image(content, NAME), box))


@pytest.mark.parametrize("width", range(1, 41))
def test_every_column_at_the_right_edge_is_exact(width):
    # libjpeg does not mix chroma of one or two columns, so a part must not be narrower than that
    image = drawn_image((33, width), look="noise", seed=width)
    content = opencv_jpeg(image, restart=1)
    index, whole = jpeg_index(content), pillow_pixels(content)
    for x in range(width):
        box = (15, x, 2, width - x)
        assert np.array_equal(decode_region(content, index, box, path=NAME), crop(whole, box))


@pytest.mark.parametrize(
    ("sampling", "box", "origin", "size_hw"),
    [
        ("4:4:4", (16, 24, 8, 8), (16, 24), (8, 8)),
        ("4:2:2", (16, 32, 8, 16), (16, 16), (8, 48)),
        ("4:4:0", (32, 16, 16, 8), (16, 16), (48, 8)),
        ("4:2:0", (34, 34, 12, 12), (32, 32), (16, 16)),
        ("4:2:0", (33, 34, 12, 13), (16, 32), (32, 32)),
        ("4:2:0", (0, 0, 1, 1), (0, 0), (16, 16)),
        ("4:2:0", (99, 99, 1, 1), (80, 80), (20, 20)),
    ],
)
def test_no_more_is_read_than_the_margin_needs(sampling, box, origin, size_hw):
    content = opencv_jpeg(
        drawn_image((100, 100), look="soft", seed=1), sampling=sampling, restart=1
    )
    index = jpeg_index(content)
    part = part_of(content, index, box)
    assert part.origin == origin
    assert pillow_pixels(part.content).shape[:2] == size_hw
    ranges = region_bytes(index, box)
    assert ranges[0] == (0, index.header_bytes)
    assert len(ranges) == 1 + -(-size_hw[0] // index.mcu_hw[0])


def test_metadata_is_left_out_of_parts_but_colours_stay():
    image = drawn_image((40, 60), look="edges", seed=5)
    extras = {"icc_profile": bytes(60_000), "comment": b"a note", "exif": PillowImage.Exif()}
    extras["exif"][0x0112] = 6
    content = seekable_jpeg(pillow_jpeg(image, keep_rgb=True, **extras)).content
    part = part_of(content, jpeg_index(content), (0, 0, 40, 60))
    kept = {segment.marker for segment in header_segments(part.content)}
    assert not kept & {0xE1, 0xE2, 0xFE}
    assert len(part.content) < len(content) - 60_000
    assert np.array_equal(pillow_pixels(part.content), pillow_pixels(content))


def test_a_box_outside_the_image_is_refused():
    index = jpeg_index(seekable_jpeg(opencv_jpeg(np.zeros((20, 30, 3), np.uint8))).content)
    for box in [(-1, 0, 5, 5), (0, 26, 5, 5), (0, 0, 0, 5), (16, 0, 5, 5)]:
        with pytest.raises(DatasetError, match="is empty or not within 20x30"):
            region_bytes(index, box)


def test_a_short_read_or_a_moved_index_is_refused():
    content = opencv_jpeg(drawn_image((64, 64), look="soft", seed=1), restart=1)
    index, box = jpeg_index(content), (0, 0, 64, 64)
    header, *parts = (content[start:stop] for start, stop in region_bytes(index, box))
    with pytest.raises(DatasetError, match="where the index says"):
        sub_jpeg(header, [*parts[:-1], parts[-1][:-1]], index, box)
    with pytest.raises(DatasetError, match="where the index says"):
        sub_jpeg(header, [part[1:] + part[:1] for part in parts], index, box)


def test_an_index_that_cannot_be_is_refused():
    fields = {"size_hw": (16, 64), "mcu_hw": (16, 16), "interval_mcus": 2}
    right = np.array([600, 700, 800], np.uint32)
    JpegIndex(**fields, offsets=right)
    for offsets in ([600, 700], [600, 700, 701], [600, 500, 800], [2, 700, 800], [[600, 700, 800]]):
        with pytest.raises(DatasetError, match="does not fit an image of 16x64"):
            JpegIndex(**fields, offsets=np.array(offsets, np.uint32))
    for wrong in ({"size_hw": (17, 64)}, {"mcu_hw": (16, 32)}, {"interval_mcus": 3}):
        with pytest.raises(DatasetError, match="does not fit"):
            JpegIndex(**fields | wrong, offsets=right)


def test_markers_that_do_not_divide_the_rows_make_no_index():
    image = drawn_image((64, 64), look="soft", seed=1)
    for restart in (0, 3):
        with pytest.raises(NotSeekable, match="do not divide its rows"):
            jpeg_index(opencv_jpeg(image, restart=restart))


def test_damage_in_a_region_is_an_error_and_never_grey():
    content = opencv_jpeg(drawn_image((64, 64), look="noise", seed=1), restart=1)
    index = jpeg_index(content)
    start = int(index.offsets[5])
    damaged = content[:start] + b"\xff\x00" * 8 + content[start + 16 :]
    with pytest.raises(DatasetError, match=r"'a\.jpg' is damaged"):
        decode_region(damaged, index, (16, 16, 16, 16), path=NAME)


def test_a_header_of_another_file_is_noticed():
    content = opencv_jpeg(drawn_image((64, 64), look="soft", seed=1), restart=1)
    index = jpeg_index(content)
    small = part_of(content, index, (0, 0, 16, 16))
    with pytest.raises(DatasetError, match="not as large as its index says"):
        decode_part(small, (0, 0, 64, 64), path=NAME)


@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(jpegs())
def test_whole_files_decode_as_everywhere_else(content):
    assert np.array_equal(decode_jpeg(content, NAME), decode_image(content, NAME))


@pytest.mark.parametrize("kind", ["progressive", "CMYK", "4:1:1", "turned", "cut short"])
def test_unusual_files_decode_as_everywhere_else(kind):
    image = drawn_image((50, 70), look="soft", seed=8)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    content = pillow_jpeg(image, progressive=kind == "progressive", exif=exif)
    if kind == "4:1:1":
        content = opencv_jpeg(image, sampling="4:1:1")
    if kind == "CMYK":
        buffer = io.BytesIO()
        PillowImage.fromarray(image).convert("CMYK").save(buffer, "JPEG")
        content = buffer.getvalue()
    if kind == "cut short":
        with pytest.raises(DatasetError, match=r"'a\.jpg' is damaged or cut short"):
            decode_jpeg(content[:-200], NAME)
        return
    assert np.array_equal(decode_jpeg(content, NAME), decode_image(content, NAME))


def test_an_image_that_claims_a_billion_pixels_is_refused_before_decoding():
    content = bytearray(opencv_jpeg(np.zeros((16, 16, 3), np.uint8)))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = b"\x7f\xff\x7f\xff"
    with pytest.raises(DatasetError, match="too large to decode"):
        decode_jpeg(bytes(content), NAME)


@pytest.mark.skipif(not HIGHRES7.is_dir(), reason="no ../shared/data/highres7")
def test_regions_of_real_photos_are_exact():
    draw = np.random.default_rng(0)
    for path in sorted(HIGHRES7.rglob("*.jpg")):
        content = seekable_jpeg(path.read_bytes()).content
        index, whole = jpeg_index(content), pillow_pixels(content)
        for _ in range(5):
            box = box_within(index.size_hw, draw.random(4))
            assert np.array_equal(decode_region(content, index, box, path=path), crop(whole, box))
