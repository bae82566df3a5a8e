"""A file made from each label map, once: whatever is there and up to date is left alone.

Every file says inside what it was made from: the settings, and a hash of the label file and of the
look-up of its values. So a killed run goes on where it stopped, a changed label map is noticed
however old its file looks, and nobody needs a list beside the files.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from mass13k_tools.arrays import LabelMap
from mass13k_tools.boundaries.origins import Standing, standing
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels, label_map_from_raw
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.outputs import write_file

VERSION = 1  # raise it when the same settings give other files


@dataclass(frozen=True, slots=True)
class Target:
    """Where files go, and which classes the label maps have."""

    out: Path
    taxonomy: Taxonomy
    overwrite: bool = False

    def path(self, sample: Sample, suffix: str) -> Path:
        """Name the file of a sample: OUT/split/key and the suffix.

        Raises:
            DatasetError: The split or the key would lead out of the folder.
        """
        name = f"{sample.key}{suffix}"
        if sample.split in ("", ".", "..") or {"/", "\\"} & {*sample.split, *name}:
            raise DatasetError(f"split '{sample.split}' and key '{sample.key}' are no file name")
        return self.out / sample.split / name

    def paths(self, samples: Iterable[Sample], suffix: str) -> Iterator[Path]:
        """Name the files of all samples that can have one; the others fail later."""
        for sample in samples:
            with suppress(DatasetError):
                yield self.path(sample, suffix)


class Settings(Protocol):
    """What is made of a label map; its text says what the result depends on besides."""

    @property
    def suffix(self) -> str:
        """``.png`` or ``.npz``."""

    def encode(self, label_map: LabelMap, origin: str) -> bytes:
        """Make the file, with a text for ``png_with_origin`` or ``npz_with_origin``."""


class Written(NamedTuple):
    """A file that is there now."""

    path: Path
    bytes: int
    before: Standing
    """What was there before; ``known``: this file."""


class Found(NamedTuple):
    """A file that may be there already."""

    path: Path
    standing: Standing
    content: bytes
    """Of the label file."""
    origin: str
    """What the file is, or is going to be, made from."""


def find_derived(sample: Sample, *, settings: Settings, target: Target) -> Found:
    """Say what is there for a label map.

    Raises:
        DatasetError: The label file cannot be read, or the sample's name is no file name.
    """
    path = target.path(sample, settings.suffix)
    content = read_bytes(sample.label_path)
    digest = hashlib.sha256(content + target.taxonomy.lookup_array.tobytes()).hexdigest()
    origin = f"mass13k {VERSION}: {settings!r} of sha256 {digest}"
    return Found(path, standing(path, origin), content, origin)


def write_derived(sample: Sample, *, settings: Settings, target: Target) -> Written:
    """Write what a label map gives, unless a whole file made from the same is there.

    A damaged file that was made from the same is replaced. Label maps and images are safe only
    from those who ask :func:`~mass13k_tools.outputs.refuse_own_files` first.

    Args:
        sample: Whose label map.
        settings: What is wanted; their text goes into the file.
        target: Where to.

    Raises:
        DatasetError: The label map cannot be read, or another file is there and may not be
            overwritten.
    """
    found = find_derived(sample, settings=settings, target=target)
    if found.standing == "known":
        return Written(found.path, found.path.stat().st_size, "known")
    raw = decode_raw_labels(found.content, sample.label_path)
    label_map = label_map_from_raw(raw.values, sample.label_path, target.taxonomy)
    made = settings.encode(label_map, found.origin)
    write_file(found.path, made, overwrite=target.overwrite or found.standing == "damaged")
    return Written(found.path, len(made), found.standing)
