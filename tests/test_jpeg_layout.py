"""JPEG files that cannot be made seekable are told apart, and hostile bytes do no harm."""

import io

import numpy as np
import pytest
import simplejpeg
from drawn_jpegs import SLOW, drawn_image, jpegs, opencv_jpeg, pillow_jpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from mass13k_tools.shards.jpeg_huffman import NotSeekable
from mass13k_tools.shards.jpeg_layout import header_segments, parse_jpeg
from mass13k_tools.shards.jpeg_region import jpeg_index
from mass13k_tools.shards.jpeg_restart import seekable_jpeg

IMAGE = drawn_image((40, 60), look="soft", seed=1)
PLAIN = opencv_jpeg(IMAGE)
MARKED = opencv_jpeg(IMAGE, restart=2)
FRAME, TABLES, SCAN = (PLAIN.index(bytes((0xFF, marker))) for marker in (0xC0, 0xC4, 0xDA))
CODED = header_segments(PLAIN)[-1].stop


def with_bytes(at, values, content=PLAIN):
    return content[:at] + values + content[at + len(values) :]


def cmyk_jpeg():
    buffer = io.BytesIO()
    PillowImage.fromarray(IMAGE).convert("CMYK").save(buffer, "JPEG")
    return buffer.getvalue()


def without_segment(marker):
    return b"".join(
        [
            PLAIN[:2],
            *(
                PLAIN[part.start : part.stop]
                for part in header_segments(PLAIN)
                if part.marker != marker
            ),
            PLAIN[CODED:],
        ]
    )


KEPT_AS_THEY_ARE = {
    "progressive": (pillow_jpeg(IMAGE, progressive=True), "progressive"),
    "lossless": (with_bytes(FRAME + 1, b"\xc3"), "lossless"),
    "hierarchical": (with_bytes(FRAME + 1, b"\xc5"), "hierarchical"),
    "arithmetic": (with_bytes(FRAME + 1, b"\xc9"), "arithmetic coding"),
    "12 bits": (with_bytes(FRAME + 4, b"\x0c"), "12 bits"),
    "CMYK": (cmyk_jpeg(), "4 components"),
    "4:1:1": (opencv_jpeg(IMAGE, sampling="4:1:1"), "sampling 4x1, 1x1, 1x1"),
    "coarse luma": (with_bytes(FRAME + 11, b"\x11\x00\x02\x22"), "sampling 1x1, 2x2, 1x1"),
    "several scans": (
        PLAIN[:SCAN] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + PLAIN[CODED:],
        "several scans",
    ),
    "part of coefficients": (with_bytes(CODED - 2, b"\x05"), "part of the coefficients"),
    "other order": (with_bytes(SCAN + 5, b"\x02"), "not in the order"),
    "height follows": (with_bytes(FRAME + 5, b"\x00\x00"), "size is not in its header"),
    "too many pixels": (with_bytes(FRAME + 5, b"\xff\xdc\xff\xdc"), "over 178,956,970 pixels"),
    "more pixels than bytes": (with_bytes(FRAME + 5, b"\x20\x00\x20\x00"), "pixels are missing"),
    "fewer pixels": (with_bytes(FRAME + 5, b"\x00\x10"), "bytes after its pixels"),
    "more rows": (with_bytes(FRAME + 5, b"\x00\x38"), "pixels are missing"),
    "two frames": (PLAIN[:FRAME] + PLAIN[FRAME : FRAME + 19] + PLAIN[FRAME:], "2 frames"),
    "no frame": (without_segment(0xC0), "0 frames"),
    "no tables": (without_segment(0xC4), "a Huffman table is missing"),
    "bad table": (with_bytes(TABLES + 5, b"\x03"), "a Huffman table is damaged"),
    "bytes before": (b"\x00" + PLAIN, "no JPEG file"),
    "no end": (PLAIN[:-2], "cut short"),
    "bytes between": (PLAIN[:FRAME] + b"\x00" + PLAIN[FRAME:], "bytes between its segments"),
    "marker within": (with_bytes(CODED + 9, b"\xff\xc4"), "another marker among its pixels"),
    "half a marker": (PLAIN[:-2] + b"\xff" + PLAIN[-2:], "half a marker"),
    "unannounced restart": (with_bytes(CODED + 9, b"\xff\xd0"), "restart markers are missing"),
    "markers not in turn": (MARKED.replace(b"\xff\xd1", b"\xff\xd2"), "another marker"),
    "one marker less": (
        MARKED[: MARKED.rindex(b"\xff\xd4")] + MARKED[-2:],
        "restart markers are missing",
    ),
    "no image": (b"", "no JPEG file"),
    "ends after its start": (b"\xff\xd8\xff\xd9", "cut short"),
    "only markers": (b"\xff\xd8" + b"\xff" * 100, "cut short"),
    "unknown marker": (with_bytes(FRAME, b"\xff\x02"), "marker 0x02"),
}


@pytest.mark.parametrize("kind", KEPT_AS_THEY_ARE)
def test_other_files_are_refused_with_the_reason(kind):
    content, reason = KEPT_AS_THEY_ARE[kind]
    with pytest.raises(NotSeekable, match=reason):
        seekable_jpeg(content)


@pytest.mark.parametrize("trailer", [b"\x00", b"\xff", PLAIN, b"\xff\xd9" * 3, bytes(1000)])
def test_what_follows_the_image_is_kept_behind_it(trailer):
    alone, followed = seekable_jpeg(PLAIN), seekable_jpeg(PLAIN + trailer)
    assert followed.content == alone.content + trailer
    np.testing.assert_array_equal(followed.index.offsets, alone.index.offsets)
    assert seekable_jpeg(followed.content).content == followed.content
    np.testing.assert_array_equal(jpeg_index(followed.content).offsets, alone.index.offsets)
    np.testing.assert_array_equal(decoded(followed.content), decoded(PLAIN))


def test_grey_files_have_blocks_of_8_px_whatever_their_sampling_says():
    content = pillow_jpeg(IMAGE[:, :, 0])
    frame = content.index(b"\xff\xc0")
    odd = with_bytes(frame + 11, b"\x22", content)
    assert parse_jpeg(odd).mcu_hw == (8, 8)
    assert np.array_equal(
        simplejpeg.decode_jpeg(seekable_jpeg(odd).content), simplejpeg.decode_jpeg(content)
    )


@pytest.mark.parametrize("content", [PLAIN, MARKED, pillow_jpeg(IMAGE[:16, :16], optimize=True)])
def test_files_cut_at_any_byte_are_refused(content):
    for stop in range(len(content)):
        for ending in (b"", b"\xff\xd9"):
            with pytest.raises(NotSeekable):
                # Within the last interval a byte may hold nothing but padding
                seekable_jpeg(content[: min(stop, len(content) - 4)] + ending)


def decoded(content):
    """Pixels, or None for files of which a strict decoder says that they are damaged."""
    try:
        return simplejpeg.decode_jpeg(content, "RGB")
    except ValueError:
        return None


@settings(max_examples=600, deadline=None, suppress_health_check=SLOW)
@given(
    content=jpegs(most_px=40),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=2)),
        min_size=1,
        max_size=4,
    ),
)
def test_changed_bytes_are_refused_or_change_both_files_alike(content, changes):
    for place, values in changes:
        content = with_bytes(int(place * len(content)), values, content)
    try:
        seekable = seekable_jpeg(content).content
    except NotSeekable:
        return
    before, after = decoded(content), decoded(seekable)
    assert (before is None) == (after is None)
    assert before is None or np.array_equal(before, after)
    assert seekable_jpeg(seekable).content == seekable


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(tail):
    for content in (tail, b"\xff\xd8" + tail, PLAIN[:CODED] + tail):
        for read in (seekable_jpeg, jpeg_index):
            with pytest.raises(NotSeekable):
                read(content)


def test_a_code_that_no_table_has_stays_wrong_when_the_table_gets_more_codes():
    # A ramp: later intervals start with differences that have no code in the optimised table
    ramp = np.repeat(np.linspace(0, 255, 512).astype(np.uint8)[None], 8, axis=0)
    content = pillow_jpeg(np.vstack([ramp] * 4), optimize=True, quality=95)
    assert len(parse_jpeg(content).tables[0, 0].symbols) < 12
    coded = header_segments(content)[-1].stop
    middle = (coded + len(content)) // 2
    damaged = with_bytes(middle, b"\xff\x00" * 4, content)
    assert decoded(damaged) is None
    with pytest.raises(NotSeekable, match="damaged"):
        seekable_jpeg(damaged)
