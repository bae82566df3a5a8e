"""``mass13k compare`` on real files, and against a bootstrap that scores label maps anew."""

import csv
import json
import shutil
from functools import reduce
from operator import add

import numpy as np
import pytest
from click.testing import CliRunner

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.images import png_bytes, read_label_map
from mass13k_tools.ops.score_sums import pair_sums
from mass13k_tools.ops.scores import Scores, mean


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


@pytest.fixture
def one(tiny_dataset, tmp_path):
    """Predictions that are shifted by some columns."""
    return predict(tiny_dataset, tmp_path / "one", lambda map_, n: np.roll(map_, 1 + n % 3, axis=1))


@pytest.fixture
def other(tiny_dataset, tmp_path):
    """Predictions that are shifted by one row, that of the first image by many."""
    return predict(
        tiny_dataset, tmp_path / "other", lambda map_, n: np.roll(map_, 1 if n else 9, axis=0)
    )


def score(folder, tiny_dataset, *arguments):
    out = folder.parent / f"{folder.name}-scores"
    run(folder, tiny_dataset, "--out", out, "--overwrite", *arguments, command="evaluate")
    return out / "scores.json"


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


def test_folders_and_stored_scores_compare_alike(one, other, tiny_dataset):
    expected = run_json(one, other, "--gt", tiny_dataset)
    stored_one = score(one, tiny_dataset, "--biou-ratio", 0.02)  # further ratios do not matter
    stored_other = score(other, tiny_dataset)
    content = json.loads(stored_other.read_bytes())
    content["per_image"].reverse()  # nor does the order
    stored_other.write_text(json.dumps(content))
    for pair, options in (
        ((stored_one, stored_other), ()),
        ((stored_one, other), ("--gt", tiny_dataset)),
        ((one, stored_other), ("--gt", tiny_dataset, "--jobs", 2)),
    ):
        found = run_json(*pair, *options)
        assert (found.pop("a"), found.pop("b")) == tuple(map(str, pair))
        assert found == {name: expected[name] for name in found}


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


def test_tables_mark_what_is_clear_and_list_images_both_ways(one, other, tiny_dataset):
    output = run_json(one, other, "--gt", tiny_dataset)
    result = run(one, other, "--gt", tiny_dataset, "--top", 2)
    text = result.stdout
    assert f"A: {one}" in text.replace("\n", "")
    for row in output["metrics"][:2]:
        name = {"miou": "│ mIoU ", "biou": "│ BIoU "}[row["name"]]
        line = next(line for line in text.splitlines() if line.startswith(name))
        values = [
            f"{100 * row['a']:.2f}",
            f"{100 * row['b']:.2f}",
            f"{100 * row['difference']:+.2f}",
        ]
        interval = f"[{100 * row['low']:+.2f}, {100 * row['high']:+.2f}]"
        assert [*(cell.strip() for cell in line.split("│")[2:6])] == [*values, interval]
        assert line.endswith("* │") == row["excludes_zero"]
    assert "IoU water" in text
    assert "% of draws" in text
    ranked = sorted(output["per_image"], key=lambda row: -row["miou_difference"])
    better = [row["key"] for row in ranked if row["miou_difference"] > 0][:2]
    worse = [row["key"] for row in ranked[::-1] if row["miou_difference"] < 0][:2]
    assert better and worse
    _, listed = text.split("images where B is better, by mIoU")
    upper, lower = listed.split("images where B is worse, by mIoU")
    assert [line.split()[1] for line in upper.splitlines() if "0000" in line] == better
    assert [line.split()[1] for line in lower.splitlines() if "0000" in line] == worse
    assert "images where" not in run(one, other, "--gt", tiny_dataset, "--top", 0).stdout
    by_biou = run(one, other, "--gt", tiny_dataset, "--top-by", "biou").stdout
    assert "by BIoU" in by_biou and "by mIoU" not in by_biou


def test_report_files_hold_the_same_and_are_not_replaced(one, other, tiny_dataset, tmp_path):
    out = tmp_path / "report"
    output = run_json(one, other, "--gt", tiny_dataset, "--out", out)
    assert json.loads((out / "compare.json").read_bytes()) == output
    with (out / "compare.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    for row, expected in zip(rows, output["per_image"], strict=True):
        assert list(row) == list(expected)
        assert row["key"] == expected["key"]
        assert float(row["biou_b"]) == pytest.approx(expected["biou_b"], abs=1e-5)
    run(one, other, "--gt", tiny_dataset, "--out", out)  # the same bytes again
    refused = run(other, one, "--gt", tiny_dataset, "--out", out, code=1)
    assert "--overwrite" in refused.stderr
    run(other, one, "--gt", tiny_dataset, "--out", out, "--overwrite")
    assert json.loads((out / "compare.json").read_bytes())["a"] == str(other)


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


def test_thin_ground_is_said_on_stderr(one, other, tiny_dataset):
    single = run(one, other, "--gt", tiny_dataset, "--split", "test")
    assert "there is one image only: the intervals are points" in single.stderr
    assert "* │" not in single.stdout
    found = run_json(one, other, "--gt", tiny_dataset, "--split", "test")["metrics"][0]
    assert found["low"] == pytest.approx(found["difference"])
    assert found["high"] == pytest.approx(found["difference"])
    assert found["excludes_zero"] is False
    few = run(one, other, "--gt", tiny_dataset, "--resamples", 30)
    assert "intervals from only 6 images are too narrow" in few.stderr
    assert "30 resamples are too few for a confidence of 0.95" in few.stderr
    assert "too few" not in run(one, other, "--gt", tiny_dataset, "--resamples", 41).stderr


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


def test_the_seed_decides_the_draws(one, other, tiny_dataset):
    arguments = (one, other, "--gt", tiny_dataset, "--resamples", 50)
    first, again, another = (
        run_json(*arguments, "--seed", seed)["metrics"][0] for seed in (0, 0, 1)
    )
    assert first == again
    assert (first["low"], first["high"]) != (another["low"], another["high"])


def test_folders_need_their_label_maps_and_stored_scores_do_not(one, other, tiny_dataset):
    refused = run(one, other, code=2)
    assert "pass its label maps with --gt" in refused.stderr
    stored = score(one, tiny_dataset)
    refused = run(stored.parent, stored, code=2)
    assert f"or give '{stored}'" in refused.stderr.replace("\n", " ")
    assert "--gt changes nothing" in run(stored, stored, "--gt", tiny_dataset).stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("--resamples", 0), ("--confidence", 1), ("--confidence", 0), ("--confidence", "nan")],
)
def test_settings_without_meaning_are_refused(one, tiny_dataset, option, value):
    assert option in run(one, one, "--gt", tiny_dataset, option, value, code=2).stderr


def test_only_chosen_splits_are_compared(one, other, tiny_dataset):
    stored = score(one, tiny_dataset)
    output = run_json(stored, other, "--gt", tiny_dataset, "--split", "val")
    assert [row["split"] for row in output["per_image"]] == ["val", "val"]
    refused = run(stored, stored, "--split", "dev", code=1)
    assert f"no split 'dev' in '{stored}', it has: test, train, val" in refused.stderr


def test_another_protocol_is_refused(one, tiny_dataset):
    stored = score(one, tiny_dataset)
    newer = stored.with_name("newer.json")
    newer.write_bytes(stored.read_bytes().replace(b"mass13k/1", b"mass13k/2"))
    for pair in ((stored, newer), (newer, stored), (newer, newer)):
        refused = run(*pair, code=1)
        expected = (
            f"scores '{newer}': protocol is 'mass13k/2', which does not compare with 'mass13k/1'"
        )
        assert expected in refused.stderr
        assert not refused.stdout


def test_a_prediction_that_cannot_be_read_is_listed(one, other, tiny_dataset):
    path = next((other / "val").glob("*.png"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    failed = run(one, other, "--gt", tiny_dataset, code=1)
    assert "1 of 6 failed" in failed.stderr
    assert path.name in failed.stderr
    assert not failed.stdout


def test_options_that_read_label_maps_need_label_maps(one, other):
    arguments = ["compare", one, other, "--classes", "classes.toml"]
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == 2
    assert "say how to read --gt" in result.output
