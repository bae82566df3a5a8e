"""``index.json``: all the shards of a data set, and what its label maps mean."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mass13k_tools.classes import SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.encoded import DEFINITION
from mass13k_tools.shards.manifest import ShardManifest, field, manifest_bytes, natural, parse_table
from mass13k_tools.shards.places import Place

FORMAT = "mass13k-shards/1"
INDEX = "index.json"


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """A shard of the index."""

    file: str
    samples: int
    bytes: int
    sha256: str
    manifest_sha256: str
    seekable: int


@dataclass(frozen=True)
class ShardIndex:
    """The shards of a data set."""

    name: str
    taxonomy: Taxonomy
    settings: Mapping[str, Any]
    splits: Mapping[str, tuple[ShardEntry, ...]]
    quarantine_sha256: str | None = None
    """Of the list of samples that were left out, None where none was."""


def index_bytes(
    name: str,
    taxonomy: Taxonomy,
    *,
    settings: Mapping[str, Any],
    splits: Mapping[str, Sequence[ShardManifest]],
    quarantine_sha256: str | None = None,
) -> bytes:
    """Write the index, with a digest of itself so that damage shows.

    Args:
        name: Of the data set.
        taxonomy: Of its label maps.
        settings: How the shards were written.
        splits: The shards of every split that have samples.
        quarantine_sha256: Of the list of samples that were left out.
    """
    table = {
        "format": FORMAT,
        "name": name,
        "taxonomy": _taxonomy_table(taxonomy),
        "settings": dict(settings),
        "quarantine_sha256": quarantine_sha256,
        "splits": {split: _split_table(shards) for split, shards in splits.items()},
    }
    table["sha256"] = index_digest(table)
    return json.dumps(table, indent=1, allow_nan=False).encode() + b"\n"


def index_digest(table: Mapping[str, Any]) -> str:
    """Give the SHA-256 of all that an index says but this digest."""
    said = {name: value for name, value in table.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_index(folder: Place) -> ShardIndex:
    """Read the index of a folder of shards.

    Raises:
        DatasetError: There is none, or it is damaged.
    """
    place = folder.child(INDEX)
    table = parse_table(place.read(), FORMAT, place.address)
    try:
        splits = {
            split: tuple(_entry(row) for row in field(entry, "shards", list))
            for split, entry in field(table, "splits", dict).items()
        }
        return ShardIndex(
            field(table, "name", str),
            _taxonomy(field(table, "taxonomy", dict)),
            field(table, "settings", dict),
            splits,
            table.get("quarantine_sha256"),
        )
    except DatasetError as error:
        raise DatasetError(f"'{place.address}' is damaged: {error}") from error


def _split_table(shards: Sequence[ShardManifest]) -> dict[str, Any]:
    values = np.array(
        [sample.mipq for shard in shards for sample in shard.samples if sample.mipq is not None]
    )
    return {
        "samples": sum(len(shard.samples) for shard in shards),
        "bytes": sum(shard.bytes for shard in shards),
        "seekable": sum(shard.seekable for shard in shards),
        "mipq": {
            "mean": float(values.mean()) if values.size else None,
            "std": float(values.std()) if values.size else None,
            "definition": DEFINITION,
        },
        "shards": [
            {
                "file": shard.file,
                "samples": len(shard.samples),
                "bytes": shard.bytes,
                "sha256": shard.sha256,
                "manifest_sha256": hashlib.sha256(manifest_bytes(shard)).hexdigest(),
                "seekable": shard.seekable,
            }
            for shard in shards
        ],
    }


def _entry(row: Any) -> ShardEntry:
    file = field(row, "file", str)
    if {"/", "\\"} & set(file) or not file.isprintable() or not file.endswith(".tar"):
        raise DatasetError(f"shard {file!r:.80} is no name of a tar in this folder")
    numbers = (natural(row, "samples"), natural(row, "bytes"))
    digests = (field(row, "sha256", str), field(row, "manifest_sha256", str))
    return ShardEntry(file, *numbers, *digests, natural(row, "seekable"))


def _taxonomy_table(taxonomy: Taxonomy) -> dict[str, Any]:
    return {
        "name": taxonomy.name,
        "classes": [asdict(row) for row in taxonomy.classes],
        "lookup": list(taxonomy.lookup),
    }


def _taxonomy(table: dict[str, Any]) -> Taxonomy:
    lookup = field(table, "lookup", list)
    if any(type(entry) is not int for entry in lookup):
        raise DatasetError("its 'lookup' holds something else than whole numbers")
    classes = tuple(_class(row) for row in field(table, "classes", list))
    return Taxonomy(_text(table, "name"), classes, tuple(lookup))


def _class(row: Any) -> SemanticClass:
    colour = tuple(field(row, "colour", list))
    aliases = tuple(field(row, "aliases", list))
    quality = field(row, "quality", str)
    if quality not in ("precise", "pseudo") or len(colour) != 3:
        raise DatasetError(f"class {row!r:.60} has another colour or quality than classes have")
    if any(type(value) is not int or not 0 <= value <= 255 for value in colour):
        raise DatasetError(f"colour {colour} is not three numbers of 0..255")
    if any(type(alias) is not str or not _is_text(alias) for alias in aliases):
        raise DatasetError(f"aliases {aliases!r:.60} are no names")
    return SemanticClass(
        natural(row, "id"),
        _text(row, "name"),
        aliases,
        (colour[0], colour[1], colour[2]),
        "precise" if quality == "precise" else "pseudo",
    )


def _text(table: Any, name: str) -> str:
    """Take a text that a file can hold; JSON may have halves of characters."""
    text = field(table, name, str)
    if not _is_text(text):
        raise DatasetError(f"'{name}' is {text!r:.60}, expected characters")
    return text


def _is_text(text: str) -> bool:
    return text == text.encode(errors="ignore").decode()
