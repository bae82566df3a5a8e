"""From pixel files to arrays and back; nobody else reads or writes pixels.

What happens to unusual files, everywhere in the project:

====================  =================================  ======================
file                  as an image                        as a label map
====================  =================================  ======================
grey, 8 bits          the same value in R, G and B       its values
grey, 1, 2 or 4 bits  scaled to 0..255                   its values, not scaled
palette               its colours                        its indices
RGB                   as it is                           read if R = G = B
alpha                 dropped, the colour under it kept  likewise
16 bits               the high byte                      refused
CMYK, YCCK            converted by Pillow                refused
EXIF orientation      not applied, see read_sample       ignored
truncated, damaged    refused                            refused
over 178,956,970 px   refused before decoding            likewise
====================  =================================  ======================
"""

import io
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from mass13k_tools.arrays import (
    IGNORE,
    Image,
    LabelMap,
    check_image,
    check_label_map,
    size_text,
    value_counts,
)
from mass13k_tools.classes import UNKNOWN, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.pixel_files import TURNED, Header, header_of, opened
from mass13k_tools.png_chunks import check_png


class RawLabels(NamedTuple):
    """The values of a label file before any look-up."""

    values: LabelMap
    header: Header


def read_image(path: Path) -> Image:
    """Read an image as it is stored; see :func:`decode_image`."""
    return decode_image(read_bytes(path), path)


def read_label_map(path: Path, taxonomy: Taxonomy) -> LabelMap:
    """Read a label file and translate its raw values to class ids.

    Args:
        path: A PNG, one channel or palette.
        taxonomy: Says which raw values may occur and which ids they mean.

    Returns:
        Class ids, shape (H, W), uint8, 255 = ignore.

    Raises:
        DatasetError: The file cannot be read as one channel of 8 bits, or holds a raw value that
            the taxonomy does not know.
    """
    return label_map_from_raw(decode_raw_labels(read_bytes(path), path).values, path, taxonomy)


def read_sample(sample: Sample, taxonomy: Taxonomy) -> tuple[Image, LabelMap]:
    """Read an image and its label map, which are of one size.

    The pixels come as they are stored, whatever the EXIF orientation says, unless only the turned
    image has the label map's size.

    Raises:
        DatasetError: One of the files cannot be read, or their sizes differ.
    """
    label_map = read_label_map(sample.label_path, taxonomy)
    content = read_bytes(sample.image_path)
    image = decode_image(content, sample.image_path)
    if image.shape[:2] != label_map.shape:
        turned = turned_image(content, sample.image_path, size_hw=label_map.shape)
        if turned is not None:
            return turned, label_map
        raise DatasetError(
            f"label map '{sample.label_path}' is {size_text(label_map.shape)} but its image is "
            f"{size_text(image.shape[:2])}; 'mass13k check' lists all such pairs"
        )
    return image, label_map


def decode_image(content: bytes, path: Path) -> Image:
    """Decode an image file.

    Args:
        content: The file's bytes.
        path: Its name, for messages only.

    Returns:
        Shape (H, W, 3), uint8, RGB, in stored orientation; the table above says what becomes of
        other kinds of file.

    Raises:
        DatasetError: Truncated, damaged, no image, too large, or of a kind that has no RGB meaning.
    """
    with opened(io.BytesIO(content), path) as picture:
        check_png(content, path)
        return _to_rgb(picture)


def turned_image(content: bytes, path: Path, *, size_hw: tuple[int, ...]) -> Image | None:
    """Decode an image and turn it by its EXIF orientation, if only that gives it a size.

    Args:
        content: The file's bytes.
        path: Its name, for messages only.
        size_hw: Height and width that it should have.

    Returns:
        Shape (H, W, 3), uint8, RGB; None where it does not get that size so.
    """
    with opened(io.BytesIO(content), path) as picture:
        if header_of(picture).orientation in TURNED and picture.size == size_hw:
            return _to_rgb(ImageOps.exif_transpose(picture))
    return None


def decode_raw_labels(content: bytes, path: Path) -> RawLabels:
    """Decode a label file to its raw values, without any look-up.

    Args:
        content: The file's bytes.
        path: Its name, for messages only.

    Returns:
        Raw values, shape (H, W), uint8: grey values as stored, or palette indices.

    Raises:
        DatasetError: Truncated, damaged, too large, more than 8 bits, or channels that differ.
    """
    with opened(io.BytesIO(content), path) as picture:
        check_png(content, path)
        header = header_of(picture)
        if header.bits > 8 or header.mode not in ("1", "L", "P", "LA", "PA", "RGB", "RGBA"):
            raise DatasetError(
                f"label map '{path}' is {header.mode} of {header.bits} bits, "
                "expected one channel of 8 bits with class ids"
            )
        if header.mode in ("RGB", "RGBA"):
            return RawLabels(_equal_channel(np.asarray(picture), path), header)
        if header.mode in ("LA", "PA"):
            return RawLabels(np.array(picture.getchannel(0)), header)
        values = np.array(picture, dtype=np.uint8)
    if header.mode == "L" and header.bits in (2, 4):
        values //= 255 // (2**header.bits - 1)  # Pillow scales small grey values to 0..255
    return RawLabels(values, header)


def label_map_from_raw(values: LabelMap, path: Path, taxonomy: Taxonomy) -> LabelMap:
    """Translate raw values to class ids.

    Args:
        values: Raw values, shape (H, W), uint8.
        path: Where they are from, for messages only.
        taxonomy: The look-up.

    Returns:
        Class ids, shape (H, W), uint8; ``values`` itself where each stands for itself.

    Raises:
        DatasetError: A raw value has no meaning; the message names file, value and place.
    """
    lookup = taxonomy.lookup_array
    same = lookup == np.arange(256)
    signed = values.view(np.int8)  # nearly all label maps hold -1 (255, ignore), 0, 1, 2 ... only
    if same[IGNORE] and signed.min() >= -1 and signed.max() < same.argmin():
        return values
    unknown = lookup == UNKNOWN
    spare = np.bincount(lookup[~unknown], minlength=256).argmin()  # an id that no value means
    ids = cv2.LUT(values, np.where(unknown, spare, lookup).astype(np.uint8))
    if unknown.any() and (ids == spare).any():
        raise _unknown_values(values, path, taxonomy)
    return np.asarray(ids, dtype=np.uint8)


def jpeg_bytes(image: Image, *, quality: int = 95) -> bytes:
    """Encode an image as baseline JPEG, 4:2:0; the same pixels give the same bytes.

    Args:
        image: Shape (H, W, 3), uint8, RGB.
        quality: 1..95.
    """
    buffer = io.BytesIO()
    PillowImage.fromarray(check_image(image)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def png_bytes(pixels: Image | LabelMap) -> bytes:
    """Encode an image or a label map as PNG, 8 bits; the same pixels give the same bytes.

    Args:
        pixels: Shape (H, W, 3) RGB, (H, W, 4) RGBA, or (H, W) class ids; uint8.
    """
    if pixels.ndim == 2:
        pixels = check_label_map(pixels)
    elif pixels.shape[2:] != (4,):
        pixels = check_image(pixels)
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _unknown_values(values: LabelMap, path: Path, taxonomy: Taxonomy) -> DatasetError:
    unknown = np.flatnonzero((value_counts(values) > 0) & (taxonomy.lookup_array == UNKNOWN))
    row, column = np.argwhere(values == unknown[0])[0]
    more = f" and {len(unknown) - 1} more values" if len(unknown) > 1 else ""
    return DatasetError(
        f"label map '{path}' holds the value {unknown[0]} (first at row {row}, column {column})"
        f"{more}, taxonomy '{taxonomy.name}' knows {taxonomy.raw_text()}; "
        "is --layout or --classes right?"
    )


def _to_rgb(picture: PillowImage.Image) -> Image:
    if picture.mode.startswith("I;16"):
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.array(picture.convert("RGB"))


def _equal_channel(pixels: Image, path: Path) -> LabelMap:
    channel = pixels[:, :, 0]
    if (pixels[:, :, 1] != channel).any() or (pixels[:, :, 2] != channel).any():
        raise DatasetError(
            f"label map '{path}' is an RGB picture, expected one channel with class ids; "
            "write ids instead of colours"
        )
    return channel.copy()
