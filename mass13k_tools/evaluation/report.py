"""An evaluation as JSON and as CSV; fractions of 1, null where undefined."""

from collections.abc import Iterator
from dataclasses import fields
from math import isnan
from typing import Any

import cv2
import numpy as np

from mass13k_tools.evaluation.collect import Evaluation
from mass13k_tools.evaluation.image import WINDOW_PX, BinaryScores, ImageScores
from mass13k_tools.ops.mistakes import KINDS
from mass13k_tools.ops.score_sums import PROTOCOL, TOLERANCES, Sums
from mass13k_tools.ops.scores import Values, mean
from mass13k_tools.printing import csv_bytes, finite, json_bytes

Json = dict[str, Any]


def report_files(evaluation: Evaluation) -> dict[str, bytes]:
    """Write an evaluation as files: name -> bytes of the CSV and the JSON."""
    return {
        "scores.csv": csv_bytes(image_rows(evaluation)),
        "scores.json": json_bytes(evaluation_json(evaluation)),
    }


def evaluation_json(evaluation: Evaluation) -> Json:
    """Write an evaluation as the JSON object that ``mass13k evaluate --json`` promises."""
    scores, first, *others = evaluation.scores, *evaluation.settings.band_ratios
    return {
        "protocol": PROTOCOL,
        "name": evaluation.name,
        "taxonomy": evaluation.taxonomy.name,
        "splits": evaluation.splits,
        "images": len(evaluation.images),
        "miou": finite(mean(scores.iou)),
        "biou": finite(mean(scores.biou[0])),
        "bf1": _by_tolerance(mean(scores.bf1)),
        "bf1_per_image": _by_tolerance(mean(scores.bf1_per_image)),
        "accuracy": finite(scores.accuracy),
        "mean_class_accuracy": finite(mean(scores.class_accuracy)),
        "classes": _classes_json(evaluation),
        "biou_ratio": first,
        "biou_width_px": one_or_range(evaluation.band_widths_px(first)),
        "bf1_tolerance_px": {
            name: one_or_range(pixels)
            for name, pixels in zip(TOLERANCES, evaluation.tolerances_px(), strict=True)
        },
        "biou_at": [
            _other_ratio_json(evaluation, row, ratio) for row, ratio in enumerate(others, start=1)
        ],
        **binary_json(evaluation),
        "mistakes": _mistakes_json(evaluation),
        "confusion": {
            "rows": "truth",
            "columns": [*evaluation.taxonomy.names.values(), "none"],
            "pixels": evaluation.confusion.tolist(),
        },
        "worst_windows": [
            {"key": image.scored.key, "split": image.scored.split, "side_px": WINDOW_PX}
            | window._asdict()
            for image, window in evaluation.worst_windows()
        ],
        "per_image": [_image_json(image) for image in evaluation.images],
    }


def binary_json(evaluation: Evaluation) -> Json:
    """Give HCE and mBA averaged over images, where they were asked for."""
    binary = [image.binary for image in evaluation.images if image.binary]
    if evaluation.settings.binary is None or not binary:
        return {}
    return {
        "binary": {
            "class": evaluation.taxonomy.names[evaluation.settings.binary],
            "hce": float(np.mean([row.hce for row in binary])),
            "mba": finite(mean(np.array([row.mba for row in binary]))),
            "mba_undefined": sum(isnan(row.mba) for row in binary),
            "opencv": cv2.__version__,  # its polygon approximation, which HCE counts, has changed
        }
    }


def image_rows(evaluation: Evaluation) -> Iterator[list[Any]]:
    """Give a header, then one row per image; the columns of a class bear its name."""
    names = list(evaluation.taxonomy.names.values())
    header = ["key", "split", "height", "width", "miou", "biou"]
    header += [f"bf1_{name}" for name in TOLERANCES] + ["accuracy"]
    header += BinaryScores._fields if evaluation.settings.binary is not None else ()
    yield header + [f"{what}_{name}" for what in ("iou", "biou") for name in names]
    for image in evaluation.images:
        scored, scores = image.scored, image.scored.scores
        values = [scored.miou, scored.biou, *map(mean, scores.bf1), scored.accuracy]
        row = [scored.key, scored.split, *scored.size_hw, *values, *(image.binary or ())]
        yield [*row, *scores.iou, *scores.biou[0]]


def one_or_range(values: list[Any]) -> Any:
    """Give the one value that all images share, or the least and the greatest as a list."""
    return values[0] if len(values) == 1 else [values[0], values[-1]]


def _classes_json(evaluation: Evaluation) -> list[Json]:
    scores = evaluation.scores
    return [
        {
            "id": row.id,
            "name": row.name,
            "quality": row.quality,
            "iou": finite(scores.iou[k]),
            "biou": finite(scores.biou[0, k]),
            "bf1": _by_tolerance(scores.bf1[:, k]),
            "bf1_per_image": _by_tolerance(scores.bf1_per_image[:, k]),
            "accuracy": finite(scores.class_accuracy[k]),
            "pixels": int(evaluation.sums.truth[k]),
            "band_share": finite(scores.band_share[0, k]),
        }
        for k, row in enumerate(evaluation.taxonomy.classes)
    ]


def _other_ratio_json(evaluation: Evaluation, row: int, ratio: float) -> Json:
    scores = evaluation.scores
    names = evaluation.taxonomy.names.values()
    return {
        "ratio": ratio,
        "width_px": one_or_range(evaluation.band_widths_px(ratio)),
        "biou": finite(mean(scores.biou[row])),
        "classes": {
            name: {"biou": finite(scores.biou[row, k]), "band_share": finite(share)}
            for k, (name, share) in enumerate(zip(names, scores.band_share[row], strict=True))
        },
    }


def _mistakes_json(evaluation: Evaluation) -> Json:
    counts, has_rest = evaluation.mistakes, evaluation.taxonomy.rest_id is not None
    return {
        kind: {
            "pixels": int(counts.pixels[row].sum()),
            "wrong": int(counts.wrong[row].sum()),
            "wrong_with_rest": int(counts.wrong_with_rest[row].sum()) if has_rest else None,
        }
        for row, kind in enumerate(KINDS)
    } | {"thin_px": evaluation.settings.thin_px, "small_px": evaluation.settings.small_px}


def _image_json(image: ImageScores) -> Json:
    scored = image.scored
    return {
        "key": scored.key,
        "split": scored.split,
        "height": scored.size_hw[0],
        "width": scored.size_hw[1],
        "miou": finite(scored.miou),
        "biou": finite(scored.biou),
        "bf1": _by_tolerance(mean(scored.scores.bf1)),
        "accuracy": finite(scored.accuracy),
        **(image.binary._asdict() | {"mba": finite(image.binary.mba)} if image.binary else {}),
        "sums": {row.name: getattr(scored.sums, row.name).tolist() for row in fields(Sums)},
    }


def _by_tolerance(values: Values) -> Json:
    return {name: finite(value) for name, value in zip(TOLERANCES, values, strict=True)}
