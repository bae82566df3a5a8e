"""Compares two samples, each from shards or from a folder, pixel by pixel."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mass13k_tools.arrays import Image, LabelMap, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels, turned_image
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.pixel_files import decode_header
from mass13k_tools.shards.jpeg_decode import decode_jpeg
from mass13k_tools.shards.shard_sample import ShardSample, read_member, size_of

AnySample = Sample | ShardSample

# kind -> what it means
KINDS: dict[str, str] = {
    "only-in-a": "a sample that B does not have",
    "only-in-b": "a sample that A does not have",
    "image": "images that differ in size or pixels",
    "label": "label maps that differ in size or values, as their files hold them",
    "unreadable": "a picture of A or B that cannot be decoded",
    "taxonomy": "label values that mean other classes",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two data sets differ."""

    kind: str
    """Row of ``KINDS``."""
    split: str
    key: str
    found: str

    def text(self) -> str:
        """Write it as one line."""
        place = f" {self.split}/{self.key}" if self.key else ""
        return f"{self.kind}{place}: {self.found}"


class Pair(NamedTuple):
    """The same sample of two data sets."""

    a: AnySample
    b: AnySample


def compare_pair(pair: Pair) -> list[Difference]:
    """Compare images and label maps of a sample; equal files need no decoding.

    Args:
        pair: The same sample of two data sets.
    """
    differences = []
    for kind, read, decode in (
        ("image", _image_bytes, _image),
        ("label", _label_bytes, _labels),
    ):
        try:
            contents = [read(sample) for sample in pair]
            found = "" if contents[0] == contents[1] else None
            if found is None:
                a, b = (decode(*both) for both in zip(pair, contents, strict=True))
                found = first_difference(a, b)
        except DatasetError as error:
            kind, found = "unreadable", str(error)
        if found:
            differences.append(Difference(kind, pair.a.split, pair.a.key, found))
    return differences


def first_difference(a: Image | LabelMap, b: Image | LabelMap) -> str:
    """Say in how many pixels two pictures differ, and where first; nothing where they are equal.

    Args:
        a: Shape (H, W) or (H, W, 3).
        b: Of as many dimensions.

    Example:
        >>> first_difference(np.zeros((2, 3), np.uint8), np.eye(2, 3, 2, dtype=np.uint8))
        '1 of 6 pixels, first at row 0, column 2: 0 and 1'
    """
    if a.shape != b.shape:
        return f"{size_text(a.shape)} and {size_text(b.shape)} pixels"
    differs = (a != b).any(axis=2) if a.ndim == 3 else a != b
    count = int(np.count_nonzero(differs))
    if not count:
        return ""
    row, column = np.unravel_index(int(differs.argmax()), differs.shape)
    values = f"{a[row, column].tolist()} and {b[row, column].tolist()}"
    return f"{count} of {differs.size} pixels, first at row {row}, column {column}: {values}"


def _image_bytes(sample: AnySample) -> bytes:
    if isinstance(sample, ShardSample):
        return read_member(sample, sample.image_ending)
    return read_bytes(sample.image_path)


def _label_bytes(sample: AnySample) -> bytes:
    if isinstance(sample, ShardSample):
        return read_member(sample, sample.label_ending)
    return read_bytes(sample.label_path)


def _image(sample: AnySample, content: bytes) -> Image:
    """Decode an image, turned where only that gives it its label map's size."""
    if isinstance(sample, ShardSample):
        name, size_hw = sample.name(sample.image_ending), size_of(sample)
    else:
        name = sample.image_path
        size_hw = decode_header(_label_bytes(sample), sample.label_path).size_hw
    image = decode_jpeg(content, name)
    if image.shape[:2] != size_hw:
        turned = turned_image(content, name, size_hw=size_hw)
        return image if turned is None else turned
    return image


def _labels(sample: AnySample, content: bytes) -> LabelMap:
    name: Path = (
        sample.name(sample.label_ending) if isinstance(sample, ShardSample) else sample.label_path
    )
    return decode_raw_labels(content, name).values
