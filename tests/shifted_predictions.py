"""Predictions that are shifted label maps, and commands run on them."""

import json

import numpy as np
from click.testing import CliRunner

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.images import png_bytes, read_label_map


def run(*arguments, code=0, command="compare"):
    if "--jobs" not in arguments:
        arguments += ("--jobs", 1)  # a worker process takes longer to start than to score
    result = CliRunner().invoke(main, [command, *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def run_json(*arguments):
    return json.loads(run(*arguments, "--json").stdout)


def predict(tiny_dataset, folder, change):
    """Write predictions: the label maps with a change, which gets the number of the image."""
    for number, path in enumerate(sorted((tiny_dataset / "annotations").rglob("*.png"))):
        label_map = read_label_map(path, MASS13K).copy()
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png_bytes(np.ascontiguousarray(change(label_map, number))))
    return folder


def shifted_columns(tiny_dataset, folder):
    """Write predictions that are shifted by some columns."""
    return predict(tiny_dataset, folder, lambda map_, n: np.roll(map_, 1 + n % 3, axis=1))


def shifted_rows(tiny_dataset, folder):
    """Write predictions that are shifted by one row, that of the first image by many."""
    return predict(tiny_dataset, folder, lambda map_, n: np.roll(map_, 1 if n else 9, axis=0))


def score(folder, tiny_dataset, *arguments):
    out = folder.parent / f"{folder.name}-scores"
    run(folder, tiny_dataset, "--out", out, "--overwrite", *arguments, command="evaluate")
    return out / "scores.json"
