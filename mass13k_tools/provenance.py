"""Which source wrote each pixel of a merged label map: the map, and the record beside it.

``ROOT/provenance/SPLIT/KEY.png`` has the size of the label map: 0 where the pixel is original, and
the number of a source where it was changed. ``KEY.json`` beside it lists the sources: which class
each wrote, where its masks were from, and what its pixels were before. So map and record together
tell the label map as it was.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from mass13k_tools.arrays import IGNORE, LabelMap, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Sample
from mass13k_tools.printing import json_bytes

FORMAT = "mass13k/provenance/1"
MOST_SOURCES = 255  # what a map of 8 bits can hold besides 0


@dataclass(frozen=True, slots=True)
class Source:
    """What wrote some pixels of a label map."""

    number: int
    """In the map, 1..255."""
    name: str
    """Of the class that it wrote."""
    class_id: int
    source: str
    """Where its masks were from, as they say themselves."""
    was: int
    """The class of its pixels before, 255 = ignore."""
    pixels: int = 0
    """That have the class now."""
    ignored: int = 0
    """That became 255 instead, in conflicts and around edges."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a merged label map."""

    key: str
    split: str
    size_hw: tuple[int, int]
    sources: tuple[Source, ...]
    merges: tuple[dict[str, Any], ...] = ()
    """Of each merge settings, masks, counts and what was dropped, in the order they were made."""
    made_from: str = ""
    """SHA-256 of all that the files depend on, so that a run knows what it need not make again."""
    sha256: Mapping[str, str] | None = None
    """Of label map and provenance map, as the merge wrote them."""

    def content(self) -> bytes:
        """Write it as JSON."""
        return json_bytes({"format": FORMAT, **asdict(self)})


def record_path(provenance_path: Path) -> Path:
    """Name the record of a provenance map."""
    return provenance_path.parent / f"{provenance_path.stem}.json"


def read_record(provenance_path: Path) -> Record:
    """Read the record of a provenance map; see :func:`decode_record`."""
    path = record_path(provenance_path)
    return decode_record(read_bytes(path, kind="provenance record"), path)


def decode_record(content: bytes, path: Path) -> Record:
    """Decode a record.

    Args:
        content: JSON, as :meth:`Record.content` writes it.
        path: Its name, for messages only.

    Raises:
        DatasetError: It is none.
    """
    try:
        table = json.loads(content)
        if not isinstance(table, dict) or table.pop("format", None) != FORMAT:
            raise DatasetError(f"expected a JSON object with format '{FORMAT}'")
        known = {each.name for each in fields(Record)}
        kept = {name: value for name, value in table.items() if name in known}
        height, width = kept.pop("size_hw")
        sources = tuple(_source(row) for row in kept.pop("sources"))
        merges = tuple(dict(row) for row in kept.pop("merges", ()))
        record = Record(**kept, size_hw=(height, width), sources=sources, merges=merges)
        _check_record(record)
    except (ValueError, TypeError, KeyError, RecursionError) as error:  # DatasetError is a first
        raise DatasetError(f"provenance record '{path}' cannot be read: {error}") from error
    return record


def _source(row: Any) -> Source:
    source = Source(**row)
    numbers = asdict(source)
    name, text = numbers.pop("name"), numbers.pop("source")
    if not all(type(value) is int and value >= 0 for value in numbers.values()):
        raise DatasetError(f"source {row!r:.80} has numbers that are none")
    if not 1 <= source.number <= MOST_SOURCES or max(source.class_id, source.was) > IGNORE:
        raise DatasetError(f"source {row!r:.80} has a number outside 0..255")
    if not isinstance(name, str) or not isinstance(text, str):
        raise DatasetError(f"source {row!r:.80} has names that are no text")
    return source


def _check_record(record: Record) -> None:
    if not all(type(side) is int and side >= 1 for side in record.size_hw):
        raise DatasetError(f"size_hw is {record.size_hw!r:.40}, expected two whole numbers")
    numbers = [source.number for source in record.sources]
    if len({*numbers}) < len(numbers):
        raise DatasetError("two sources have one number")
    if not all(isinstance(text, str) for text in (record.key, record.split, record.made_from)):
        raise DatasetError("key, split or made_from is no text")


def read_provenance(sample: Sample) -> tuple[LabelMap, Record]:
    """Read the provenance map of a sample, shape (H, W), uint8, and its record.

    Raises:
        DatasetError: It has none, or one of the two cannot be read, or they differ in size.
    """
    path = sample.provenance_path
    if path is None:
        raise DatasetError(
            f"no provenance map of '{sample.key}' ({sample.split}): it is no sample that "
            "'mass13k pseudo merge' wrote"
        )
    provenance = decode_raw_labels(read_bytes(path), path).values
    record = read_record(path)
    if provenance.shape != record.size_hw:
        raise DatasetError(
            f"provenance map '{path}' is {size_text(provenance.shape)} but its record says "
            f"{size_text(record.size_hw)}"
        )
    return provenance, record


def counted(sources: tuple[Source, ...], provenance: LabelMap, label_map: LabelMap) -> list[Source]:
    """Count the pixels of each source.

    Args:
        sources: Whose pixels.
        provenance: Shape (H, W), uint8.
        label_map: Of the same size.
    """
    at = np.flatnonzero(provenance)
    numbers, values = provenance.ravel()[at], label_map.ravel()[at]
    every = np.bincount(numbers, minlength=256).tolist()
    ignored = np.bincount(numbers[values == IGNORE], minlength=256).tolist()
    return [
        replace(one, pixels=every[one.number] - ignored[one.number], ignored=ignored[one.number])
        for one in sources
    ]


def provenance_faults(
    provenance: LabelMap, label_map: LabelMap, record: Record
) -> Iterator[tuple[str, str]]:
    """Compare a provenance map with its record and its label map.

    Args:
        provenance: Shape (H, W), uint8.
        label_map: Class ids, shape (H, W), uint8.
        record: Of the map.

    Yields:
        What was found and what was expected.
    """
    if provenance.shape != label_map.shape or provenance.shape != record.size_hw:
        sizes = f"{size_text(provenance.shape)}, {size_text(record.size_hw)} by its record"
        yield sizes, f"{size_text(label_map.shape)}, the size of its label map"
        return
    listed = {source.number: source for source in record.sources}
    at = np.flatnonzero(provenance)
    numbers, values = provenance.ravel()[at], label_map.ravel()[at]
    for number in np.unique(numbers).tolist():
        if number not in listed:
            yield f"source {number}", "sources that its record lists"
            continue
        class_id, name = listed[number].class_id, listed[number].name
        wrong = values[(numbers == number) & (values != class_id) & (values != IGNORE)]
        if wrong.size:
            found = f"{wrong.size} px of source {number} with class id {wrong[0]}"
            yield found, f"{class_id} ({name}), which it writes, or {IGNORE}"
    for now, said in zip(
        counted(record.sources, provenance, label_map), record.sources, strict=True
    ):
        if (now.pixels, now.ignored) != (said.pixels, said.ignored):
            found = f"{now.pixels} + {now.ignored} px of source {said.number}"
            yield found, f"{said.pixels} + {said.ignored} px, as its record says"
