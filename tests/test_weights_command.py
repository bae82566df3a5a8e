"""``mass13k weights`` from label files to pictures and compact files, and back."""

import json
import shutil
from collections import namedtuple
from typing import get_args

import numpy as np
import pytest
from command_runs import bytes_of, label_maps, mass13k, mass13k_json
from PIL import Image as PillowImage

from mass13k_tools.boundaries.weights import CompactSettings, WeightFormat, read_weights
from mass13k_tools.commands.weights import weights as weights_command
from mass13k_tools.images import png_bytes
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops.render import heat_map
from mass13k_tools.ops.weight_steps import MOST_KERNEL_PX, Frame, WeightMode
from mass13k_tools.ops.weights import (
    PRECISE_GAIN,
    PSEUDO_GAIN,
    boundary_weights,
    loss_weight_range,
    loss_weights,
    own_weights,
)


def weights(*arguments):
    return mass13k("weights", "--jobs", 1, *arguments)


def weights_json(*arguments):
    return mass13k_json("weights", "--jobs", 1, *arguments)


@pytest.mark.parametrize("kernel_px, frame", [(5, "zeros"), (7, "reflect")])
def test_pictures_show_the_weight_of_each_pixels_own_class(
    tiny_dataset, tmp_path, kernel_px, frame
):
    asked = ("--kernel", kernel_px, "--frame", frame)
    output = weights_json(tiny_dataset, "--out", tmp_path / "out", *asked)
    assert (output["files"], output["known"], output["failures"]) == (6, 0, [])
    for name, label_map in label_maps(tiny_dataset).items():
        own = own_weights(label_map, kernel_px=kernel_px, frame=frame)
        with PillowImage.open(tmp_path / "out" / f"{name}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), heat_map(own))


@pytest.mark.parametrize("mode", get_args(WeightMode))
@pytest.mark.parametrize("kernel_px, frame", [(5, "zeros"), (17, "reflect")])
def test_compact_files_give_the_weights_back_to_the_bit(
    tiny_dataset, tmp_path, mode, kernel_px, frame
):
    asked = ("--mode", mode, "--kernel", kernel_px, "--frame", frame)
    weights_json(tiny_dataset, "--out", tmp_path / "out", "--format", "npz", *asked)
    for name, label_map in label_maps(tiny_dataset).items():
        found = read_weights(tmp_path / "out" / f"{name}.npz")
        assert found.class_ids == sorted({*label_map.flat} - {255})
        expected = boundary_weights(
            label_map, found.class_ids, mode=mode, kernel_px=kernel_px, frame=frame
        )
        np.testing.assert_array_equal(found.weights, expected)
        assert found.weights.dtype == np.float32


def test_the_cost_and_the_range_are_told_before_anything_is_written(tiny_dataset, tmp_path):
    output = weights_json(tiny_dataset, "--out", tmp_path / "out", "--format", "npz")
    files = bytes_of(tmp_path / "out")
    assert output["estimate"]["measured"] == 6
    assert output["estimate"]["float32_bytes"] == 6 * 7 * 64 * 96 * 4
    # All six were measured, without the line that says what a file was made from
    assert 0.8 < output["estimate"]["bytes"] / sum(map(len, files.values())) < 1
    said = weights(tiny_dataset, "--out", tmp_path / "other", "--format", "npz").stderr
    assert "6 samples as npz: about " in said
    assert "as float32 per class, not compressed: 1008.0 KiB (6 measured)" in said
    assert said.index("samples as npz") < said.index("weights ")


@pytest.mark.parametrize("mode", get_args(WeightMode))
def test_the_range_is_that_of_the_loss_weights_of_all_classes(tiny_dataset, tmp_path, mode):
    rows = [
        f'[[classes]]\nid = {i}\nname = "c{i}"\nquality = "{"pseudo" if i == 3 else "precise"}"\n'
        for i in range(7)
    ]
    (tmp_path / "classes.toml").write_text("".join(rows))
    asked = ("--classes", tmp_path / "classes.toml", "--mode", mode, "--pseudo-gain", 1.5)
    found = weights_json(tiny_dataset, "--out", tmp_path / "out", *asked)["loss_weights"]
    low, high, clamped, values = 1, 1, 0, 0
    for label_map in label_maps(tiny_dataset).values():
        present = sorted({int(value) for value in label_map.flat} - {255})
        precise = [class_id != 3 for class_id in present]
        maps = boundary_weights(label_map, present, mode=mode)
        factors = loss_weights(maps, precise, pseudo_gain=1.5)
        low, high = min(low, factors.min()), max(high, factors.max())
        one = loss_weight_range(maps, precise, pseudo_gain=1.5)
        clamped, values = clamped + one.clamped, values + one.values
    assert found == {"low": low, "high": high, "clamped_share": clamped / values}
    assert clamped > 0


def test_few_samples_are_measured_for_many(tiny_dataset, tmp_path):
    sample = find_dataset(tiny_dataset).samples[0]
    for number in range(20):
        for path in (sample.image_path, sample.label_path):
            shutil.copy(path, path.with_name(f"copy{number}{path.suffix}"))
    output = weights_json(tiny_dataset, "--out", tmp_path / "out")
    assert output["estimate"]["measured"] == 8
    assert output["estimate"]["float32_bytes"] == 26 * 7 * 64 * 96 * 4
    assert output["files"] == 26


@pytest.mark.parametrize("file_format", get_args(WeightFormat))
def test_what_will_not_fit_is_not_begun(tiny_dataset, tmp_path, monkeypatch, file_format):
    usage, out = namedtuple("usage", "free"), tmp_path / "deep" / "out"
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(5000))
    result = weights(tiny_dataset, "--out", out, "--format", file_format)
    assert result.exit_code == 1
    assert "only 4.9 KiB are free" in result.stderr
    assert not (tmp_path / "deep").exists()


def test_what_is_there_needs_no_room(tiny_dataset, tmp_path, monkeypatch):
    weights_json(tiny_dataset, "--out", tmp_path / "out")
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0))
    assert weights_json(tiny_dataset, "--out", tmp_path / "out")["known"] == 6


@pytest.mark.parametrize("file_format", get_args(WeightFormat))
def test_a_killed_run_goes_on_and_says_the_same(tiny_dataset, tmp_path, file_format):
    whole = weights_json(tiny_dataset, "--out", tmp_path / "whole", "--format", file_format)
    out = tmp_path / "out"
    weights_json(tiny_dataset, "--out", out, "--format", file_format, "--split", "val")
    output = weights_json(tiny_dataset, "--out", out, "--format", file_format)
    assert output == whole | {"out": str(out), "known": 2}
    assert bytes_of(out) == bytes_of(tmp_path / "whole")


def test_gains_change_no_file(tiny_dataset, tmp_path):
    weights_json(tiny_dataset, "--out", tmp_path / "out")
    output = weights_json(tiny_dataset, "--out", tmp_path / "out", "--precise-gain", 2)
    assert output["known"] == 6
    assert output["loss_weights"]["high"] < 3


def test_a_bad_file_is_listed_and_the_others_are_written(tiny_dataset, tmp_path):
    bad = find_dataset(tiny_dataset).samples[1].label_path
    bad.write_bytes(b"no png")
    result = weights(tiny_dataset, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    assert "1 of 6 failed" in result.stderr
    output = json.loads(result.stdout)
    assert (output["files"], output["estimate"]["measured"]) == (5, 5)


def test_where_nothing_can_be_read_nothing_is_estimated(tiny_dataset, tmp_path):
    for sample in find_dataset(tiny_dataset).samples:
        sample.label_path.write_bytes(b"no png")
    result = weights(tiny_dataset, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    assert "no label map could be read" in result.stderr
    assert json.loads(result.stdout)["loss_weights"] == {"low": 1, "high": 1, "clamped_share": 0}


def test_a_label_map_of_ignore_has_no_weights(tiny_dataset, tmp_path):
    blank = find_dataset(tiny_dataset).samples[0]
    blank.label_path.write_bytes(png_bytes(np.full((64, 96), 255, np.uint8)))
    weights_json(tiny_dataset, "--out", tmp_path / "out", "--format", "npz")
    found = read_weights(tmp_path / "out" / blank.split / f"{blank.key}.npz")
    assert found.weights.shape == (0, 64, 96)
    assert found.class_ids == []


@pytest.mark.parametrize("option", ["--precise-gain", "--pseudo-gain"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_gains_are_finite_numbers(tiny_dataset, tmp_path, option, value):
    result = weights(tiny_dataset, "--out", tmp_path / "out", option, value)
    assert result.exit_code == 2
    assert option in result.output
    assert not (tmp_path / "out").exists()


def test_pictures_are_the_same_in_both_modes(tiny_dataset, tmp_path):
    for mode in get_args(WeightMode):
        weights_json(tiny_dataset, "--out", tmp_path / mode, "--mode", mode)
    assert bytes_of(tmp_path / "abs") == bytes_of(tmp_path / "signed")


def test_an_even_window_is_refused(tiny_dataset, tmp_path):
    result = weights(tiny_dataset, "--out", tmp_path / "out", "--kernel", 4)
    assert result.exit_code == 2
    assert "4 is even" in result.output


def test_the_options_are_those_of_the_library():
    options = {option.name: option for option in weights_command.params}
    assert set(options["file_format"].type.choices) == set(get_args(WeightFormat))
    assert set(options["mode"].type.choices) == set(get_args(WeightMode))
    assert set(options["frame"].type.choices) == set(get_args(Frame))
    for name in ("mode", "kernel_px", "frame"):
        assert options[name].default == getattr(CompactSettings(), name)
    assert options["kernel_px"].type.max == MOST_KERNEL_PX
    assert options["precise_gain"].default == PRECISE_GAIN
    assert options["pseudo_gain"].default == PSEUDO_GAIN
