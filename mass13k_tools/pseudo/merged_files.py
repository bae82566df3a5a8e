"""The files of a merged sample: where they go, whether they are there, and how they are written.

========================================  ==================================================
``OUT/images/SPLIT/KEY.jpg`` or ``.png``  a link to the photo, or a copy of it
``OUT/annotations/SPLIT/KEY.png``         the label map, with class ids
``OUT/provenance/SPLIT/KEY.png``          which source wrote each pixel
``OUT/provenance/SPLIT/KEY.json``         its record, written last: what has one is finished
========================================  ==================================================
"""

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from mass13k_tools.arrays import LabelMap
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import RawLabels, decode_raw_labels, label_map_from_raw, png_bytes
from mass13k_tools.inputs import check_ordinary, read_bytes
from mass13k_tools.layouts import PROVENANCE, Sample
from mass13k_tools.outputs import write_file, write_files
from mass13k_tools.provenance import Record, read_record, record_path

Photos = Literal["symlink", "hardlink", "copy"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where merged samples go, and how."""

    out: Path
    photos: Photos = "symlink"
    overwrite: bool = False
    dry_run: bool = False
    """Nothing is written at all."""


@dataclass(frozen=True, slots=True)
class MergedPaths:
    """The files of one sample."""

    image: Path
    label: Path
    provenance: Path

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file, the record too."""
        return self.image, self.label, self.provenance, record_path(self.provenance)


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A label map and the file that it is from."""

    content: bytes
    raw: RawLabels
    label_map: LabelMap

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def as_png(self, label_map: LabelMap) -> bytes:
        """Encode a label map; where nothing changed, the file stays byte for byte."""
        plain = self.raw.header.mode == "L" and self.raw.header.bits == 8
        if plain and np.array_equal(label_map, self.raw.values):
            return self.content
        return png_bytes(label_map)


def read_label_file(sample: Sample, taxonomy: Taxonomy) -> LabelFile:
    """Read a label file, with its bytes.

    Raises:
        DatasetError: It cannot be read, or holds values that the taxonomy does not know.
    """
    content = read_bytes(sample.label_path)
    raw = decode_raw_labels(content, sample.label_path)
    return LabelFile(content, raw, label_map_from_raw(raw.values, sample.label_path, taxonomy))


def merged_paths(sample: Sample, out: Path) -> MergedPaths:
    """Name the files of a sample.

    Raises:
        DatasetError: The split or the key would lead out of the folder.
    """
    if sample.split in ("", ".", "..") or {"/", "\\"} & {*sample.split, *sample.key}:
        raise DatasetError(f"split '{sample.split}' and key '{sample.key}' are no file name")
    name = f"{sample.key}.png"
    return MergedPaths(
        out / "images" / sample.split / f"{sample.key}{sample.image_path.suffix}",
        out / "annotations" / sample.split / name,
        out / PROVENANCE / sample.split / name,
    )


def all_paths(samples: Sequence[Sample], out: Path) -> Iterator[Path]:
    """Name the files of all samples that can have some; the others fail later."""
    for sample in samples:
        with suppress(DatasetError):
            yield from merged_paths(sample, out).all


def finished(paths: MergedPaths, made_from: str) -> tuple[Record | None, bool]:
    """Say what is there of a sample that was made from the same.

    Returns:
        Its record if the files are whole; else None, and whether there is a damaged one.
    """
    try:
        record = read_record(paths.provenance)
        if record.made_from != made_from:
            return None, False
    except DatasetError:
        return None, False
    try:
        whole = record.sha256 == digests(read_bytes(paths.label), read_bytes(paths.provenance))
    except DatasetError:
        whole = False
    return (record if whole else None), not whole


def digests(label: bytes, provenance: bytes) -> dict[str, str]:
    """Give the SHA-256 of both files, as a record has them."""
    contents = {"label": label, "provenance": provenance}
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def write_merged(
    paths: MergedPaths, label: bytes, provenance: bytes, record: Record, *, overwrite: bool
) -> None:
    """Write label map, provenance map and then the record, which says that they are whole.

    Raises:
        DatasetError: Other files are there and may not be overwritten.
    """
    finished_record = replace(record, sha256=digests(label, provenance))
    contents = {
        paths.label: label,
        paths.provenance: provenance,
        record_path(paths.provenance): finished_record.content(),
    }
    write_files(contents, overwrite=overwrite)


def place_photo(photo: Path, path: Path, target: Target) -> None:
    """Link or copy a photo; links lead to the file itself, not to another link.

    Raises:
        DatasetError: It is missing, another file is there, or it cannot be linked.
    """
    check_ordinary(photo)
    photo = photo.resolve()
    copy, same = target.photos == "copy", _is_same(path, photo)
    linked = path.is_symlink() or same
    if same and not copy:
        return
    if copy and not linked:
        write_file(path, read_bytes(photo), overwrite=target.overwrite)
        return
    if (linked or path.exists()) and not target.overwrite:
        raise DatasetError(
            f"'{path}' is there already and is not --photos {target.photos} of '{photo}'; pass "
            "--overwrite to replace it"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _renamed_to(path) as partial:
            if copy:
                partial.write_bytes(read_bytes(photo))
            elif target.photos == "hardlink":
                partial.hardlink_to(photo)
            else:
                partial.symlink_to(os.path.relpath(photo, path.parent.resolve()))
    except OSError as error:
        raise DatasetError(
            f"cannot make '{path}' of '{photo}': {error.strerror}; pass --photos copy"
        ) from error


@contextmanager
def _renamed_to(path: Path) -> Iterator[Path]:
    """Name a file that takes the place of another once the block is through."""
    partial = path.parent / f".{secrets.token_hex(4)}.part"
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _is_same(path: Path, photo: Path) -> bool:
    try:
        return path.samefile(photo)
    except OSError:
        return False
