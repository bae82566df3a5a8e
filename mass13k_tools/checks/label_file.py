"""Looks at one label file: can it be decoded, how is it stored, which values does it hold?"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mass13k_tools.arrays import IGNORE, Image, LabelMap, value_counts
from mass13k_tools.checks.problems import Problem, reason
from mass13k_tools.classes import UNKNOWN, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_image, decode_raw_labels
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.pixel_files import Header, decode_header

LOSSY = ("JPEG", "MPO")  # Pillow's names of formats
ONE_CHANNEL = ("1", "L", "P", "LA", "PA")  # Pillow's modes that hold values, not colours
COLOURS = ("RGB", "RGBA")
SHOWN_VALUES = 8
EXPECTED = "PNG of one channel, 8 bits, with class ids"


@dataclass(frozen=True, slots=True)
class LabelReport:
    """What one label file is like."""

    header: Header | None
    """None when it cannot be read."""
    problems: tuple[Problem, ...]


def inspect_label(sample: Sample, taxonomy: Taxonomy) -> LabelReport:
    """Read a label file once and list what is wrong with it.

    Args:
        sample: Its image is not opened.
        taxonomy: Says which raw values and colours may occur.
    """
    path = sample.label_path
    fault = partial(Problem, split=sample.split, key=sample.key, path=path)
    try:
        content = read_bytes(path)
        header = decode_header(content, path)
        if header.bits > 8:
            raise DatasetError(f"{header.mode} of {header.bits} bits")
        values, colours = _decode(content, path, header)
    except DatasetError as error:
        found, hint = reason(error, path), "export the label map again"
        unreadable = fault(kind="unreadable-label", found=found, expected=EXPECTED, hint=hint)
        return LabelReport(None, (unreadable,))
    rows = list(_storage(header, colours, taxonomy))
    if values is not None and header.format not in LOSSY:
        rows += _values(values, taxonomy)
    return LabelReport(
        header,
        tuple(
            fault(kind=kind, found=found, expected=expected, hint=hint)
            for kind, found, expected, hint in rows
        ),
    )


def _decode(content: bytes, path: Path, header: Header) -> tuple[LabelMap | None, Image | None]:
    """Give the raw values, or the colours where there is no one value per pixel."""
    if header.mode in ONE_CHANNEL:
        return decode_raw_labels(content, path).values, None
    pixels = decode_image(content, path)
    first = pixels[:, :, :1]
    if header.mode in COLOURS and (pixels == first).all():
        return np.ascontiguousarray(first[:, :, 0]), None
    return None, pixels


def _storage(
    header: Header, colours: Image | None, taxonomy: Taxonomy
) -> Iterator[tuple[str, str, str, str]]:
    """Yield kind, found, expected and hint for every way in which the file is stored wrong."""
    if header.format in LOSSY:
        hint = "values at class borders are lost: export again from the source, as PNG"
        yield "lossy-label", f"{header.format} data", EXPECTED, hint
    if header.mode in COLOURS:
        found, hint = _colour_text(colours, taxonomy)
        yield "rgb-mask", found, EXPECTED, hint
    elif header.mode == "P":
        found = "a palette; its indices are read as ids here, other programs read the colours"
        yield "palette-mask", found, EXPECTED, "save the indices as a grey PNG"
    elif header.mode != "L" or header.bits != 8:
        found = f"mode {header.mode} of {header.bits} bits"
        hint = "save the ids as a grey PNG of 8 bits; programs differ in how they read this one"
        yield "other-mode-label", found, EXPECTED, hint


def _colour_text(colours: Image | None, taxonomy: Taxonomy) -> tuple[str, str]:
    """Say what the colours of a label map are, and what to do about them."""
    if colours is None:
        return "RGB with three equal channels", "keep one of the channels"
    known = np.zeros(2**24, dtype=bool)
    for row in taxonomy.classes:
        known[int.from_bytes(row.colour)] = True
    red, green, blue = np.moveaxis(colours.astype(np.uint32), 2, 0)
    packed = red << 16 | green << 8 | blue
    fits = known[packed]
    if fits.all():
        found = f"RGB, all colours are class colours of taxonomy '{taxonomy.name}'"
        return found, "replace every colour by its class id"
    first = int(packed.ravel()[np.argmin(fits)])
    found = (
        f"RGB, {np.count_nonzero(~fits)} of {fits.size} px have no class colour of taxonomy "
        f"'{taxonomy.name}', such as {first >> 16},{first >> 8 & 255},{first & 255}"
    )
    return found, "find the table of its colours and replace every colour by its class id"


def _values(values: LabelMap, taxonomy: Taxonomy) -> Iterator[tuple[str, str, str, str]]:
    counts = value_counts(values)
    present = np.flatnonzero(counts)
    ids = taxonomy.lookup_array[present]
    unknown = present[ids == UNKNOWN]
    if unknown.size:
        found = ", ".join(f"{raw} ({counts[raw]} px)" for raw in unknown[:SHOWN_VALUES])
        more = unknown.size - SHOWN_VALUES
        yield (
            "unknown-id",
            f"values {found}" + (f" and {more} more values" if more > 0 else ""),
            f"{taxonomy.raw_text()} (taxonomy '{taxonomy.name}')",
            "correct the values, or choose other classes with --layout or --classes",
        )
    elif (ids == IGNORE).all():
        hint = "label it or take the sample away; nothing can be learnt from it"
        yield "empty-label", "every pixel is ignored", "at least one pixel of a class", hint
