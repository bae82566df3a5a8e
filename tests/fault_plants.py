"""Ways to spoil one file of ``tiny_dataset``; each returns the file at which the fault is found."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
from conftest import STEMS, draw_image, draw_label_map
from handmade_png import handmade_png, packed_rows
from PIL import Image as PillowImage
from PIL import ImageEnhance

from mass13k_tools.classes import MASS13K
from mass13k_tools.provenance import Record

A, B, _ = STEMS["train"]
IMAGE, LABEL = f"images/train/{B}.jpg", f"annotations/train/{B}.png"
PROVENANCE = f"provenance/train/{B}.png"


def label_of(root):
    return np.asarray(PillowImage.open(root / LABEL))


def image_of(root):
    return PillowImage.open(root / IMAGE).convert("RGB")


def save_label(root, values):
    PillowImage.fromarray(values).save(root / LABEL)


def add_sample(root, image, *, split, key="00009_b01_20230210_tianjin_id0009"):
    """Write an image under a new name, with the label map of B at its size."""
    path = f"images/{split}/{key}.jpg"
    label = PillowImage.fromarray(label_of(root)).resize(image.size, PillowImage.Resampling.NEAREST)
    label.save(root / f"annotations/{split}/{key}.png")
    image.save(root / path, quality=90)
    return path


def cut_image_short(root):
    (root / IMAGE).write_bytes((root / IMAGE).read_bytes()[:-900])
    return IMAGE


def write_text_as_image(root):
    (root / IMAGE).write_text("404 not found")
    return IMAGE


def cut_label_short(root):
    (root / LABEL).write_bytes((root / LABEL).read_bytes()[:-20])
    return LABEL


def link_label_to_nothing(root):
    (root / LABEL).unlink()
    (root / LABEL).symlink_to(root / "gone.png")
    return LABEL


def save_label_with_16_bits(root):
    save_label(root, label_of(root).astype(np.uint16))
    return LABEL


def cut_a_column_from_the_label(root):
    save_label(root, label_of(root)[:, :-1])
    return LABEL


def write_value_9(root):
    values = label_of(root).copy()
    values[3:5, 7:10] = 9
    save_label(root, values)
    return LABEL


def tag_image_as_upside_down(root):
    exif = PillowImage.Exif()
    exif[0x0112] = 3
    image_of(root).save(root / IMAGE, exif=exif)
    return IMAGE


def save_turned(root, *, tag):
    """Store the image turned by 90 degrees, with the tag that makes viewers turn it back."""
    exif = PillowImage.Exif()
    if tag:
        exif[0x0112] = 6
    image_of(root).transpose(PillowImage.Transpose.ROTATE_90).save(root / IMAGE, exif=exif)


def paint_label_in_class_colours(root):
    values = label_of(root)
    save_label(root, MASS13K.colours[np.where(values == 255, 0, values)])
    return LABEL


def repeat_label_in_three_channels(root):
    save_label(root, np.repeat(label_of(root)[:, :, None], 3, axis=2))
    return LABEL


def give_label_a_palette(root):
    picture = PillowImage.fromarray(label_of(root))
    picture.putpalette(MASS13K.colours.tobytes())
    picture.save(root / LABEL)
    return LABEL


def paint_label_in_class_colours_with_alpha(root):
    colours = MASS13K.colours[np.where(label_of(root) == 255, 0, label_of(root))]
    PillowImage.fromarray(colours).convert("RGBA").save(root / LABEL)
    return LABEL


def save_label_as_tiff(root):
    PillowImage.fromarray(label_of(root)).save(root / LABEL, "TIFF")
    return LABEL


def write_label_with_too_few_rows(root):
    (root / LABEL).write_bytes(handmade_png((64, 96), 60 * bytes(97)))
    return LABEL


def link_image_to_itself(root):
    (root / IMAGE).unlink()
    (root / IMAGE).symlink_to(Path(IMAGE).name)
    return IMAGE


def make_image_a_pipe(root):
    (root / IMAGE).unlink()
    os.mkfifo(root / IMAGE)
    return IMAGE


def save_image_as_png_under_a_jpeg_name(root):
    image_of(root).save(root / IMAGE, "PNG")
    return IMAGE


def give_label_alpha(root):
    picture = PillowImage.fromarray(label_of(root))
    picture.putalpha(255)
    picture.save(root / LABEL)
    return LABEL


def save_label_with_4_bits(root):
    values = np.minimum(label_of(root), 6)
    content = handmade_png(values.shape, packed_rows(values, bits=4), bits=4)
    (root / LABEL).write_bytes(content)
    return LABEL


def claim_a_huge_image(root):
    (root / IMAGE).write_bytes(handmade_png((60000, 60000), b"\0"))
    return IMAGE


def claim_a_huge_label(root):
    (root / LABEL).write_bytes(handmade_png((60000, 60000), b"\0"))
    return LABEL


def save_label_as_jpeg(root):
    content = io.BytesIO()
    PillowImage.fromarray(label_of(root)).save(content, "JPEG")
    (root / LABEL).write_bytes(content.getvalue())
    return LABEL


def save_image_as_grey(root):
    image_of(root).convert("L").save(root / IMAGE)
    return IMAGE


def save_image_as_cmyk(root):
    image_of(root).convert("CMYK").save(root / IMAGE)
    return IMAGE


def take_image_away(root):
    (root / IMAGE).unlink()
    return LABEL


def take_label_away(root):
    (root / LABEL).unlink()
    return IMAGE


def add_png_beside_jpeg(root):
    path = Path(IMAGE).with_suffix(".png")
    image_of(root).save(root / path)
    return str(path)


def add_tiff_label(root):
    path = Path(LABEL).with_suffix(".tif")
    (root / path).write_bytes(b"II*\0")
    return str(path)


def ignore_every_pixel(root):
    save_label(root, np.full((64, 96), 255, dtype=np.uint8))
    return LABEL


def use_key_in_val_too(root):
    picture = PillowImage.fromarray(draw_image(np.rot90(draw_label_map(2), 2), seed=77))
    return add_sample(root, picture, split="val", key=B)


def copy_image_within_split(root):
    path = add_sample(root, image_of(root), split="train")
    shutil.copy(root / IMAGE, root / path)
    return path


def copy_image_to_val(root):
    path = add_sample(root, image_of(root), split="val")
    shutil.copy(root / IMAGE, root / path)
    return path


def encode_image_again_in_train(root):
    return add_sample(root, image_of(root), split="train")


def encode_image_again_in_test(root):
    return add_sample(root, image_of(root), split="test")


def brighten_image_in_test(root):
    return add_sample(root, ImageEnhance.Brightness(image_of(root)).enhance(1.25), split="test")


def resize_image_in_test(root):
    return add_sample(root, image_of(root).resize((90, 60)), split="test")


def give_every_label_a_provenance_map(root):
    """Write maps that say that nothing was changed, and their records; returns that of B."""
    for label in (root / "annotations").rglob("*.png"):
        path = root / "provenance" / label.parent.name / label.name
        path.parent.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(np.zeros((64, 96), np.uint8)).save(path)
        record = Record(label.stem, label.parent.name, (64, 96), ())
        path.with_suffix(".json").write_bytes(record.content())
    return root / PROVENANCE


def take_provenance_map_away(root):
    give_every_label_a_provenance_map(root).unlink()
    return LABEL


def take_provenance_record_away(root):
    give_every_label_a_provenance_map(root).with_suffix(".json").unlink()
    return PROVENANCE


def write_a_source_that_no_record_lists(root):
    path = give_every_label_a_provenance_map(root)
    numbers = np.zeros((64, 96), np.uint8)
    numbers[3, 5] = 9
    PillowImage.fromarray(numbers).save(path)
    return PROVENANCE


def cut_a_column_from_the_provenance_map(root):
    path = give_every_label_a_provenance_map(root)
    PillowImage.fromarray(np.zeros((64, 95), np.uint8)).save(path)
    return PROVENANCE


PLANTS = (
    (cut_image_short, "unreadable-image"),
    (write_text_as_image, "unreadable-image"),
    (claim_a_huge_image, "unreadable-image"),
    (claim_a_huge_label, "unreadable-label"),
    (cut_label_short, "unreadable-label"),
    (link_label_to_nothing, "unreadable-label"),
    (link_image_to_itself, "unreadable-image"),
    (make_image_a_pipe, "unreadable-image"),
    (save_label_as_tiff, "unreadable-label"),
    (write_label_with_too_few_rows, "unreadable-label"),
    (save_label_with_16_bits, "unreadable-label"),
    (cut_a_column_from_the_label, "size-mismatch"),
    (write_value_9, "unknown-id"),
    (tag_image_as_upside_down, "exif-orientation"),
    (paint_label_in_class_colours, "rgb-mask"),
    (paint_label_in_class_colours_with_alpha, "rgb-mask"),
    (repeat_label_in_three_channels, "rgb-mask"),
    (give_label_a_palette, "palette-mask"),
    (give_label_alpha, "other-mode-label"),
    (save_label_with_4_bits, "other-mode-label"),
    (save_label_as_jpeg, "lossy-label"),
    (take_image_away, "missing-image"),
    (take_label_away, "missing-label"),
    (add_png_beside_jpeg, "duplicate-key"),
    (add_tiff_label, "unexpected-file"),
    (take_provenance_map_away, "missing-provenance"),
    (take_provenance_record_away, "wrong-provenance"),
    (write_a_source_that_no_record_lists, "wrong-provenance"),
    (cut_a_column_from_the_provenance_map, "wrong-provenance"),
    (use_key_in_val_too, "key-in-two-splits"),
    (copy_image_within_split, "duplicate-image"),
    (copy_image_to_val, "duplicate-image"),
    (encode_image_again_in_test, "near-duplicate"),
    (brighten_image_in_test, "near-duplicate"),
    (resize_image_in_test, "near-duplicate"),
)
MILD_PLANTS = (
    (save_image_as_grey, "image-mode"),
    (save_image_as_png_under_a_jpeg_name, "wrong-ending"),
    (save_image_as_cmyk, "image-mode"),
    (ignore_every_pixel, "empty-label"),
    (encode_image_again_in_train, "near-duplicate"),
)
