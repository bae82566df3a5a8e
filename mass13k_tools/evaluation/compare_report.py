"""A comparison as JSON and as CSV; fractions of 1, null where undefined."""

from typing import Any

import numpy as np

from mass13k_tools.evaluation.compare import Comparison, Paired
from mass13k_tools.evaluation.report import Json
from mass13k_tools.evaluation.scored_set import ScoredImage
from mass13k_tools.ops.score_sums import PROTOCOL
from mass13k_tools.printing import csv_bytes, finite, json_bytes

IMAGE_SCORES = ("miou", "biou", "accuracy")


def report_files(comparison: Comparison) -> dict[str, bytes]:
    """Write a comparison as files: name -> bytes of the CSV and the JSON."""
    rows = image_rows(comparison)
    return {
        "compare.csv": csv_bytes([[*rows[0]], *([*row.values()] for row in rows)]),
        "compare.json": json_bytes(comparison_json(comparison)),
    }


def comparison_json(comparison: Comparison) -> Json:
    """Write a comparison as the JSON object that ``mass13k compare --json`` promises."""
    classes = zip(
        comparison.a.taxonomy.classes, comparison.iou, comparison.biou, strict=True
    )  # A's, which B shares
    return {
        "protocol": PROTOCOL,
        "images": len(comparison.a.images),
        "a": comparison.a.name,
        "b": comparison.b.name,
        "resamples": comparison.resampling.resamples,
        "confidence": comparison.resampling.confidence,
        "seed": comparison.resampling.seed,
        "draw": comparison.resampling.unit,
        "group_by": comparison.resampling.pattern,
        "units": comparison.units,
        "metrics": [
            {"name": name, **_paired_json(comparison, value)}
            for name, value in comparison.metrics.items()
        ],
        "classes": [
            {
                "id": row.id,
                "name": row.name,
                "iou": _paired_json(comparison, iou),
                "biou": _paired_json(comparison, biou),
            }
            for row, iou, biou in classes
        ],
        "per_image": image_rows(comparison),
    }


def image_rows(comparison: Comparison) -> list[Json]:
    """Give what both have of every image, and the differences B - A."""
    return [_image_row(a, b) for a, b in comparison.pairs]


def _image_row(a: ScoredImage, b: ScoredImage) -> Json:
    row: dict[str, Any] = {"key": a.key, "split": a.split, "height": a.size_hw[0]}
    row["width"] = a.size_hw[1]
    for name in IMAGE_SCORES:
        of_a, of_b = getattr(a, name), getattr(b, name)
        row |= {f"{name}_a": finite(of_a), f"{name}_b": finite(of_b)}
        row[f"{name}_difference"] = finite(of_b - of_a)
    return row


def _paired_json(comparison: Comparison, value: Paired) -> Json:
    numbers = {
        name: finite(getattr(value, name)) for name in ("a", "b", "difference", "low", "high")
    }
    clear = comparison.is_clear(value) if np.isfinite(value.low) else None
    return {**numbers, "defined": value.defined, "excludes_zero": clear}
