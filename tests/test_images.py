"""Every unusual kind of pixel file has one stated behaviour."""

import io
import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from handmade_png import handmade_png, packed_rows
from PIL import Image as PillowImage

from mass13k_tools.classes import MASS13K, SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import (
    decode_image,
    decode_raw_labels,
    jpeg_bytes,
    label_map_from_raw,
    png_bytes,
    read_image,
    read_label_map,
    read_sample,
)
from mass13k_tools.layouts import Sample
from mass13k_tools.pixel_files import read_header
from mass13k_tools.taxonomy_file import shipped_taxonomy

NAME = Path("some.file")
LABELS = (np.arange(35).reshape(5, 7) % 7).astype(np.uint8)
PHOTO = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def encoded(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def turned_jpeg(pixels, orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    return encoded(PillowImage.fromarray(pixels), "JPEG", exif=exif, quality=95, subsampling=0)


@pytest.mark.parametrize("colour_type", [0, 3], ids=["grey", "palette"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_label_values_come_as_stored_whatever_the_bit_depth(bits, colour_type):
    values = LABELS & (2**bits - 1)
    rows = packed_rows(values, bits=bits)
    content = handmade_png(values.shape, rows, bits=bits, colour_type=colour_type)
    labels = decode_raw_labels(content, NAME)
    np.testing.assert_array_equal(labels.values, values)
    assert labels.header.bits == bits
    assert labels.header.mode == ("P" if colour_type else "1" if bits == 1 else "L")


def test_a_palette_label_map_gives_indices_not_colours():
    picture = PillowImage.fromarray(LABELS)
    picture.putpalette([17, 99, 203] * 256)
    np.testing.assert_array_equal(decode_raw_labels(encoded(picture), NAME).values, LABELS)


def test_rgb_labels_are_read_only_if_their_channels_are_equal():
    same = encoded(PillowImage.fromarray(np.stack([LABELS] * 3, axis=2)))
    np.testing.assert_array_equal(decode_raw_labels(same, NAME).values, LABELS)
    with pytest.raises(DatasetError, match="is an RGB picture, expected one channel"):
        decode_raw_labels(encoded(PillowImage.fromarray(MASS13K.colours[LABELS])), NAME)


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "PNG"), ("CMYK", "JPEG")])
def test_other_label_kinds_are_refused(mode, kind):
    content = encoded(PillowImage.new(mode, (7, 5)), kind)
    with pytest.raises(DatasetError, match="expected one channel of 8 bits"):
        decode_raw_labels(content, NAME)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr"])
def test_every_kind_of_image_becomes_rgb(mode):
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    image = decode_image(encoded(PillowImage.new(mode, (7, 5)), kind), NAME)
    assert image.shape == (5, 7, 3)
    assert image.dtype == np.uint8


def test_alpha_is_dropped_and_the_colour_under_it_kept():
    pixels = np.full((5, 7, 4), (10, 200, 30, 0), dtype=np.uint8)
    image = decode_image(encoded(PillowImage.fromarray(pixels)), NAME)
    assert (image == (10, 200, 30)).all()


def test_sixteen_bits_keep_the_high_byte():
    values = np.array([[0x12FF, 0xABCD]], dtype=np.uint16)
    image = decode_image(encoded(PillowImage.fromarray(values)), NAME)
    assert image[0].tolist() == [[0x12] * 3, [0xAB] * 3]


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "GIF", "WEBP", "PPM", "TGA", "EPS"])
def test_other_formats_never_reach_their_readers(kind):
    content = encoded(PillowImage.new("RGB", (7, 5)), kind)
    for decode in (decode_image, decode_raw_labels):
        with pytest.raises(DatasetError, match=r"'some\.file' holds no JPEG or PNG"):
            decode(content, NAME)


def test_a_png_with_too_few_rows_is_refused_although_its_stream_is_whole():
    row = b"\0" + bytes(7)
    assert decode_raw_labels(handmade_png((5, 7), 5 * row), NAME).values.shape == (5, 7)
    with pytest.raises(DatasetError, match="some of its rows are missing"):
        decode_raw_labels(handmade_png((5, 7), 4 * row), NAME)


def test_an_interlaced_png_is_read():
    content = handmade_png((1, 1), b"\0\5", interlaced=1)
    assert decode_raw_labels(content, NAME).values.tolist() == [[5]]


def test_bytes_behind_the_end_are_no_fault():
    content = encoded(PillowImage.fromarray(LABELS)) + bytes(100_000)
    np.testing.assert_array_equal(decode_raw_labels(content, NAME).values, LABELS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe.png", tmp_path / "zero.png"):
        for read in (read_image, read_header):
            with pytest.raises(DatasetError, match="no ordinary file"):
                read(path)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(kept):
    jpeg, png = jpeg_bytes(PHOTO), png_bytes(PHOTO)
    for content, decode in ((jpeg, decode_image), (png, decode_image), (png, decode_raw_labels)):
        with pytest.raises(DatasetError, match=r"some\.file"):
            decode(content[: int(kept * len(content))], NAME)


def test_a_damaged_png_is_refused():
    content = bytearray(png_bytes(LABELS.repeat(50, axis=0)))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(DatasetError, match="damaged or cut short"):
        decode_raw_labels(bytes(content), NAME)


@pytest.mark.parametrize("content", [b"", b"not a picture at all", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(DatasetError, match=r"'some\.file'"):
        decode_image(content, NAME)


@pytest.mark.parametrize("decode", [decode_image, decode_raw_labels])
def test_a_decompression_bomb_is_refused_before_decoding(decode):
    with pytest.raises(DatasetError, match="too large to decode"):
        decode(handmade_png((50_000, 50_000), bytes(10_000)), NAME)


def test_large_pictures_below_the_limit_do_not_warn(tmp_path):
    path = tmp_path / "large.png"
    PillowImage.new("1", (12_000, 10_000)).save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_header(path).size_hw == (10_000, 12_000)


def test_missing_files_are_one_clear_line(tmp_path):
    for read in (read_image, read_header):
        with pytest.raises(DatasetError, match=r"cannot read '.*gone\.png'"):
            read(tmp_path / "gone.png")
    with pytest.raises(DatasetError, match="cannot read"):
        read_image(tmp_path)


def test_exif_orientation_is_reported_and_not_applied(tmp_path):
    path = tmp_path / "turned.jpg"
    path.write_bytes(turned_jpeg(PHOTO, 6))
    assert read_header(path).orientation == 6
    assert read_header(path).size_hw == (40, 60)
    assert read_image(path).shape == (40, 60, 3)


@pytest.mark.parametrize(
    ("label_shape", "orientation", "turned"),
    [((40, 60), 1, False), ((40, 60), 6, False), ((60, 40), 6, True), ((60, 40), 8, True)],
)
def test_a_sample_is_turned_only_where_that_makes_it_fit(
    tmp_path, label_shape, orientation, turned
):
    smooth = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
    sample = Sample("a", "all", tmp_path / "a.jpg", tmp_path / "a.png")
    sample.image_path.write_bytes(turned_jpeg(np.stack([smooth] * 3, axis=2), orientation))
    sample.label_path.write_bytes(png_bytes(np.zeros(label_shape, np.uint8)))
    image, label_map = read_sample(sample, MASS13K)
    assert image.shape[:2] == label_map.shape == label_shape
    upright = {6: np.rot90(smooth, -1), 8: np.rot90(smooth)}[orientation] if turned else smooth
    assert np.abs(image[:, :, 0].astype(int) - upright).max() <= 2


@pytest.mark.parametrize("orientation", [1, 3])
def test_sizes_that_do_not_fit_are_an_error(tmp_path, orientation):
    sample = Sample("a", "all", tmp_path / "a.jpg", tmp_path / "a.png")
    sample.image_path.write_bytes(turned_jpeg(PHOTO, orientation))
    sample.label_path.write_bytes(png_bytes(np.zeros((60, 40), np.uint8)))
    with pytest.raises(DatasetError, match="is 60x40 but its image is 40x60"):
        read_sample(sample, MASS13K)


def test_a_raw_value_outside_the_taxonomy_names_file_value_and_place(tmp_path):
    path = tmp_path / "wrong.png"
    labels = LABELS.copy()
    labels[3, 2] = 9
    path.write_bytes(png_bytes(labels))
    with pytest.raises(DatasetError) as caught:
        read_label_map(path, MASS13K)
    for part in ("wrong.png", "value 9", "row 3, column 2", "0-6, 255", "--classes"):
        assert part in str(caught.value)


def test_raw_values_become_ids_by_the_look_up(tmp_path):
    path = tmp_path / "mask.png"
    path.write_bytes(png_bytes(np.array([[0, 128, 129, 255]], np.uint8)))
    assert read_label_map(path, shipped_taxonomy("binary")).tolist() == [[0, 0, 1, 1]]
    lookup = tuple([3] * 256)
    every = Taxonomy("every", MASS13K.classes, lookup)
    assert (read_label_map(path, every) == 3).all()


def taxonomy_of(lookup):
    ids = {*lookup, 0} - {-1, 255}
    return Taxonomy("any", tuple(SemanticClass(n, f"c{n}") for n in sorted(ids)), lookup)


def check_look_up(values, taxonomy):
    lookup, kept, raw = taxonomy.lookup, values.copy(), values.ravel().tolist()
    unknown = sorted({value for value in raw if lookup[value] == -1})
    if not unknown:
        found = label_map_from_raw(values, NAME, taxonomy)
        assert found.dtype == np.uint8 and found.ravel().tolist() == [
            lookup[value] for value in raw
        ]
    else:
        row, column = divmod(raw.index(unknown[0]), values.shape[1])
        others = f" and {len(unknown) - 1} more values" if len(unknown) > 1 else ""
        text = f"the value {unknown[0]} (first at row {row}, column {column}){others}, taxonomy"
        with pytest.raises(DatasetError, match=re.escape(text)):
            label_map_from_raw(values, NAME, taxonomy)
    np.testing.assert_array_equal(values, kept)


@pytest.mark.parametrize("count", [1, 7, 127, 128, 129, 200, 254, 255])
@pytest.mark.parametrize("ignore", [255, 3, -1])
def test_every_value_is_looked_up_where_most_stand_for_themselves(count, ignore):
    lookup = (*(value if value < count else -1 for value in range(255)), ignore)
    taxonomy = taxonomy_of(lookup)
    for value in range(256):
        check_look_up(np.array([[0, 0, value], [value, 0, 0]], np.uint8), taxonomy)


@pytest.mark.parametrize("meanings", [[-1, 0, 1, 6, 255], range(256), range(-1, 256)])
def test_any_look_up_gives_its_ids_or_says_what_it_lacks(meanings):
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.choice(rng.integers(0, 256, 3), (3, 40)).astype(np.uint8)
        check_look_up(values, taxonomy_of(tuple(rng.choice(list(meanings), 256).tolist())))
    check_look_up(values, taxonomy_of(tuple((rng.permutation(256) - 1).tolist())))


def test_jpeg_quality_is_the_one_asked_for():
    smooth = np.add.outer(np.arange(64), np.arange(96)).astype(np.uint8)
    image = np.stack([smooth, smooth.T.repeat(2, axis=1)[:64, :96], smooth], axis=2)
    rough, fine = (decode_image(jpeg_bytes(image, quality=q), NAME).astype(int) for q in (20, 95))
    assert np.abs(fine - image).mean() < np.abs(rough - image).mean() / 2
    assert jpeg_bytes(image) == jpeg_bytes(image, quality=95)


def test_writing_is_lossless_for_labels_and_repeats_its_bytes():
    assert png_bytes(LABELS) == png_bytes(LABELS.copy())
    assert jpeg_bytes(PHOTO) == jpeg_bytes(PHOTO.copy())
    labels = decode_raw_labels(png_bytes(LABELS), NAME)
    np.testing.assert_array_equal(labels.values, LABELS)
    assert (labels.header.mode, labels.header.bits, labels.header.format) == ("L", 8, "PNG")


def test_a_jpeg_with_a_second_picture_behind_it_is_its_first(tmp_path):
    image = np.full((8, 12, 3), 90, np.uint8)
    path = tmp_path / "phone.jpg"
    thumbnail = PillowImage.fromarray(image[:4, :4])
    PillowImage.fromarray(image).save(path, "MPO", save_all=True, append_images=[thumbnail])
    assert read_header(path).format == "JPEG"
    np.testing.assert_array_equal(read_image(path), image)
