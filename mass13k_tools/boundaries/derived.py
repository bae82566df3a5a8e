"""A file made from each label map, once: whatever is there and up to date is left alone.

Every file says inside what it was made from: the settings, and a hash of the label file and of the
look-up of its values. So a killed run goes on where it stopped, a changed label map is noticed
however old its file looks, and nobody needs a list beside the files.
"""

import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.lib.npyio import NpzFile

from mass13k_tools.arrays import Image, LabelMap
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels, label_map_from_raw, png_bytes
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.outputs import write_file

VERSION = 1  # raise it when the same settings give other files
# The last three: members that are encrypted, or compressed in a way of other programs
NPZ_DAMAGE = (
    *(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile),
    *(RuntimeError, zlib.error, lzma.LZMAError),
)
PNG_HEAD = 33  # signature and IHDR, the first chunk


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


class Settings(Protocol):
    """What is made of a label map; its text says what the result depends on besides."""

    @property
    def suffix(self) -> str:
        """``.png`` or ``.npz``."""

    def encode(self, label_map: LabelMap, origin: str) -> bytes:
        """Make the file, with a text for :func:`png_with_origin` or :func:`npz_with_origin`."""


class Written(NamedTuple):
    """A file that is there now."""

    path: Path
    bytes: int
    known: bool
    """It was there before."""


def write_derived(sample: Sample, *, settings: Settings, target: Target) -> Written:
    """Write what a label map gives, unless a file made from the same is there.

    Args:
        sample: Whose label map.
        settings: What is wanted; their text goes into the file.
        target: Where to.

    Raises:
        DatasetError: The label map cannot be read, or another file is there and may not be
            overwritten, or never may, being the label map or the image.
    """
    path = target.path(sample, settings.suffix)
    content = read_bytes(sample.label_path)
    digest = hashlib.sha256(content + target.taxonomy.lookup_array.tobytes()).hexdigest()
    origin = f"mass13k {VERSION}: {settings!r} of sha256 {digest}"
    if _origin(path, len(origin)) == origin:
        return Written(path, path.stat().st_size, known=True)
    own = (one for one in (sample.label_path, sample.image_path) if one.exists())
    if path.exists() and any(path.samefile(one) for one in own):
        raise DatasetError(f"'{path}' is a file of the data set itself; choose another folder")
    raw = decode_raw_labels(content, sample.label_path)
    label_map = label_map_from_raw(raw.values, sample.label_path, target.taxonomy)
    made = settings.encode(label_map, origin)
    write_file(path, made, overwrite=target.overwrite)
    return Written(path, len(made), known=False)


def png_with_origin(pixels: LabelMap | Image, origin: str) -> bytes:
    """Encode a picture as PNG with a comment."""
    png = png_bytes(pixels)
    return png[:PNG_HEAD] + _comment(origin) + png[PNG_HEAD:]


def npz_with_origin(origin: str, **arrays: Any) -> bytes:
    """Encode arrays as compressed NPZ; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, origin=np.array(origin), **arrays)
    return buffer.getvalue()


@contextmanager
def opened_npz(path: Path) -> Iterator[NpzFile]:
    """Open an NPZ for the length of a block, which may raise any of ``NPZ_DAMAGE``."""
    with path.open("rb") as file, NpzFile(file) as archive:
        yield archive


def _comment(origin: str) -> bytes:
    """Make a PNG chunk of text."""
    body = b"tEXt" + b"Comment\0" + origin.encode("latin-1")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _origin(path: Path, length: int) -> str:
    """Read what a file was made from; empty where there is no such file or text."""
    try:
        if path.suffix == ".npz":
            with opened_npz(path) as archive:
                return str(archive["origin"])
        with path.open("rb") as file:
            start = file.read(PNG_HEAD + len(_comment(" " * length)))[PNG_HEAD:]
        text = start[len("LLLLtEXtComment\0") : -4].decode("latin-1")
        return text if start == _comment(text) else ""
    except NPZ_DAMAGE:
        return ""
