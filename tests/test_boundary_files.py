"""Files of ``mass13k edges`` and ``mass13k weights`` that are there, damaged, or not to be made."""

import json
import shutil
import sys
from collections import namedtuple

import pytest
from command_runs import bytes_of, mass13k, mass13k_json

from mass13k_tools.boundaries import cost, weights
from mass13k_tools.layouts import find_dataset

KINDS = [
    *(["edges"], ["edges", "--distance"]),
    *(["weights"], ["weights", "--format", "npz"]),
]


def run(command, *arguments):
    return mass13k(*command, "--jobs", 1, *arguments)


def run_json(command, *arguments):
    return mass13k_json(*command, "--jobs", 1, *arguments)


def with_byte_changed(content, place):
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


@pytest.mark.parametrize("command", KINDS, ids=" ".join)
def test_a_damaged_file_of_ours_is_written_anew_and_said(tiny_dataset, tmp_path, command):
    out = tmp_path / "out"
    run_json(command, tiny_dataset, "--out", out)
    whole = bytes_of(out)
    first, second, third = sorted(whole)[:3]
    (out / first).write_bytes(whole[first][:-1])
    (out / second).write_bytes(whole[second][: len(whole[second]) * 9 // 10])
    (out / third).write_bytes(with_byte_changed(whole[third], len(whole[third]) * 9 // 10))
    output = run_json(command, tiny_dataset, "--out", out)
    assert (output["known"], output["damaged"], output["files"]) == (3, 3, 6)
    assert bytes_of(out) == whole
    (out / first).write_bytes(whole[first][:-1])
    result = run(command, tiny_dataset, "--out", out)
    assert "5 of them there before, 1 damaged and written anew" in result.stdout
    assert "written anew" not in run(command, tiny_dataset, "--out", out).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("command", KINDS, ids=" ".join)
def test_a_key_that_is_no_file_name_stops_no_other(tiny_dataset, tmp_path, command):
    sample = find_dataset(tiny_dataset).samples[0]
    sample.image_path.rename(sample.image_path.with_name("a\\b.jpg"))
    sample.label_path.rename(sample.label_path.with_name("a\\b.png"))
    result = run(command, tiny_dataset, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    (failure,) = json.loads(result.stdout)["failures"]
    assert "key 'a\\b' are no file name" in failure["reason"]
    assert len(bytes_of(tmp_path / "out")) == 5


@pytest.mark.parametrize("command", ["edges", "weights"])
@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_files_of_the_data_set_are_never_replaced(tiny_dataset, command, overwrite):
    before = bytes_of(tiny_dataset)
    (tiny_dataset.parent / "linked").symlink_to(tiny_dataset / "annotations")
    result = run([command], tiny_dataset, "--out", tiny_dataset.parent / "linked", *overwrite)
    assert result.exit_code == 1
    assert "is a file of the data set itself; choose another folder" in result.stderr
    assert bytes_of(tiny_dataset) == before


@pytest.mark.parametrize("command", KINDS[2:], ids=" ".join)
def test_nothing_is_measured_where_nothing_is_written(tiny_dataset, tmp_path, monkeypatch, command):
    first = run_json(command, tiny_dataset, "--out", tmp_path / "out")
    monkeypatch.setattr(cost, "boundary_weights", None)
    monkeypatch.setattr(weights, "own_weights", None)
    output = run_json(command, tiny_dataset, "--out", tmp_path / "out")
    assert output == first | {"known": 6, "estimate": None, "loss_weights": None}
    result = run(command, tiny_dataset, "--out", tmp_path / "out")
    assert "loss weights" not in result.stderr
    assert "6 of them there before" in result.stdout


def test_nothing_is_measured_where_nothing_may_be_written(tiny_dataset, tmp_path):
    run_json(["weights"], tiny_dataset, "--out", tmp_path / "out")
    result = run(["weights"], tiny_dataset, "--out", tmp_path / "out", "--kernel", 7)
    assert "6 of 6 failed" in result.stderr
    assert "loss weights" not in result.stderr


def test_files_that_will_be_replaced_need_room_beside_the_old_ones(
    tiny_dataset, tmp_path, monkeypatch
):
    out, other = tmp_path / "out", tmp_path / "other"
    run_json(["weights"], tiny_dataset, "--out", out)
    run_json(["weights"], tiny_dataset, "--out", other, "--kernel", 7)
    before, after = bytes_of(out), bytes_of(other)
    growth = sum(map(len, after.values())) - sum(map(len, before.values()))
    usage, asked = namedtuple("usage", "free"), ("--kernel", 7, "--overwrite")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(growth))
    result = run(["weights"], tiny_dataset, "--out", out, *asked)
    assert result.exit_code == 1
    assert "are free at" in result.stderr
    assert bytes_of(out) == before
    free = growth + max(map(len, after.values()))  # one worker writes one file beside an old one
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(free))
    assert run_json(["weights"], tiny_dataset, "--out", out, *asked)["files"] == 6
    assert sorted(bytes_of(out).values()) == sorted(after.values())
