"""What merges did to a data set, for people and for machines; it follows from the records alone."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from mass13k_tools.classes import Taxonomy
from mass13k_tools.printing import console, json_bytes
from mass13k_tools.provenance import Record
from mass13k_tools.pseudo.choosing import MergeSettings

REPORT = "merge.json"
FORMAT = "mass13k/merge/1"
SHOWN = {  # column -> the counts that it sums up
    "masks": ("masks",),
    "mask px": ("area",),
    "added": ("added",),
    "denied, precise": ("denied_precise",),
    "denied, other": ("denied_pseudo", "denied_ignore", "standing"),
    "overlap": ("overlap",),
    "conflict": ("conflict",),
    "to ignore": ("ignored", "ring"),
}


def report_bytes(records: Sequence[Record], taxonomy: Taxonomy) -> bytes:
    """Write the report of a data set: all merges that its label maps hold, in total and by image.

    Args:
        records: Of all samples, in their order.
        taxonomy: With the merged classes.
    """
    history = _history(records)
    return json_bytes(
        {
            "format": FORMAT,
            "classes": [
                {"id": row.id, "name": row.name}
                for row in taxonomy.classes
                if row.quality == "pseudo"
            ],
            "merges": [{"settings": settings, **_total(records, settings)} for settings in history],
            "images": [_image(record, history) for record in records],
        }
    )


def merge_json(records: Sequence[Record], settings: MergeSettings) -> dict[str, Any]:
    """Describe one merge: its total, and of every image sources, counts and dropped masks."""
    described = settings.described()
    images = []
    for record in records:
        row = _row(record, described)
        about = {"pixels": row["pixels"], "dropped": row["dropped"]} if row else {}
        sources = [asdict(source) for source in record.sources]
        images.append({"key": record.key, "split": record.split, "sources": sources, **about})
    return {**_total(records, described), "images": images}


def print_merge(total: Mapping[str, Any]) -> None:
    """Print the total of a merge as a table, and why masks were dropped."""
    table = Table(caption="pixels; each of a mask is in one of the columns from 'added' on")
    table.add_column("class")
    for column in SHOWN:
        table.add_column(column, justify="right")
    for name, counts in total["pixels"].items():
        cells = (sum(counts[each] for each in parts) for parts in SHOWN.values())
        table.add_row(name, *(f"{cell:,}" for cell in cells))
    console().print(table)
    dropped = ", ".join(f"{count} by {reason}" for reason, count in total["dropped"].items())
    if dropped:
        console().print(f"masks dropped: {dropped}")


def _total(records: Iterable[Record], settings: Mapping[str, Any]) -> dict[str, Any]:
    rows = [row for record in records if (row := _row(record, settings))]
    pixels: dict[str, Counter[str]] = {}
    for row in rows:
        for name, counts in row["pixels"].items():
            # update() keeps counts of 0, which '+' of counters drops
            pixels.setdefault(name, Counter()).update(counts)
    dropped = Counter(each["reason"] for row in rows for each in row["dropped"])
    return {
        "merged_images": len(rows),
        "pixels": {name: dict(counts) for name, counts in pixels.items()},
        "dropped": dict(sorted(dropped.items())),
    }


def _row(record: Record, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find what the last merge with these settings did to an image."""
    return next((row for row in reversed(record.merges) if row["settings"] == settings), None)


def _history(records: Iterable[Record]) -> list[dict[str, Any]]:
    """List the settings of all merges, each once, those before that another followed."""
    latest: list[tuple[int, dict[str, Any]]] = []
    for place, settings in _placed(records):
        known = next((n for n, (_, other) in enumerate(latest) if other == settings), None)
        if known is None:
            latest.append((place, settings))
        else:
            latest[known] = max(place, latest[known][0]), settings
    return [settings for _, settings in sorted(latest, key=lambda pair: pair[0])]


def _placed(records: Iterable[Record]) -> Iterator[tuple[int, dict[str, Any]]]:
    for record in records:
        for place, row in enumerate(record.merges):
            yield place, row["settings"]


def _image(record: Record, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merges = [
        {
            "merge": history.index(row["settings"]),
            **{k: v for k, v in row.items() if k != "settings"},
        }
        for row in record.merges
    ]
    sources = [asdict(source) for source in record.sources]
    return {"key": record.key, "split": record.split, "sources": sources, "merges": merges}
