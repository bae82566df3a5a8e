"""Opens pixel files and no others, with every way in which a file can be bad as one clear line."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngImageFile

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import check_ordinary

FORMATS = ("JPEG", "PNG")  # no other of Pillow's readers ever sees a user's file
MOST_PIXELS = 2 * (PillowImage.MAX_IMAGE_PIXELS or 0)  # from here on Pillow refuses to decode
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
# What Pillow raises for damaged files, by codec
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


class Header(NamedTuple):
    """What a pixel file says of itself before any pixel is decoded."""

    size_hw: tuple[int, int]
    format: str  # JPEG, PNG …
    mode: str  # Pillow's: L, P, RGB, RGBA, CMYK, I;16 …
    bits: int  # per channel
    orientation: int  # EXIF, 1 = upright, 5..8 swap height and width


def read_header(path: Path) -> Header:
    """Read size, format and EXIF orientation of a pixel file without decoding it.

    Raises:
        DatasetError: The file is missing, unreadable, no image, or too large to decode.
    """
    check_ordinary(path)
    with opened(path, path) as picture:
        return header_of(picture)


def decode_header(content: bytes, path: Path) -> Header:
    """Like :func:`read_header`, from bytes that were read already."""
    with opened(io.BytesIO(content), path) as picture:
        return header_of(picture)


@contextmanager
def opened(source: Path | io.BytesIO, path: Path) -> Iterator[PillowImage.Image]:
    """Open a pixel file with Pillow for the length of a block, which may decode it.

    Args:
        source: The file, or its bytes.
        path: Its name, for messages only.

    Raises:
        DatasetError: No JPEG or PNG, damaged, or too large, also when it shows within the block.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns at half its limit, and of odd metadata
            with PillowImage.open(source, formats=FORMATS) as picture:
                yield picture
    except DatasetError:
        raise
    except FileNotFoundError as error:
        raise DatasetError(f"cannot read '{path}': no such file") from error
    except UnidentifiedImageError as error:
        raise DatasetError(f"'{path}' holds no JPEG or PNG that can be read") from error
    except PillowImage.DecompressionBombError as error:
        raise DatasetError(
            f"'{path}' is too large to decode: over {MOST_PIXELS:,} pixels"
        ) from error
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno:  # of the system, not of Pillow
            raise DatasetError(f"cannot read '{path}': {error.strerror}") from error
        raise DatasetError(f"'{path}' is damaged or cut short: {error}") from error


def header_of(picture: PillowImage.Image) -> Header:
    """Read the header of an opened picture, before any pixel is decoded."""
    bits = _bits(picture)  # before getexif(), which may forget what Pillow decodes from
    orientation = 1
    if picture.format != "PNG" or "exif" in picture.info:  # else getexif() decodes the whole PNG
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return Header(
        size_hw=(picture.height, picture.width),
        # MPO: a JPEG with more pictures behind it, as phones write; the first is the image
        format="JPEG" if picture.format == "MPO" else picture.format or "unknown",
        mode=picture.mode,
        bits=bits,
        orientation=orientation if orientation in range(1, 9) else 1,
    )


def _bits(picture: PillowImage.Image) -> int:
    """Bits per channel of the file; Pillow's mode hides those of PNG, as in 'L;4' or 'RGB;16B'."""
    if isinstance(picture, PngImageFile) and picture.tile:
        raw_mode = str(picture.tile[0].args)
        depth = "".join(filter(str.isdecimal, raw_mode.partition(";")[2]))
        return int(depth or ("1" if raw_mode == "1" else "8"))
    return 8
