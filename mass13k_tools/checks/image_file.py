"""Looks at one image file: can it be decoded, is it 8-bit RGB, is it upright?"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image
from mass13k_tools.checks.problems import Problem, reason
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_image
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.duplicates import Thumbnail, perceptual_hash, thumbnail
from mass13k_tools.pixel_files import TURNED, Header, decode_header

# EXIF orientation -> what a viewer does before it shows the image
ORIENTATIONS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "flipped upside down",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees clockwise",
    7: "mirrored and turned by 270 degrees",
    8: "turned by 90 degrees anticlockwise",
}
WAYS_OUT = {
    "only the stored": "strip the tag, or some programs turn the image away from its label map",
    "only the turned": "bake the rotation into the pixels, which also removes the tag",
    "the stored and the turned": "look whether the label map fits the image as stored (strip the "
    "tag) or as shown (bake the rotation into the pixels)",
    "neither the stored nor the turned": "make the sizes equal, then strip the tag or bake the "
    "rotation into the pixels",
}


# What a file of this ending holds; MPO is JPEG with more pictures behind it, as some phones write
FORMATS_BY_ENDING = {".jpg": ("JPEG", "MPO"), ".jpeg": ("JPEG", "MPO"), ".png": ("PNG",)}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of an image to find its copies; small, as it travels between processes."""

    sha256: bytes
    hash: NDArray[np.uint64]
    small: Thumbnail


@dataclass(frozen=True, slots=True)
class ImageReport:
    """What one image file is like."""

    header: Header | None
    """None when it cannot be read."""
    fingerprint: Fingerprint | None
    problems: tuple[Problem, ...]


def inspect_image(sample: Sample, *, fingerprints: bool) -> ImageReport:
    """Read an image file once and list what is wrong with it.

    Args:
        sample: Its label map is not opened.
        fingerprints: Also compute what finds copies of it.
    """
    path = sample.image_path
    fault = partial(Problem, split=sample.split, key=sample.key, path=path)
    try:
        content = read_bytes(path)
        image = decode_image(content, path)
        header = decode_header(content, path)
    except DatasetError as error:
        found, hint = reason(error, path), "replace the file, or take the sample away"
        unreadable = fault(
            kind="unreadable-image", found=found, expected="a whole JPEG or PNG", hint=hint
        )
        return ImageReport(None, None, (unreadable,))
    problems: tuple[Problem, ...] = ()
    if header.format not in FORMATS_BY_ENDING[path.suffix.lower()]:
        found, hint = f"{header.format} data", "rename it, or other programs may not open it"
        problems += (
            fault(kind="wrong-ending", found=found, expected=f"what {path.suffix} says", hint=hint),
        )
    if header.mode != "RGB" or header.bits != 8:
        found = f"{header.format}, {header.mode} of {header.bits} bits"
        hint = "save it as RGB, or other programs may read other pixels from it"
        problems += (fault(kind="image-mode", found=found, expected="RGB of 8 bits", hint=hint),)
    return ImageReport(header, _fingerprint(content, image) if fingerprints else None, problems)


def orientation_problems(
    sample: Sample, header: Header, label_size_hw: tuple[int, int] | None
) -> Iterator[Problem]:
    """Report an EXIF orientation and say which way the label map fits.

    Args:
        sample: Whose image it is.
        header: Of the image.
        label_size_hw: Size of the label map, None when it is unknown.
    """
    if header.orientation == 1:
        return
    fits = (label_size_hw == header.size_hw, label_size_hw == shown_size(header))
    which = {
        (True, False): "only the stored",
        (False, True): "only the turned",
        (True, True): "the stored and the turned",
        (False, False): "neither the stored nor the turned",
    }[fits]
    yield Problem(
        kind="exif-orientation",
        split=sample.split,
        key=sample.key,
        path=sample.image_path,
        found=f"EXIF orientation {header.orientation} ({ORIENTATIONS[header.orientation]}), "
        f"{which} size fits the label map",
        expected="no orientation tag, or 1",
        hint=WAYS_OUT[which],
    )


def shown_size(header: Header) -> tuple[int, int]:
    """Give the size that a viewer shows an image in, (H, W), after the EXIF orientation."""
    height, width = header.size_hw
    return (width, height) if header.orientation in TURNED else (height, width)


def _fingerprint(content: bytes, image: Image) -> Fingerprint:
    small = thumbnail(image)
    return Fingerprint(hashlib.sha256(content).digest(), perceptual_hash(small), small)
