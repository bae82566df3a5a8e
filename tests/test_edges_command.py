"""``mass13k edges`` from label files to edge files."""

import json
import os
import sys
from inspect import signature
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from command_runs import bytes_of, files, label_maps, mass13k, mass13k_json
from PIL import Image as PillowImage

from mass13k_tools.boundaries.derived import Target
from mass13k_tools.boundaries.edges import DistanceSettings, EdgeSettings
from mass13k_tools.classes import MASS13K
from mass13k_tools.commands.edges import edges as edges_command
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import png_bytes
from mass13k_tools.layouts import Sample, find_dataset
from mass13k_tools.ops.edges import EdgeMode, edge_map, one_against_rest, signed_distance


def edges(*arguments):
    return mass13k("edges", "--jobs", 1, *arguments)


def edges_json(*arguments):
    return mass13k_json("edges", "--jobs", 1, *arguments)


def test_every_label_map_gets_an_edge_map_that_can_be_seen(tiny_dataset, tmp_path):
    output = edges_json(tiny_dataset, "--out", tmp_path / "out")
    maps, found = label_maps(tiny_dataset), files(tmp_path / "out")
    assert set(found) == {f"{name}.png" for name in maps}
    for name, label_map in maps.items():
        with PillowImage.open(found[f"{name}.png"]) as picture:
            assert picture.mode == "L"
            np.testing.assert_array_equal(np.asarray(picture), edge_map(label_map) * 255)
    assert output == {
        "out": str(tmp_path / "out"),
        "samples": 6,
        "files": 6,
        "known": 0,
        "damaged": 0,
        "bytes": sum(path.stat().st_size for path in found.values()),
        "failures": [],
    }


@pytest.mark.parametrize("mode", get_args(EdgeMode))
def test_mode_width_and_value_are_as_asked(tiny_dataset, tmp_path, mode):
    asked = ("--mode", mode, "--width", 3, "--value", 1)
    edges_json(tiny_dataset, "--out", tmp_path / "out", "--split", "val", *asked)
    found = files(tmp_path / "out")
    assert len(found) == 2
    for name, label_map in label_maps(tiny_dataset).items():
        if name.startswith("val/"):
            pixels = np.asarray(PillowImage.open(found[f"{name}.png"]))
            np.testing.assert_array_equal(pixels, edge_map(label_map, mode=mode, width_px=3))


def test_edges_of_classes_are_those_against_the_rest(tiny_dataset, tmp_path):
    asked = ("--class", "Vegetation", "--class", "person")
    edges_json(tiny_dataset, "--out", tmp_path / "out", *asked)
    for name, label_map in label_maps(tiny_dataset).items():
        pixels = np.asarray(PillowImage.open(tmp_path / "out" / f"{name}.png"))
        together = one_against_rest(label_map, [1, 3])
        np.testing.assert_array_equal(pixels, edge_map(together) * 255)


def test_distances_are_rounded_to_float16(tiny_dataset, tmp_path):
    asked = ("--distance", "--limit", 9, "--class", "sky")
    edges_json(tiny_dataset, "--out", tmp_path / "out", *asked)
    for name, label_map in label_maps(tiny_dataset).items():
        with np.load(tmp_path / "out" / f"{name}.npz") as archive:
            found = archive["distance"]
        expected = signed_distance(one_against_rest(label_map, [5]), limit_px=9)
        np.testing.assert_array_equal(found, expected.astype(np.float16))
        assert found.dtype == np.float16


@pytest.mark.parametrize("kind", [(), ("--distance",)])
def test_a_second_run_finds_everything_there_and_writes_nothing(tiny_dataset, tmp_path, kind):
    out = tmp_path / "out"
    first = edges_json(tiny_dataset, "--out", out, *kind)
    times = {name: path.stat().st_mtime_ns for name, path in files(out).items()}
    assert edges_json(tiny_dataset, "--out", out, *kind) == first | {"known": 6}
    assert edges_json(tiny_dataset, "--out", out, "--overwrite", *kind)["known"] == 6
    assert times == {name: path.stat().st_mtime_ns for name, path in files(out).items()}
    assert "6 of them there before" in edges(tiny_dataset, "--out", out, *kind).stdout


@pytest.mark.parametrize("kind", [(), ("--distance",)])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tiny_dataset, tmp_path, kind):
    edges_json(tiny_dataset, "--out", tmp_path / "whole", *kind)
    out = tmp_path / "out"
    edges_json(tiny_dataset, "--out", out, "--split", "train", *kind)
    (out / "train" / ".unfinished.part").write_bytes(b"half of a file")
    output = edges_json(tiny_dataset, "--out", out, *kind)
    assert (output["known"], output["files"]) == (3, 6)
    (out / "train" / ".unfinished.part").unlink()
    assert bytes_of(out) == bytes_of(tmp_path / "whole")


def test_the_bytes_are_the_same_for_any_number_of_jobs(tiny_dataset, tmp_path):
    edges_json(tiny_dataset, "--out", tmp_path / "one")
    edges_json(tiny_dataset, "--out", tmp_path / "two", "--jobs", 2)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_a_changed_label_map_is_noticed_however_old_its_file_looks(tiny_dataset, tmp_path):
    out = tmp_path / "out"
    edges_json(tiny_dataset, "--out", out)
    changed = find_dataset(tiny_dataset).samples[0].label_path
    changed.write_bytes(png_bytes(np.full((64, 96), 3, np.uint8)))
    os.utime(changed, (1, 1))
    result = edges(tiny_dataset, "--out", out)
    assert result.exit_code == 1
    assert "1 of 6 failed" in result.stderr
    assert "pass --overwrite to replace it" in result.stderr
    assert edges_json(tiny_dataset, "--out", out, "--overwrite")["known"] == 5
    assert not np.asarray(PillowImage.open(out / "train" / f"{changed.stem}.png")).any()


@pytest.mark.parametrize("other", [("--width", 3), ("--mode", "inner"), ("--class", "sky")])
def test_other_settings_never_count_as_up_to_date(tiny_dataset, tmp_path, other):
    out = tmp_path / "out"
    edges_json(tiny_dataset, "--out", out)
    before = bytes_of(out)
    result = edges(tiny_dataset, "--out", out, *other)
    assert result.exit_code == 1
    assert "6 of 6 failed" in result.stderr
    assert bytes_of(out) == before
    assert edges_json(tiny_dataset, "--out", out, "--overwrite", *other)["known"] == 0


def test_other_meanings_of_raw_values_never_count_as_up_to_date(tiny_dataset, tmp_path):
    rows = "".join(f'[[classes]]\nid = {i}\nname = "c{i}"\n' for i in range(7))
    (tmp_path / "same.toml").write_text(rows)
    (tmp_path / "sky-is-tree.toml").write_text(f'{rows}[raw]\n"0-4" = 3\n5 = 3\n6 = 6\n255 = 255\n')
    out = tmp_path / "out"
    edges_json(tiny_dataset, "--out", out)
    same = edges_json(tiny_dataset, "--out", out, "--classes", tmp_path / "same.toml")
    assert same["known"] == 6
    taxonomy = tmp_path / "sky-is-tree.toml"
    output = edges_json(tiny_dataset, "--out", out, "--classes", taxonomy, "--overwrite")
    assert output["known"] == 0


@pytest.mark.parametrize("suffix, kind", [(".png", ()), (".npz", ("--distance",))])
def test_a_damaged_or_foreign_file_is_not_taken_for_ours(tiny_dataset, tmp_path, suffix, kind):
    out = tmp_path / "out"
    edges_json(tiny_dataset, "--out", out, *kind)
    whole = bytes_of(out)
    paths = sorted(out.rglob(f"*{suffix}"))
    paths[0].write_bytes(b"")
    paths[1].write_bytes(paths[1].read_bytes()[:40])
    paths[2].write_bytes(png_bytes(np.zeros((3, 3), np.uint8)))
    assert "3 of 6 failed" in edges(tiny_dataset, "--out", out, *kind).stderr
    assert edges_json(tiny_dataset, "--out", out, "--overwrite", *kind)["known"] == 3
    assert bytes_of(out) == whole


def test_a_bad_file_is_listed_and_the_others_are_written(tiny_dataset, tmp_path):
    bad = find_dataset(tiny_dataset).samples[1].label_path
    bad.write_bytes(b"no png")
    result = edges(tiny_dataset, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    assert "1 of 6 failed" in result.stderr
    output = json.loads(result.stdout)
    assert [failure["file"] for failure in output["failures"]] == [str(bad)]
    assert (output["files"], len(files(tmp_path / "out"))) == (5, 5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--distance", "--width", 3), "--width means nothing for --distance"),
        (("--distance", "--mode", "symmetric"), "--mode means nothing for --distance"),
        (("--distance", "--value", 1), "--value means nothing for --distance"),
        (("--limit", 9), "--limit means nothing for an edge map"),
        (("--class", "car"), "no class 'car' in taxonomy 'mass13k', it has: background, person"),
        (("--width", 0), "0 is not in the range"),
    ],
)
def test_what_cannot_be_meant_is_refused(tiny_dataset, tmp_path, arguments, message):
    result = edges(tiny_dataset, "--out", tmp_path / "out", *arguments)
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("key", ["a...", "-a b\n1#2", os.fsdecode(b"r\xe9union\xff"), "x" * 251])
def test_keys_of_any_kind_stay_below_the_folder(tiny_dataset, tmp_path, key):
    sample = find_dataset(tiny_dataset).samples[0]
    sample.image_path.rename(sample.image_path.with_name(f"{key}.jpg"))
    sample.label_path.rename(sample.label_path.with_name(f"{key}.png"))
    edges_json(tiny_dataset, "--out", tmp_path / "folder" / "out")
    assert f"train/{key}.png" in files(tmp_path / "folder" / "out")
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {"out"}


def test_label_maps_are_never_overwritten(tiny_dataset):
    before = bytes_of(tiny_dataset)
    result = edges(tiny_dataset, "--out", tiny_dataset / "annotations", "--overwrite")
    assert result.exit_code == 1
    assert "is a file of the data set itself; choose another folder" in result.stderr
    assert bytes_of(tiny_dataset) == before


@pytest.mark.parametrize("split, key", [("..", "a"), (".", "a"), ("", "a"), ("val", "../../a")])
def test_no_sample_leads_out_of_the_folder(split, key):
    sample = Sample(key, split, Path("a.jpg"), Path("a.png"))
    with pytest.raises(DatasetError, match="are no file name"):
        Target(Path("out"), MASS13K).path(sample, ".png")


def test_the_options_are_those_of_the_library():
    options = {option.name: option for option in edges_command.params}
    of_edges, of_distances = (signature(one).parameters for one in (edge_map, signed_distance))
    assert set(options["mode"].type.choices) == set(get_args(EdgeMode))
    for name in ("mode", "width_px"):
        assert options[name].default == getattr(EdgeSettings(), name) == of_edges[name].default
    assert options["value"].default == EdgeSettings().value
    limits = options["limit_px"].default, DistanceSettings().limit_px
    assert limits == (of_distances["limit_px"].default,) * 2
