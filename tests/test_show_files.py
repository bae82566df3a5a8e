"""Which files ``mass13k show`` writes, and which it never replaces."""

import shutil

import pytest
from command_runs import bytes_of, mass13k

from mass13k_tools.layouts import find_dataset


def show(*arguments):
    return mass13k("show", *arguments, "--side", 50)


def copy_as(sample, key, *, split=None):
    """Give a sample's image and label map another key, or put them into another split, too."""
    for path in (sample.image_path, sample.label_path):
        folder = path.parents[1] / split if split else path.parent
        shutil.copy(path, folder / f"{key}{path.suffix}")


@pytest.mark.parametrize("kind", ["images", "annotations"])
@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_files_of_the_data_set_are_never_replaced(tiny_dataset, kind, overwrite):
    sample = next(one for one in find_dataset(tiny_dataset).samples if one.split == "val")
    if kind == "images":
        sample.image_path.rename(sample.image_path.with_suffix(".png"))
    before = bytes_of(tiny_dataset)
    result = show(tiny_dataset, sample.key, "--out", tiny_dataset / kind / "val", *overwrite)
    assert result.exit_code == 1
    assert "is a file of the data set itself; choose another folder" in result.stderr
    assert bytes_of(tiny_dataset) == before


def test_files_of_other_splits_are_never_replaced(tiny_dataset):
    sample = next(one for one in find_dataset(tiny_dataset).samples if one.split == "val")
    copy_as(sample, sample.key, split="train")
    before = bytes_of(tiny_dataset)
    out = ("--out", tiny_dataset / "annotations" / "val", "--overwrite")
    result = show(tiny_dataset, sample.key, "--split", "train", *out)
    assert result.exit_code == 1
    assert "is a file of the data set itself" in result.stderr
    assert bytes_of(tiny_dataset) == before


def test_label_maps_without_image_are_never_replaced(tiny_dataset):
    sample = next(one for one in find_dataset(tiny_dataset).samples if one.split == "val")
    lonely = sample.label_path.with_name("grid.png")
    shutil.copy(sample.label_path, lonely)
    before = bytes_of(tiny_dataset)
    result = show(tiny_dataset, "--grid", "--out", lonely.parent, "--overwrite")
    assert result.exit_code == 1
    assert f"'{lonely}' is a file of the data set itself" in result.stderr
    assert bytes_of(tiny_dataset) == before


def test_predictions_are_never_replaced(tiny_dataset, tmp_path):
    sample = find_dataset(tiny_dataset).samples[0]
    (tmp_path / "pred").mkdir()
    shutil.copy(sample.label_path, tmp_path / "pred")
    before = bytes_of(tmp_path / "pred")
    where = ("--pred", tmp_path / "pred", "--out", tmp_path / "pred", "--overwrite")
    result = show(tiny_dataset, sample.key, *where)
    assert result.exit_code == 1
    assert "choose another folder" in result.stderr
    assert bytes_of(tmp_path / "pred") == before


def test_layers_of_two_samples_never_share_a_file(tiny_dataset, tmp_path):
    sample = find_dataset(tiny_dataset).samples[0]
    for key in ("a", "a-image", "a-prediction"):
        copy_as(sample, key)
    layers = ("--pairs", "--layers", "overlay,prediction-overlay", "--pred", tmp_path / "pred")
    shutil.copytree(tiny_dataset / "annotations", tmp_path / "pred")
    result = show(tiny_dataset, "a", "a-prediction", *layers, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "'a-prediction-overlay.png' would show both 'a' (train) and 'a-prediction' (train)" in (
        result.stderr
    )
    assert not (tmp_path / "out").exists()
    assert show(tiny_dataset, "a", "a-image", *layers, "--out", tmp_path / "out").exit_code == 0


def test_a_split_in_front_of_a_key_never_makes_the_name_of_another(tiny_dataset, tmp_path):
    sample = find_dataset(tiny_dataset).samples[0]
    for key, split in (("k1", "train"), ("k1", "val"), ("train-k1", "train")):
        copy_as(sample, key, split=split)
    result = show(tiny_dataset, "k1", "train-k1", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "'train-k1.png' would show both 'k1' (train) and 'train-k1' (train)" in result.stderr
    assert not (tmp_path / "out").exists()
    assert show(tiny_dataset, "k1", "--out", tmp_path / "out").exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"train-k1.png", "val-k1.png"}
