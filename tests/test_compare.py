"""``mass13k compare`` on real files: what it reads, prints, writes and refuses."""

import csv
import json

import pytest
from click.testing import CliRunner
from shifted_predictions import run, run_json, score, shifted_columns, shifted_rows

from mass13k_tools.cli import main


@pytest.fixture
def one(tiny_dataset, tmp_path):
    return shifted_columns(tiny_dataset, tmp_path / "one")


@pytest.fixture
def other(tiny_dataset, tmp_path):
    return shifted_rows(tiny_dataset, tmp_path / "other")


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
    assert f"no split 'dev' in '{stored}', it has: train, val, test" in refused.stderr


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
