"""Decodes JPEG files, whole or a rectangle of them, by the fastest library."""

from pathlib import Path

import numpy as np
import simplejpeg

from mass13k_tools.arrays import Image, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_image
from mass13k_tools.pixel_files import MOST_PIXELS
from mass13k_tools.shards.boxes import Box
from mass13k_tools.shards.jpeg_huffman import NotSeekable
from mass13k_tools.shards.jpeg_region import (
    JpegIndex,
    SubJpeg,
    region_bytes,
    sub_jpeg,
)

COLOURS = ("Gray", "RGB", "YCbCr")  # what simplejpeg and Pillow make the same RGB of


def decode_jpeg(content: bytes, path: Path) -> Image:
    """Decode an image file like :func:`mass13k_tools.images.decode_image`, but faster.

    Args:
        content: The file's bytes.
        path: Its name, for messages only.

    Returns:
        Shape (H, W, 3), uint8, RGB, in stored orientation.

    Raises:
        DatasetError: As ``decode_image`` does.
    """
    try:
        return _decode(content)
    except ValueError:  # damaged, no JPEG, or other colours: Pillow reads it or says why not
        return decode_image(content, path)


def decode_region(content: bytes, index: JpegIndex, box: Box, *, path: Path) -> Image:
    """Decode a rectangle of a seekable JPEG and little else.

    Args:
        content: The file's bytes.
        index: Of the file.
        box: y, x, height, width in pixels, within the image.
        path: Its name, for messages only.

    Returns:
        The same pixels as this rectangle of the whole decoded image has, shape (height, width, 3),
        uint8, RGB.

    Raises:
        DatasetError: The box is not within the image, or the file is damaged.
    """
    view = memoryview(content)
    ranges = region_bytes(index, box)
    header, *parts = (view[start:stop] for start, stop in ranges)
    small = sub_jpeg(bytes(header), parts, index, box)
    return decode_part(small, box, path=path)


def check_regions(content: bytes, index: JpegIndex) -> None:
    """Make sure that the decoder takes parts of a JPEG file, whose pixels were followed already.

    It may refuse what others only warn of, and what is wrong with tables that codes do not show.

    Args:
        content: The file's bytes.
        index: Of the file.

    Raises:
        NotSeekable: It does not.
    """
    try:
        decode_region(content, index, (0, 0, 1, 1), path=Path())
    except DatasetError as error:
        raise NotSeekable(f"parts of it cannot be decoded: {error.__cause__ or error}") from error


def decode_part(part: SubJpeg, box: Box, *, path: Path) -> Image:
    """Decode a part of a JPEG file and crop it to the rectangle that it was made for.

    Args:
        part: From :func:`mass13k_tools.shards.jpeg_region.sub_jpeg`.
        box: y, x, height, width in pixels of the whole image.
        path: Name of the file, for messages only.

    Returns:
        Shape (height, width, 3), uint8, RGB.

    Raises:
        DatasetError: The part is damaged.
    """
    y, x, height, width = box
    top, left = y - part.origin[0], x - part.origin[1]
    try:
        crop = _decode(part.content)[top : top + height, left : left + width]
    except ValueError as error:
        raise DatasetError(f"'{path}' is damaged: {error}; was the shard verified?") from error
    if crop.shape[:2] != (height, width):
        raise DatasetError(f"'{path}' is not as large as its index says; is the shard damaged?")
    return crop


def _decode(content: bytes) -> Image:
    """Decode, or raise ValueError also at what libjpeg only warns of."""
    height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
    if colours not in COLOURS or height * width > MOST_PIXELS:
        raise ValueError(f"a {colours} JPEG of {size_text((height, width))}")
    return np.asarray(simplejpeg.decode_jpeg(content, "RGB"))
