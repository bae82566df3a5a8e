"""One file of masks for each sample: made, or there already.

A file begins with what it was made from, so that it is up to date only if photo, networks and
settings are the same; readers of masks pass over it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_sample
from mass13k_tools.inputs import check_ordinary, read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.outputs import write_file
from mass13k_tools.pseudo.generating.finding import Finder, find_masks
from mass13k_tools.pseudo.generating.views import Cutting
from mass13k_tools.pseudo.masks import ImageMasks
from mass13k_tools.pseudo.stored import masks_bytes, masks_path, read_masks

HEAD, END = b'{"made_by": ', b",\n"
MOST_BYTES = 2**16  # of the first line
Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Making:
    """How all masks are made."""

    out: Path
    finder: Finder
    cutting: Cutting
    source: str
    """Of the masks."""
    settings: Settings
    """All that changes them, but for the photo; what JSON can hold."""
    taxonomy: Taxonomy
    """Of the label maps, which say what size masks have."""
    overwrite: bool = False


class Made(NamedTuple):
    """What became of a photo."""

    known: bool
    """Its file was there and up to date."""
    masks: int


class Standing(NamedTuple):
    """Samples whose files are there."""

    same: int
    """Made with the same settings."""
    changed: tuple[str, ...]
    """What about the others: one line each."""


def standing(samples: Sequence[Sample], out: Path, settings: Settings) -> Standing:
    """Look at the first line of all files that are there."""
    paths = [masks_path(out, sample) for sample in samples]
    there = [(path, _difference(path, settings)) for path in paths if path.exists()]
    changed = tuple(f"'{path}' {text}" for path, text in there if text)
    return Standing(len(there) - len(changed), changed)


def make_masks(sample: Sample, *, making: Making) -> Made:
    """Find the masks of a sample's photo and write them, unless they are there.

    Raises:
        DatasetError: Photo or label map cannot be read, or others are there and may not be
            overwritten.
    """
    path = masks_path(making.out, sample)
    content = read_bytes(sample.image_path)
    made_by = {**making.settings, "photo": hashlib.sha256(content).hexdigest()[:32]}
    if path.exists():
        text = _difference(path, made_by)
        if text and not making.overwrite:
            raise DatasetError(f"'{path}' {text}; pass --overwrite to replace it")
        if not text and (found := _whole_masks(path)):
            return Made(True, len(found.masks))
    photo, _ = read_sample(sample, making.taxonomy)
    masks = find_masks(photo, making.finder, cutting=making.cutting, source=making.source)
    found = ImageMasks(sample.key, (photo.shape[0], photo.shape[1]), masks)
    head = HEAD + json.dumps(made_by).encode() + END
    write_file(path, head + masks_bytes(found).removeprefix(b"{"), overwrite=True)
    return Made(False, len(masks))


def _difference(path: Path, settings: Settings) -> str:
    """Say what differs from what a file was made with; empty where nothing does."""
    check_ordinary(path, kind="masks")
    with path.open("rb") as file:
        line = file.readline(MOST_BYTES)
    made_by = None
    if line.startswith(HEAD) and line.endswith(END):
        try:
            made_by = json.loads(line.removeprefix(HEAD).removesuffix(END))
        except (ValueError, RecursionError):
            made_by = None
    if not isinstance(made_by, dict):
        return "was not written by 'mass13k pseudo generate'"
    for name in settings:
        # as JSON has it: tuples are lists there
        now, then = json.dumps(settings[name]), json.dumps(made_by.get(name))
        if now != then:
            return f"was made with other settings: {name} {then}, now {now}"
    return ""


def _whole_masks(path: Path) -> ImageMasks | None:
    """Read masks; None where they are damaged and have to be made anew."""
    try:
        return read_masks(path)
    except DatasetError:
        return None
