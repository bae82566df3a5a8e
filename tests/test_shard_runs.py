"""Runs of ``mass13k shard`` that meet bad samples, other runs, files of others, or their end."""

import json
import os
import uuid

import numpy as np
import pytest
from command_runs import bytes_of
from PIL import Image as PillowImage
from shard_folders import members_of, shard, shard_json

from mass13k_tools.layouts import find_dataset
from mass13k_tools.sharding.writing import workspace_of
from mass13k_tools.shards.manifest import parse_manifest
from mass13k_tools.shards.places import Place


def spoil(samples):
    """Damage a file of each of four samples in another way; give what is wrong by key."""
    cut, unequal, strange, damaged = samples
    cut.image_path.write_bytes(cut.image_path.read_bytes()[:-900])
    PillowImage.new("RGB", (95, 64)).save(unequal.image_path)
    values = np.asarray(PillowImage.open(strange.label_path)).copy()
    values[3, 4] = 99
    PillowImage.fromarray(values).save(strange.label_path)
    damaged.label_path.write_bytes(damaged.label_path.read_bytes()[:-30])
    return {
        cut.key: "is damaged or cut short",
        unequal.key: "is 64x96 but its image is 64x95",
        strange.key: "holds the value 99 (first at row 3, column 4)",
        damaged.key: "is damaged or cut short",
    }


def test_bad_samples_are_left_out_and_listed_and_the_rest_is_written(tiny_dataset, tmp_path):
    samples = find_dataset(tiny_dataset).samples
    reasons = spoil(samples[:4])
    output = shard_json(tiny_dataset, tmp_path / "out", code=1)
    assert sorted(members_of(tmp_path / "out")) == sorted(sample.key for sample in samples[4:])
    listed = json.loads((tmp_path / "out" / "quarantine.json").read_bytes())["samples"]
    assert listed == output["quarantined"]
    assert {row["key"] for row in listed} == set(reasons)
    for row in listed:
        assert reasons[row["key"]] in row["reason"]
        assert str(tmp_path) not in row["reason"]
    assert output["samples"] == 2
    # A split that lost all its samples has no shard, and the run can be repeated
    index = json.loads((tmp_path / "out" / "index.json").read_bytes())
    assert list(index["splits"]) == ["val", "test"]
    again = shard(tiny_dataset, tmp_path / "out")
    assert again.exit_code == 1
    assert "4 of 6 failed" in again.stderr
    assert not list((tmp_path / "out").glob("*train*.tar"))


def test_strict_stops_at_a_bad_sample_and_names_it(tiny_dataset, tmp_path):
    samples = find_dataset(tiny_dataset).samples
    samples[1].label_path.write_bytes(b"no picture")
    for _ in range(2):
        result = shard(tiny_dataset, tmp_path / "out", "--strict")
        assert result.exit_code == 1
        assert f"sample '{samples[1].key}' of 'train'" in result.stderr
        assert not (tmp_path / "out" / "index.json").exists()
    shard(tiny_dataset, tmp_path / "out")
    before = bytes_of(tmp_path / "out")
    result = shard(tiny_dataset, tmp_path / "out", "--strict")
    assert (result.exit_code, samples[1].key in result.stderr) == (1, True)
    assert bytes_of(tmp_path / "out") == before


def test_once_the_sample_is_mended_overwrite_writes_only_its_shard(tiny_dataset, tmp_path):
    samples, out = find_dataset(tiny_dataset).samples, tmp_path / "out"
    whole = samples[0].image_path.read_bytes()
    samples[0].image_path.write_bytes(whole[:-900])
    shard_json(tiny_dataset, out, code=1)
    kept = {path.name: path.stat().st_ino for path in out.glob("*.tar") if "train" not in path.name}
    samples[0].image_path.write_bytes(whole)
    assert "is from a run with other sources" in shard(tiny_dataset, out).stderr
    assert shard_json(tiny_dataset, out, "--overwrite")["known"] == 2
    assert not (out / "quarantine.json").exists()
    assert kept.items() <= {path.name: path.stat().st_ino for path in out.glob("*.tar")}.items()
    assert sorted(members_of(out)) == sorted(sample.key for sample in samples)


def test_a_second_run_changes_nothing(tiny_dataset, tmp_path):
    out = tmp_path / "out"
    first = shard_json(tiny_dataset, out)
    stamps = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert shard_json(tiny_dataset, out) == first | {"known": 3}
    assert shard_json(tiny_dataset, out, "--overwrite") == first | {"known": 3}
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == stamps
    assert "3 of them there before" in shard(tiny_dataset, out).stdout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("--copy",), "copy False, now True"),
        (("--with", "edges"), "edges False, now True"),
        (("--order", "shuffle"), "order 'key', now 'shuffle'"),
        (("--size", "9KB"), "sources, name or --size"),
        (("--split", "val"), "sources, name or --size"),
        (("--name", "other"), "sources, name or --size"),
    ],
)
def test_other_options_are_refused_unless_overwrite_and_leave_nothing_stale(
    tiny_dataset, tmp_path, change, told
):
    out = tmp_path / "out"
    shard_json(tiny_dataset, out, "--size", "100KB", "--dali", "--energon")
    before = bytes_of(out)
    result = shard(tiny_dataset, out, "--size", "100KB", *change)
    assert (result.exit_code, told in result.stderr) == (1, True), result.stderr
    assert "--overwrite" in result.stderr
    assert bytes_of(out) == before
    shard_json(tiny_dataset, out, "--size", "100KB", *change, "--overwrite")
    shard_json(tiny_dataset, tmp_path / "fresh", "--size", "100KB", *change)
    found, fresh = bytes_of(out), bytes_of(tmp_path / "fresh")
    # what was not written again keeps its files for other readers
    assert {name: found[name] for name in found if not name.endswith(".idx")} == fresh
    for name in found.keys() - fresh.keys():
        assert before[name] == found[name]


@pytest.mark.parametrize("name", ["tiny-val-000000.tar", "tiny-val-000000.json", "index.json"])
def test_files_of_others_are_not_replaced_unasked(tiny_dataset, tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("{}")
    result = shard(tiny_dataset, out)
    assert (result.exit_code, name in result.stderr) == (1, True)
    assert bytes_of(out) == {name: b"{}"}
    shard_json(tiny_dataset, out, "--overwrite")
    shard_json(tiny_dataset, tmp_path / "fresh")
    assert bytes_of(out) == bytes_of(tmp_path / "fresh")


def test_a_shard_that_was_lost_or_cut_is_written_again(tiny_dataset, tmp_path):
    out = tmp_path / "out"
    shard_json(tiny_dataset, out)
    before = bytes_of(out)
    (out / "tiny-val-000000.tar").unlink()
    os.truncate(out / "tiny-train-000000.tar", 5000)
    assert shard_json(tiny_dataset, out)["known"] == 1
    assert bytes_of(out) == before


def test_a_key_with_a_dot_is_refused_before_any_work(tiny_dataset, tmp_path):
    for folder, end in (("images", "jpg"), ("annotations", "png")):
        path = next((tiny_dataset / folder / "test").iterdir())
        path.rename(path.with_name(f"a.b.{end}"))
    result = shard(tiny_dataset, tmp_path / "out")
    assert (result.exit_code, "the key 'a.b'" in result.stderr) == (1, True)
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_one_line(tiny_dataset, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        result = shard(tiny_dataset, out)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: cannot write '")
        assert result.stderr.count("\n") == 1


def test_a_size_that_is_none_is_told(tiny_dataset, tmp_path):
    result = shard(tiny_dataset, tmp_path / "out", "--size", "big")
    assert (result.exit_code, "'big' is no size" in result.stderr) == (1, True)


@pytest.mark.parametrize("kind", ["s3", "memory", "file"])
def test_far_away_the_same_bytes_appear_and_a_run_goes_on(request, tiny_dataset, tmp_path, kind):
    pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    address = {
        "s3": lambda: f"{request.getfixturevalue('s3_address')}/{uuid.uuid4()}/shards",
        "memory": lambda: f"memory://{uuid.uuid4()}",
        "file": lambda: f"file://{tmp_path}/far/away",
    }[kind]()
    asked = ("--size", "10KB", "--dali", "--energon")
    far = Place.of(address)
    output = shard_json(tiny_dataset, address, *asked)
    shard_json(tiny_dataset, tmp_path / "near", *asked)
    near = bytes_of(tmp_path / "near")
    assert {name: far.child(name).read() for name in near} == near
    assert set(far.names()) == {name.partition("/")[0] for name in near}
    lost = next(name for name in near if name.endswith(".tar"))
    far.child(lost).remove()
    assert shard_json(tiny_dataset, address, *asked)["known"] == output["shards"] - 1
    assert {name: far.child(name).read() for name in near} == near
    result = shard(tiny_dataset, address, "--copy")
    assert (result.exit_code, "copy False, now True" in result.stderr) == (1, True)


def test_workers_that_write_to_a_place_of_their_own_are_noticed(tiny_dataset):
    pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    result = shard(tiny_dataset, f"memory://{uuid.uuid4()}", "--jobs", "2")
    assert (result.exit_code, "that all workers share" in result.stderr) == (1, True)


def test_many_workers_write_to_s3(tiny_dataset, tmp_path, s3_address):
    address = f"{s3_address}/{uuid.uuid4()}"
    shard_json(tiny_dataset, address, "--jobs", "2")
    shard_json(tiny_dataset, tmp_path / "near")
    near = bytes_of(tmp_path / "near")
    assert {name: Place.of(address).child(name).read() for name in near} == near


def test_temporary_files_of_a_killed_upload_are_removed(tiny_dataset, tmp_path, monkeypatch):
    pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    address = f"file://{tmp_path}/far"
    workspace = workspace_of(Place.of(address))
    workspace.mkdir(parents=True)
    (workspace / ".tiny-train-000000.0123abcd.part").write_bytes(b"half of a tar")
    shard_json(tiny_dataset, address)
    assert not workspace.exists()


def test_only_what_runs_leave_behind_is_removed(tiny_dataset, tmp_path):
    out = tmp_path / "out"
    shard_json(tiny_dataset, out)
    left = (".tiny-val-000000.0123abcd.part", ".tiny-val-000000.tar.part", ".ab12_x9z.part")
    others = (".film.part", ".tiny-val-000000.part", "notes.part", ".a.txt")
    for name in (*left, *others):
        (out / name).write_bytes(b"half a file")
    shard_json(tiny_dataset, out)
    assert {name for name in (*left, *others) if (out / name).exists()} == {*others}


def test_keys_beyond_ascii_and_long_keys_are_read_by_everyone(tiny_dataset, tmp_path):
    names = {"train": "straße 1", "val": "k" * 120}
    for split, name in names.items():
        for folder, end in (("images", "jpg"), ("annotations", "png")):
            path = sorted((tiny_dataset / folder / split).iterdir())[0]
            path.rename(path.with_name(f"{name}.{end}"))
    shard_json(tiny_dataset, tmp_path / "out")
    assert set(names.values()) <= members_of(tmp_path / "out").keys()
    for manifest in (tmp_path / "out").glob("*-0*.json"):
        content = manifest.with_suffix(".tar").read_bytes()
        for sample in parse_manifest(manifest.read_bytes(), "x").samples:
            offset, size = sample.members["json"]
            assert json.loads(content[offset : offset + size])["key"] == sample.key
