"""``mass13k split`` draws, verifies and lists, for people and for machines."""

import json
import os
import shutil

import pytest
from click.testing import CliRunner

from mass13k_tools.cli import main
from mass13k_tools.layouts import find_dataset
from mass13k_tools.splits.lists import read_lists


@pytest.fixture
def run():
    def invoke(*arguments, code=0):
        result = CliRunner().invoke(main, ["split", *map(str, arguments)])
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_draw_writes_lists_that_verify_accepts(run, tiny_dataset, tmp_path):
    out = tmp_path / "lists"

    run("draw", tiny_dataset, "--out", out, "--fractions", "0.5,0.25,0.25", "--seed", 1)

    lists = read_lists(out)
    assert sum(map(len, lists.values())) == 6
    assert list(lists) == ["train", "val", "test"]
    record = json.loads((out / "split.json").read_text())
    assert (record["seed"], record["rule"]) == (1, "hash")
    assert record["counts"] == {split: len(keys) for split, keys in lists.items()}
    run("verify", tiny_dataset, "--lists", out, "--strict")


def test_draw_again_keeps_what_is_there_and_refuses_to_replace_it(run, tiny_dataset, tmp_path):
    out = tmp_path / "lists"
    run("draw", tiny_dataset, "--out", out)
    before = read_lists(out)
    run("draw", tiny_dataset, "--out", out)  # nothing new: nothing to replace

    for folder, ending in (("images", "jpg"), ("annotations", "png")):
        files = tiny_dataset / folder / "train"
        source = next(files.glob(f"*.{ending}"))
        shutil.copy(source, files / f"00099_b09_20240101_lhasa_id9.{ending}")
    refused = run("draw", tiny_dataset, "--out", out, code=1)
    assert "--overwrite" in refused.stderr
    assert read_lists(out) == before

    result = run("draw", tiny_dataset, "--out", out, "--seed", 7, "--overwrite")

    assert "6 of 7 samples stay as in" in result.stderr
    after = read_lists(out)
    assert all(set(before[split]) <= set(after[split]) for split in before)
    assert sum(map(len, after.values())) == 7
    record = json.loads((out / "split.json").read_text())
    assert (record["seed"], record["kept"]) == (7, 6)

    run("draw", tiny_dataset, "--out", out, "--seed", 7, "--fresh", "--overwrite")
    run("draw", tiny_dataset, "--out", tmp_path / "other", "--seed", 7)
    assert read_lists(out) == read_lists(tmp_path / "other")
    assert json.loads((out / "split.json").read_text())["kept"] == 0


def test_keys_that_are_no_text_are_drawn_and_read_back(run, tiny_dataset, tmp_path):
    strange = os.fsdecode(b"bistro\xe9_\xe2\x80\xa8_1")
    for folder, ending in (("images", "jpg"), ("annotations", "png")):
        path = next((tiny_dataset / folder / "val").glob(f"*.{ending}"))
        path.rename(path.with_name(f"{strange}.{ending}"))
    run("draw", tiny_dataset, "--out", tmp_path / "lists", "--json")
    assert any(strange in keys for keys in read_lists(tmp_path / "lists").values())
    run("list", tiny_dataset, "--lists", tmp_path / "lists", "--json")


@pytest.mark.parametrize("name", ["two\nlines", " space"])
def test_keys_that_no_list_can_hold_are_refused(run, tiny_dataset, tmp_path, name):
    for folder, ending in (("images", "jpg"), ("annotations", "png")):
        path = next((tiny_dataset / folder / "val").glob(f"*.{ending}"))
        path.rename(path.with_name(f"{name}.{ending}"))
    result = run("draw", tiny_dataset, "--out", tmp_path / "lists", code=1)
    assert "which a list cannot hold" in result.stderr
    assert not (tmp_path / "lists").exists()


def test_other_text_files_beside_the_lists_are_no_splits(run, tiny_dataset, tmp_path):
    run("draw", tiny_dataset, "--out", tmp_path)
    (tmp_path / "README.txt").write_text("notes\nnotes\n")
    assert set(read_lists(tmp_path)) == {"train", "val", "test"}


def test_draw_keeps_the_lists_of_another_folder(run, tiny_dataset, tmp_path):
    keys = [sample.key for sample in find_dataset(tiny_dataset).samples]
    old = tmp_path / "old"
    old.mkdir()
    (old / "val.txt").write_text("".join(f"{key}\n" for key in keys))

    run("draw", tiny_dataset, "--out", tmp_path / "new", "--keep", old)

    assert read_lists(tmp_path / "new")["val"] == tuple(sorted(keys))


def test_empty_split_is_warned_about(run, tiny_dataset, tmp_path):
    result = run("draw", tiny_dataset, "--out", tmp_path / "a", "--fractions", "0.998,0.001,0.001")
    assert "the split 'val' is empty" in result.stderr
    assert "the split 'test' is empty" in result.stderr

    result = run("draw", tiny_dataset, "--out", tmp_path / "b", "--fractions", "1,0,0")
    assert "is empty" not in result.stderr  # as asked for


def test_draw_with_statistics_is_balanced(run, tiny_dataset, tmp_path):
    statistics = {
        "images": [
            {"key": sample.key, "split": sample.split, "mipq": 3.0, "pixels": {"sky": 9}}
            for sample in find_dataset(tiny_dataset).samples
        ]
    }
    (tmp_path / "stats.json").write_text(json.dumps(statistics))
    arguments = ("--stats", tmp_path / "stats.json", "--fractions", "0.5,0,0.5", "--json")

    result = run(
        *("draw", tiny_dataset, "--out", tmp_path / "lists", "--group-by", r"(id\d+)"), *arguments
    )

    content = json.loads(result.stdout)
    assert content["rule"] == "balanced"
    assert content["splits"] == {"train": 3, "val": 0, "test": 3}


def test_verify_names_the_official_split_only_when_it_is(run, tiny_dataset):
    assert "official" not in run("verify", tiny_dataset).output
    result = run("verify", tiny_dataset, "--official", "--json", code=1)

    content = json.loads(result.stdout)
    assert (content["ok"], content["official"]) == (False, False)
    assert content["splits"] == {"train": 3, "val": 2, "test": 1}
    assert [problem["kind"] for problem in content["problems"]] == ["not-official"]


def test_official_counts_are_named(run, tiny_dataset, monkeypatch):
    counts = {"train": 3, "val": 2, "test": 1}
    monkeypatch.setattr("mass13k_tools.splits.leaks.OFFICIAL_COUNTS", counts)

    assert "official MaSS13K split" in run("verify", tiny_dataset, "--official").stdout


def test_verify_lists_leaks_and_fails(run, tiny_dataset, tmp_path):
    keys = [sample.key for sample in find_dataset(tiny_dataset).samples]
    for split, some in (("train", keys[:1]), ("val", keys[1:])):
        (tmp_path / f"{split}.txt").write_text("".join(f"{key}\n" for key in some))

    result = run("verify", tiny_dataset, "--lists", tmp_path)
    line = "warning: capture-in-two-splits: capture 'b01_20230210_tianjin' (train 1, val 1)"
    assert line in result.stdout
    result = run("verify", tiny_dataset, "--lists", tmp_path, "--strict", code=1)
    assert line.replace("warning", "error") in result.stdout


def test_list_counts_and_names_keys(run, tiny_dataset):
    assert run("list", tiny_dataset).stdout == "train: 3\nval: 2\ntest: 1\n"
    assert "test 00006_b04_20230511_chengdu_id0300" in run("list", tiny_dataset, "--keys").stdout
    content = json.loads(run("list", tiny_dataset, "--json").stdout)
    assert content == {"splits": {"train": 3, "val": 2, "test": 1}, "official": False}
    content = json.loads(run("list", tiny_dataset, "--json", "--keys").stdout)
    assert content["keys"]["test"] == ["00006_b04_20230511_chengdu_id0300"]


def test_bad_requests_are_one_line(run, tiny_dataset, tmp_path):
    result = run("draw", tiny_dataset, "--out", tmp_path / "o", "--fractions", "1,1", code=1)
    assert result.stderr.startswith("Error: fractions are '1,1'")
    result = run("draw", tiny_dataset, "--out", tmp_path / "o", "--fractions", "nan,.5,.5", code=1)
    assert "fractions are train nan" in result.stderr
    assert not (tmp_path / "o").exists()
    result = run("verify", tiny_dataset, "--group-by", "(", code=1)
    assert "is no regular expression" in result.stderr
