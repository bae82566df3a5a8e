"""Looks at one sample: both files, and whether they fit each other."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mass13k_tools.arrays import size_text
from mass13k_tools.checks.image_file import (
    Fingerprint,
    inspect_image,
    orientation_problems,
    shown_size,
)
from mass13k_tools.checks.label_file import inspect_label
from mass13k_tools.checks.problems import Problem
from mass13k_tools.checks.provenance_map import provenance_problems
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Sample
from mass13k_tools.layouts.table import IMAGE_ENDINGS, MASS13K_IMAGES
from mass13k_tools.pixel_files import Header, read_header


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything that one sample's files tell without the others'."""

    problems: tuple[Problem, ...]
    fingerprint: Fingerprint | None
    """None when it was not asked for or the image cannot be decoded."""


def inspect_sample(
    sample: Sample, *, taxonomy: Taxonomy, fingerprints: bool, merged: bool = False
) -> Inspection:
    """Read both files of a sample and list what is wrong.

    Args:
        sample: An image and its label map.
        taxonomy: Says which raw values may occur.
        fingerprints: Also compute what finds copies of the image.
        merged: The data set has provenance maps, so every sample must.
    """
    image = inspect_image(sample, fingerprints=fingerprints)
    label = inspect_label(sample, taxonomy)
    problems = [*image.problems, *label.problems]
    if image.header:
        label_size_hw = label.header.size_hw if label.header else None
        problems += orientation_problems(sample, image.header, label_size_hw)
        if label_size_hw:
            problems += _size_problems(sample, image.header, label_size_hw)
    if merged:
        problems += provenance_problems(sample, taxonomy)
    return Inspection(tuple(problems), image.fingerprint)


def _size_problems(
    sample: Sample, header: Header, label_size_hw: tuple[int, int]
) -> Iterator[Problem]:
    if label_size_hw != header.size_hw:
        yield Problem(
            kind="size-mismatch",
            split=sample.split,
            key=sample.key,
            path=sample.label_path,
            found=size_text(label_size_hw),
            expected=f"{size_text(header.size_hw)}, the size of its image",
            hint=_size_hint(sample, header, label_size_hw),
        )


def _size_hint(sample: Sample, header: Header, label_size_hw: tuple[int, int]) -> str:
    if shown_size(header) == label_size_hw:
        return (
            "the image's EXIF orientation turns it to this size: bake the rotation into its pixels"
        )
    other = _other_folder(sample.image_path, label_size_hw)
    if other:
        return f"folder '{other}' holds this image in the label map's size: --images {other}"
    if header.size_hw[::-1] == label_size_hw:
        return "one of the two was turned by 90 degrees: turn it back"
    return "export the label map again in the size of its image"


def _other_folder(image_path: Path, size_hw: tuple[int, int]) -> str | None:
    """Find an image folder beside this one, such as images_pad, whose image has the size."""
    for place, part in enumerate(image_path.parts):
        for name in MASS13K_IMAGES if part in MASS13K_IMAGES else ():
            parts = [*image_path.parts]
            parts[place] = name
            for ending in IMAGE_ENDINGS:
                with suppress(DatasetError):  # not there, or not readable: no way out
                    if read_header(Path(*parts).with_suffix(ending)).size_hw == size_hw:
                        return name
    return None
