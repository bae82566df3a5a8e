"""``mass13k shard`` of a data set far away gives the shards of its copy here."""

import sys
import uuid

import numpy as np
import pytest
from command_runs import bytes_of, files, mass13k, mass13k_json
from far_folders import upload
from PIL import Image as PillowImage
from s3_server import s3_server
from shard_folders import members_of, shard, shard_json

from mass13k_tools.cli import COMMANDS
from mass13k_tools.layouts import find_dataset
from mass13k_tools.shards.places import Place

fsspec = pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")


@pytest.fixture
def far(tiny_dataset, s3_address):
    """A data set in a bucket."""
    return upload(tiny_dataset, f"{s3_address}/{uuid.uuid4()}/tiny")


def tars(folder):
    return {name: content for name, content in bytes_of(folder).items() if name.endswith(".tar")}


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_shards_of_s3_are_those_of_the_folder_here_and_in_s3(far, tiny_dataset, tmp_path, jobs):
    asked = ("--size", "10KB", "--with", "edges", "--order", "shuffle")
    shard_json(tiny_dataset, tmp_path / "near", *asked)
    found = shard_json(f"{far}/", tmp_path / "here", *asked, "--jobs", jobs)
    assert (found["samples"], found["known"]) == (6, 0)
    assert tars(tmp_path / "here") == tars(tmp_path / "near") != {}
    assert files(tmp_path / "here").keys() == files(tmp_path / "near").keys()
    out = f"{far.removesuffix('/tiny')}/shards"
    shard_json(far, out, *asked, "--jobs", jobs)
    here = bytes_of(tmp_path / "here")
    assert {name: Place.of(out).child(name).read() for name in here} == here
    assert mass13k("shards", "verify", out, "--deep", "--jobs", 1).exit_code == 0
    assert mass13k_json("shards", "diff", far, out, "--jobs", jobs)["equal"]
    label_path = find_dataset(tiny_dataset).samples[0].label_path
    other = PillowImage.new("L", (96, 64), 3)
    with fsspec.open(f"{far}/{label_path.relative_to(tiny_dataset)}", "wb") as file:
        other.save(file, "PNG")
    (difference,) = mass13k_json("shards", "diff", far, out, "--jobs", jobs, code=1)["differences"]
    assert difference["key"] == label_path.stem


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_other_places_do_as_well(tiny_dataset, tmp_path, kind):
    base = {"memory": f"memory://{uuid.uuid4()}", "file": f"file://{tmp_path}/far"}[kind]
    shard_json(upload(tiny_dataset, f"{base}/tiny"), f"{base}/shards")
    shard_json(tiny_dataset, tmp_path / "near")
    shards = Place.of(f"{base}/shards")
    assert {name: shards.child(name).read() for name in tars(tmp_path / "near")} == tars(
        tmp_path / "near"
    )


def test_options_choose_far_away_as_here(far, tiny_dataset, tmp_path):
    lists, classes = tmp_path / "lists", tmp_path / "own.toml"
    lists.mkdir()
    keys = [sample.key for sample in find_dataset(tiny_dataset).samples]
    (lists / "first.txt").write_text("\n".join(keys[:2]))
    (lists / "second.txt").write_text("\n".join(keys[2:]))
    names = ("ground", "a", "b", "c", "d", "e", "f")
    rows = "".join(
        f'[[classes]]\nid = {number}\nname = "{name}"\n' for number, name in enumerate(names)
    )
    classes.write_text(f'name = "own"\n{rows}')
    asked = (*("--lists", lists), *("--split", "second"), *("--classes", classes))
    asked += (*("--layout", "mass13k"), *("--images", "images"), *("--name", "set"))
    shard_json(far, tmp_path / "far", *asked)
    shard_json(tiny_dataset, tmp_path / "near", *asked)
    assert tars(tmp_path / "far") == tars(tmp_path / "near")
    assert members_of(tmp_path / "far").keys() == set(keys[2:])
    result = shard(far, tmp_path / "none", "--split", "dev")
    assert (result.exit_code, f"no split 'dev' in '{far}'" in result.stderr) == (1, True)


def test_a_run_goes_on_from_any_place_that_holds_the_same_files(far, tiny_dataset, tmp_path):
    out = tmp_path / "out"
    assert shard_json(far, out)["known"] == 0
    before = bytes_of(out)
    (out / "tiny-val-000000.tar").unlink()
    assert shard_json(far, out)["known"] == 2
    moved = upload(tiny_dataset, f"{far.removesuffix('/tiny')}/moved/tiny")  # with the checksums
    assert shard_json(moved, out)["known"] == 3
    assert bytes_of(out) == before


def test_a_file_that_changed_at_its_length_is_noticed(far, tiny_dataset, tmp_path):
    shard_json(far, tmp_path / "out")
    path = find_dataset(tiny_dataset).samples[0].label_path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    Place.of(f"{far}/{path.relative_to(tiny_dataset)}").write(bytes(content))
    result = shard(far, tmp_path / "out")
    assert result.exit_code == 1
    assert "tiny-train-000000.tar' is from a run with other sources" in result.stderr


def test_a_file_that_cannot_be_read_stops_the_run_and_leaves_nobody_out(far, tmp_path, monkeypatch):
    from mass13k_tools.shards import remote_lists

    find = remote_lists.RemoteLists.read

    def gone(lists, inner):
        if "val" in inner.parts:
            Place.of(lists.address(inner)).remove()
        return find(lists, inner)

    monkeypatch.setattr(remote_lists.RemoteLists, "read", gone)
    result = shard(far, tmp_path / "out")
    assert result.exit_code == 1
    assert f"cannot read '{far}/images/val/" in result.stderr
    assert "start again" in result.stderr
    assert {name.split("-")[1] for name in tars(tmp_path / "out")} <= {"train", "test"}
    assert not (tmp_path / "out" / "index.json").exists()


def test_bad_samples_are_listed_by_their_names_alone(tiny_dataset, s3_address, tmp_path):
    sample = find_dataset(tiny_dataset).samples[0]
    values = np.asarray(PillowImage.open(sample.label_path)).copy()
    values[0, 0] = 99
    PillowImage.fromarray(values).save(sample.label_path)
    far = upload(tiny_dataset, f"{s3_address}/{uuid.uuid4()}/tiny")
    assert (
        shard_json(far, tmp_path / "far", code=1)["quarantined"]
        == shard_json(tiny_dataset, tmp_path / "near", code=1)["quarantined"]
        != []
    )


def test_keys_that_no_shard_can_hold_are_refused_with_their_address(far, tmp_path):
    for name in ("images/train/a.b.jpg", "annotations/train/a.b.png"):
        Place.of(f"{far}/{name}").write(b"x")
    result = shard(far, tmp_path / "out")
    assert result.exit_code == 1
    assert f"the key 'a.b' of '{far}/images/train/a.b.jpg' has '.' in it" in result.stderr
    assert not (tmp_path / "out").exists()


def error_of(*arguments):
    """Run and give what it says, which is one line."""
    result = mass13k(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_a_missing_bucket_or_server_is_one_line(far, s3_address, tmp_path, monkeypatch):
    import s3fs

    assert "found nothing at 's3://nowhere/x'" in error_of("shard", "s3://nowhere/x", tmp_path)
    assert "names no bucket" in error_of("shard", "s3://", tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        told = error_of("shard", far, tmp_path / "out")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
    assert f"cannot read '{far}'" in told
    assert "are address, endpoint and credentials right?" in told


def test_credentials_that_are_wrong_or_missing_are_one_line(s3_address, tmp_path, monkeypatch):
    import s3fs

    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "0")  # a server that knows nobody
    monkeypatch.setenv("HOME", str(tmp_path))
    with s3_server() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        s3fs.S3FileSystem.clear_instance_cache()
        try:
            told = error_of("shard", "s3://photos/x", tmp_path / "out")
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                monkeypatch.delenv(name)
            monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
            s3fs.S3FileSystem.clear_instance_cache()
            untold = error_of("shard", "s3://photos/x", tmp_path / "out")
        finally:
            s3fs.S3FileSystem.clear_instance_cache()
    assert told.startswith("Error: cannot read 's3://photos/x': ")
    assert "credentials right?" in told
    assert "Unable to locate credentials" in untold


def test_a_missing_extra_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    assert "pip install 'mass13k[cloud]'" in error_of("shard", "s3://photos/x", tmp_path / "out")


OTHERS = {
    "sample": [["s3://b/x"]],
    "check": [["s3://b/x"]],
    "split": [["verify", "s3://b/x"], ["draw", "s3://b/x", "--out", "x"]],
    "stats": [["s3://b/x"], ["ROOT", "--out", "s3://b/x"]],
    "edges": [["s3://b/x"], ["ROOT", "--out", "s3://b/x"]],
    "weights": [["s3://b/x"], ["ROOT", "--out", "s3://b/x"]],
    "shard": [["ROOT", "x", "--lists", "s3://b/x"], ["ROOT", "x", "--classes", "s3://b/x"]],
    "shards": [["extract", "ROOT", "s3://b/x"]],
    "evaluate": [["s3://b/x", "ROOT"], ["ROOT", "s3://b/x"]],
    "compare": [["s3://b/x", "ROOT"], ["ROOT", "ROOT", "--gt", "s3://b/x"]],
    "show": [["s3://b/x", "KEY"], ["ROOT", "KEY", "--pred", "s3://b/x"]],
    "view": [["ROOT", "--pred", "s3://b/x"], ["ROOT", "--export", "s3://b/x"]],
    "report": [["s3://b/x"], ["ROOT", "--pred", "s3://b/x"], ["ROOT", "--out", "s3://b/x"]],
    "pseudo": [
        ["import", "s3://b/x", "results", "--out", "x"],
        ["import", "ROOT", "s3://b/x", "--out", "x"],
        ["generate", "s3://b/x", "--prompt", "car", "--out", "x"],
        ["refine", "ROOT", "s3://b/x", "--out", "x"],
        ["merge", "s3://b/x", "masks", "--class", "car", "--out", "x"],
        ["merge", "ROOT", "s3://b/x", "--class", "car", "--out", "x"],
        ["undo", "ROOT", "--class", "car", "--out", "s3://b/x"],
    ],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_takes_no_address_says_so(tiny_dataset, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    before = bytes_of(tmp_path)
    for arguments in OTHERS[command]:
        asked = [str(tiny_dataset) if word == "ROOT" else word for word in arguments]
        assert "'s3://b/x' is an address, expected" in error_of(command, *asked)
    assert bytes_of(tmp_path) == before
