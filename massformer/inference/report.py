"""What became of predicted images, for machines and for people."""

from pathlib import Path
from typing import Any

from mass13k_tools.printing import bytes_text, print_line
from massformer.inference.pipeline import Outcome, Row


def outcome_json(outcome: Outcome, out: Path) -> dict[str, Any]:
    """Give an outcome as one JSON object."""
    failures = [{"image": image, "reason": reason} for image, reason in outcome.failures]
    return {
        "out": str(out),
        "images": [_row_json(row) for row in outcome.rows],
        "failed": failures,
        "seconds": outcome.seconds,
        "seconds_per_image": _seconds_per_image(outcome),
        "peak_bytes": outcome.peak_bytes,
        "device_peak_bytes": outcome.device_peak_bytes,
    }


def print_outcome(outcome: Outcome, out: Path) -> None:
    """Print how many images there are, and what they took."""
    known = sum(row.seconds is None for row in outcome.rows)
    files = sum(len(row.files) for row in outcome.rows)
    there = f", {known} of them were there already" if known else ""
    print_line(f"{len(outcome.rows)} images, {files} files in '{out}'{there}")
    took = []
    if (seconds := _seconds_per_image(outcome)) is not None:
        took.append(f"{seconds:.2f} s per image")
    if outcome.peak_bytes is not None:
        took.append(f"peak memory {bytes_text(outcome.peak_bytes)}")
    if outcome.device_peak_bytes is not None:
        took.append(f"of the device {bytes_text(outcome.device_peak_bytes)}")
    print_line(", ".join(took))


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "key": row.photo.key,
        "split": row.photo.split or None,
        "image": str(row.photo.path),
        "height": row.size_hw[0],
        "width": row.size_hw[1],
        "tiles": row.grid.tiles,
        "seconds": row.seconds,
        "files": [str(path) for path in row.files],
    }


def _seconds_per_image(outcome: Outcome) -> float | None:
    seconds = [row.seconds for row in outcome.rows if row.seconds is not None]
    return sum(seconds) / len(seconds) if seconds else None
