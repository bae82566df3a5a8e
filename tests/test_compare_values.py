"""Values of ``mass13k compare`` against a bootstrap that scores label maps anew."""

import json
import shutil
from functools import reduce
from operator import add
from typing import get_args

import numpy as np
import pytest
from shifted_predictions import run, run_json, score, shifted_columns, shifted_rows

from mass13k_tools.classes import MASS13K
from mass13k_tools.commands.compare import compare as compare_command
from mass13k_tools.evaluation.compare import Resampling, Unit
from mass13k_tools.images import png_bytes, read_label_map
from mass13k_tools.ops.bootstrap import Draws
from mass13k_tools.ops.score_sums import pair_sums
from mass13k_tools.ops.scores import Scores, mean


@pytest.fixture
def one(tiny_dataset, tmp_path):
    return shifted_columns(tiny_dataset, tmp_path / "one")


@pytest.fixture
def other(tiny_dataset, tmp_path):
    return shifted_rows(tiny_dataset, tmp_path / "other")


def images_of(folder, tiny_dataset):
    """Count the sums of every image in the order of evaluate: train, val, test."""
    found = []
    for split in ("train", "val", "test"):
        for path in sorted((tiny_dataset / "annotations" / split).glob("*.png")):
            prediction = read_label_map(folder / split / path.name, MASS13K)
            found.append(pair_sums(prediction, read_label_map(path, MASS13K), MASS13K.ids))
    return found


def slow_draws(one, other, tiny_dataset, resamples):
    """Give mIoU, BF1 within 2 px and IoU of water of B - A, for every draw."""
    both = [images_of(folder, tiny_dataset) for folder in (one, other)]
    found = []
    for draw in np.random.default_rng(0).integers(6, size=(resamples, 6)):
        a, b = (Scores(reduce(add, [images[n] for n in draw])) for images in both)
        of_a, of_b = ((mean(s.iou), mean(s.bf1[1]), s.iou[6]) for s in (a, b))
        found.append(np.subtract(of_b, of_a))
    return np.array(found).T


def test_scores_are_those_of_evaluate_and_differences_are_b_minus_a(one, other, tiny_dataset):
    output = run_json(one, other, "--gt", tiny_dataset)
    a, b = (json.loads(score(folder, tiny_dataset).read_bytes()) for folder in (one, other))

    assert (output["protocol"], output["images"], output["units"]) == ("mass13k/1", 6, 6)
    assert (output["a"], output["b"]) == (str(one), str(other))
    assert (output["resamples"], output["confidence"], output["seed"]) == (2000, 0.95, 0)
    metrics = {row.pop("name"): row for row in output["metrics"]}
    assert len(metrics) == 13
    for name, row in metrics.items():
        kind, _, tolerance = name.rpartition("_")
        scores = [side[kind][tolerance] if kind else side[name] for side in (a, b)]
        assert [row["a"], row["b"]] == pytest.approx(scores, rel=1e-12)
        assert row["difference"] == row["b"] - row["a"]
        assert row["low"] <= row["high"]
        assert row["defined"] == 1
        assert row["excludes_zero"] == (row["low"] > 0 or row["high"] < 0)
    assert {row["excludes_zero"] for row in metrics.values()} == {True, False}
    for row, of_a, of_b in zip(output["classes"], a["classes"], b["classes"], strict=True):
        assert (row["id"], row["name"]) == (of_a["id"], of_a["name"])
        for metric in ("iou", "biou"):
            assert (row[metric]["a"], row[metric]["b"]) == (of_a[metric], of_b[metric])
    for row, of_a, of_b in zip(output["per_image"], a["per_image"], b["per_image"], strict=True):
        for name in ("key", "split", "height", "width"):
            assert row[name] == of_a[name]
        for name in ("miou", "biou", "accuracy"):
            assert (row[f"{name}_a"], row[f"{name}_b"]) == (of_a[name], of_b[name])
            assert row[f"{name}_difference"] == of_b[name] - of_a[name]


def test_intervals_are_quantiles_of_draws_scored_one_by_one(one, other, tiny_dataset):
    arguments = ("--gt", tiny_dataset, "--resamples", 200, "--confidence", 0.8)
    output = run_json(one, other, *arguments)
    metrics = {row["name"]: row for row in output["metrics"]}
    rows = (metrics["miou"], metrics["bf1_2"], output["classes"][6]["iou"])
    for row, differences in zip(rows, slow_draws(one, other, tiny_dataset, 200), strict=True):
        defined = differences[np.isfinite(differences)]
        expected = np.quantile(defined, [0.1, 0.9])
        assert [row["low"], row["high"]] == pytest.approx(expected, abs=1e-12)
        assert row["defined"] == len(defined) / 200
    assert rows[2]["defined"] < 1  # half of the images have water, some draws none of them


def test_changing_sides_changes_signs(one, other, tiny_dataset):
    there, back = (
        {row["name"]: row for row in run_json(*pair, "--gt", tiny_dataset)["metrics"]}
        for pair in ((one, other), (other, one))
    )
    for name, row in there.items():
        assert (back[name]["a"], back[name]["b"]) == (row["b"], row["a"])
        assert back[name]["difference"] == -row["difference"]
        assert [-back[name]["high"], -back[name]["low"]] == pytest.approx([row["low"], row["high"]])


def test_equal_predictions_differ_in_nothing(one, tiny_dataset):
    output = run_json(one, one, "--gt", tiny_dataset)
    rows = [*output["metrics"], *(row["iou"] for row in output["classes"])]
    for row in rows:
        assert (row["difference"], row["low"], row["high"]) == (0, 0, 0)
        assert row["excludes_zero"] is False
    printed = run(one, one, "--gt", tiny_dataset).stdout
    assert "* " not in printed
    assert "images where" not in printed


def test_a_class_that_nobody_has_is_undefined(one, other, tiny_dataset, tmp_path):
    folders = []
    for folder in (tiny_dataset / "annotations", one, other):
        dry = tmp_path / f"{folder.name}-dry"
        shutil.copytree(folder, dry)
        for path in dry.rglob("*.png"):
            label_map = read_label_map(path, MASS13K)
            path.write_bytes(png_bytes(np.where(label_map == 6, np.uint8(5), label_map)))
        folders.append(dry)
    truth, a, b = folders
    output = run_json(a, b, "--gt", truth)
    assert output["classes"][6] == {
        "id": 6,
        "name": "water",
        "iou": dict.fromkeys(("a", "b", "difference", "low", "high", "excludes_zero"))
        | {"defined": 0},
        "biou": dict.fromkeys(("a", "b", "difference", "low", "high", "excludes_zero"))
        | {"defined": 0},
    }
    assert output["metrics"][0]["defined"] == 1  # the mean is over the others


def test_an_image_without_labels_is_undefined_alone_but_counts_nowhere(tiny_dataset, tmp_path):
    truth = tmp_path / "truth"
    shutil.copytree(tiny_dataset / "annotations" / "val", truth)
    empty = sorted(truth.glob("*.png"))[0]
    empty.write_bytes(png_bytes(np.full((64, 96), 255, dtype=np.uint8)))
    output = run_json(truth, truth, "--gt", truth, "--out", tmp_path / "out")
    row = output["per_image"][0]
    assert row["miou_a"] is row["biou_b"] is row["miou_difference"] is None
    assert output["metrics"][0]["a"] == 1
    assert output["metrics"][0]["defined"] == pytest.approx(0.75, abs=0.05)  # of one image twice
    assert ",,," in (tmp_path / "out" / "compare.csv").read_text()


def test_captures_are_drawn_whole(one, other, tiny_dataset):
    arguments = (one, other, "--gt", tiny_dataset)
    images = run_json(*arguments)
    captures = run_json(*arguments, "--draw", "capture")
    assert (images["draw"], captures["draw"]) == ("image", "capture")
    assert (images["units"], captures["units"]) == (6, 4)  # four batches, days and cities
    assert captures["metrics"][0]["low"] != images["metrics"][0]["low"]
    assert captures["metrics"][0]["difference"] == images["metrics"][0]["difference"]
    named = run_json(*arguments, "--group-by", "_(b01|b02)_")
    assert (named["draw"], named["group_by"], named["units"]) == ("capture", "_(b01|b02)_", 5)
    loose = run(*arguments, "--group-by", "nothing like it")
    assert "no two images are of one capture" in loose.stderr
    refused = run(*arguments, "--draw", "image", "--group-by", "b", code=2)
    assert "--group-by names captures" in refused.stderr
    assert "is no regular expression" in run(*arguments, "--group-by", "(", code=1).stderr


def test_the_options_are_those_of_the_library():
    options = {option.name: option for option in compare_command.params}
    for name in ("resamples", "confidence", "seed"):
        assert options[name].default == getattr(Resampling(), name)
    draws = Draws(np.zeros(1, np.intp))
    assert (draws.resamples, draws.seed) == (Resampling().resamples, Resampling().seed)
    assert set(options["draw"].type.choices) == set(get_args(Unit))


def test_the_seed_decides_the_draws(one, other, tiny_dataset):
    arguments = (one, other, "--gt", tiny_dataset, "--resamples", 50)
    first, again, another = (
        run_json(*arguments, "--seed", seed)["metrics"][0] for seed in (0, 0, 1)
    )
    assert first == again
    assert (first["low"], first["high"]) != (another["low"], another["high"])
