"""A sample as the members of a shard."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.complexity import Definition
from mass13k_tools.pixel_files import TURNED, Header
from mass13k_tools.provenance import record_path
from mass13k_tools.shards.jpeg_region import JpegIndex

# Suffixes of members, in the order in which a sample has them
JPEG, PNG, LABEL, FACTS, SEEK, EDGES = "jpg", "png", "label.png", "json", "seek", "edges.png"
PROVENANCE, PROVENANCE_RECORD = "prov.png", "prov.json"

DEFINITION: Definition = "contour"  # of mIPQ


class Encoded(NamedTuple):
    """What is written of a sample, and what the manifest says of it."""

    key: str
    size_hw: tuple[int, int]
    seekable: bool
    mipq: float | None
    members: dict[str, bytes]
    """Suffix -> content, in the order in which they are written."""


class ProvenanceFiles(NamedTuple):
    """A provenance map and its record, read whole."""

    map: bytes
    record: bytes


class SourceFiles(NamedTuple):
    """The files of a sample, read whole."""

    image: bytes
    label: bytes
    image_name: Path
    label_name: Path
    """Names for messages, which do not say where the data set lies."""
    provenance: ProvenanceFiles | None = None
    """Where pseudo-labels were merged in."""

    @property
    def more_members(self) -> dict[str, bytes]:
        """What goes into the shard as it is, besides image and label map."""
        if self.provenance is None:
            return {}
        return dict(zip((PROVENANCE, PROVENANCE_RECORD), self.provenance, strict=True))


@dataclass(frozen=True, slots=True)
class SeekableImage:
    """An image file, and how to read a part of it."""

    content: bytes
    index: JpegIndex | None = None
    reason: str = ""
    """Why there is no index."""


class LabelFacts(NamedTuple):
    """What a decoded label map tells."""

    classes: dict[str, int]
    """Pixels of every class that is present, by name."""
    mipq: float | None


def read_sources(sample: Sample) -> SourceFiles:
    """Read the files of a sample.

    Raises:
        DatasetError: One of them cannot be read.
    """
    provenance = None
    if sample.provenance_path is not None:
        record = record_path(sample.provenance_path)
        provenance = ProvenanceFiles(read_bytes(sample.provenance_path), read_bytes(record))
    return SourceFiles(
        read_bytes(sample.image_path),
        read_bytes(sample.label_path),
        Path(sample.image_path.name),
        Path(sample.label_path.name),
        provenance,
    )


def image_suffix(header: Header) -> str:
    """Give the suffix of an image by what it is, whatever its file is called."""
    return PNG if header.format == "PNG" else JPEG


def is_turned(header: Header, label_hw: tuple[int, int], files: SourceFiles) -> bool:
    """Tell whether the image has its label map's size only after it is turned by its EXIF tag.

    Args:
        header: Of the image.
        label_hw: Size of the label map.
        files: Their names, for messages.

    Raises:
        DatasetError: The sizes differ in any other way.
    """
    if header.size_hw == label_hw:
        return False
    if header.orientation in TURNED and header.size_hw == label_hw[::-1]:
        return True
    raise DatasetError(
        f"label map '{files.label_name}' is {size_text(label_hw)} but its image is "
        f"{size_text(header.size_hw)}"
    )


def facts_bytes(
    sample: Sample,
    files: SourceFiles,
    *,
    size_hw: tuple[int, int],
    seekable: bool | str,
    facts: LabelFacts | None,
) -> bytes:
    """Write the member with the facts of a sample: one line of JSON, keys sorted.

    Args:
        sample: Its key and split.
        files: Its sources.
        size_hw: Size of image and label map.
        seekable: True, or why it is not.
        facts: Of the label map; None where it was not decoded.
    """
    source = {
        "image": _origin(files.image_name, files.image),
        "label": _origin(files.label_name, files.label),
    }
    table: dict[str, Any] = {
        "key": sample.key,
        "split": sample.split,
        "height": size_hw[0],
        "width": size_hw[1],
        "classes": facts and facts.classes,
        "mipq": facts and facts.mipq,
        "mipq_definition": DEFINITION,
        "seekable": seekable,
        "source": source,
    }
    if sample.group is not None:
        table["group"] = sample.group
    return json.dumps(table, sort_keys=True, allow_nan=False).encode() + b"\n"


def _origin(name: Path, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"name": str(name), "bytes": len(content), "sha256": digest}
