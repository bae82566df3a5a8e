"""Split lists are written, read and applied, and say clearly what does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Dataset, Sample, find_dataset
from mass13k_tools.splits.lists import apply_lists, captures_of, lists_of, read_lists, write_lists


def sample(key: str, split: str = "all", group: str | None = None) -> Sample:
    return Sample(key, split, Path(f"{split}/{key}.jpg"), Path(f"{split}/{key}.png"), group)


def dataset_of(*samples: Sample, layout: str = "folders") -> Dataset:
    return Dataset(Path("root"), layout, MASS13K, samples)


def test_lists_come_back_as_written_in_the_order_of_splits(tmp_path):
    lists = {"val": ("c",), "train": ("a", "2#Aircraft#7#UAV#1652_o"), "extra": ()}

    write_lists(tmp_path / "lists", lists, {"seed": 3})

    read = read_lists(tmp_path / "lists")
    assert list(read.items()) == [
        ("train", ("2#Aircraft#7#UAV#1652_o", "a")),
        ("val", ("c",)),
        ("extra", ()),
    ]
    record = json.loads((tmp_path / "lists" / "split.json").read_text())
    assert record == {"seed": 3, "counts": {"val": 1, "train": 2, "extra": 0}}


def test_lists_from_other_systems_are_read(tmp_path):
    (tmp_path / "train.txt").write_bytes("\ufeffa\r\n\r\nb \r\n".encode())
    (tmp_path / ".hidden.txt").write_text("c\n")

    assert read_lists(tmp_path) == {"train": ("a", "b")}


def test_other_lists_are_replaced_only_on_request(tmp_path):
    write_lists(tmp_path, {"train": ("a",)}, {})
    write_lists(tmp_path, {"train": ("a",)}, {})  # the same again is no conflict

    with pytest.raises(DatasetError, match="--overwrite"):
        write_lists(tmp_path, {"train": ("b",)}, {})
    assert read_lists(tmp_path) == {"train": ("a",)}
    write_lists(tmp_path, {"train": ("b",)}, {}, overwrite=True)
    assert read_lists(tmp_path) == {"train": ("b",)}


@pytest.mark.parametrize("text", ["a\na\n", "b\n"])
def test_key_that_is_listed_twice_is_an_error(tmp_path, text):
    (tmp_path / "train.txt").write_text("b\n")
    (tmp_path / "val.txt").write_text(text)

    with pytest.raises(DatasetError, match="is listed twice"):
        read_lists(tmp_path)


def test_folder_without_lists_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DatasetError, match="no split list in"):
            read_lists(folder)


def test_applied_lists_replace_the_folders_splits(tiny_dataset, tmp_path):
    dataset = find_dataset(tiny_dataset)
    keys = [one.key for one in dataset.samples]
    write_lists(tmp_path / "lists", {"test": tuple(keys[:2]), "train": tuple(keys[2:])}, {})

    applied = apply_lists(dataset, tmp_path / "lists")

    assert lists_of(applied.samples) == {"train": tuple(keys[2:]), "test": tuple(keys[:2])}
    assert [one.split for one in applied.samples] == ["train"] * 4 + ["test"] * 2
    assert applied.faults == ()


def test_unlisted_samples_are_left_out_and_it_is_said(tiny_dataset, tmp_path, caplog):
    dataset = find_dataset(tiny_dataset)
    keys = [one.key for one in dataset.samples]
    write_lists(tmp_path / "lists", {"train": tuple(keys[:4])}, {})

    applied = apply_lists(dataset, tmp_path / "lists")

    assert [one.key for one in applied.samples] == keys[:4]
    (fault,) = applied.faults
    assert (fault.kind, fault.key) == ("unlisted", keys[4])
    assert f"left out: 2 samples that no list names, such as '{keys[4]}'" in caplog.text


def test_listed_keys_that_the_data_set_lacks_are_an_error(tiny_dataset, tmp_path):
    write_lists(tmp_path / "lists", {"train": ("gone",)}, {})

    with pytest.raises(DatasetError, match=r"1 keys in .* are not in .* such as 'gone'"):
        apply_lists(find_dataset(tiny_dataset), tmp_path / "lists")


def test_lists_cannot_tell_apart_two_samples_of_one_key(tmp_path):
    write_lists(tmp_path, {"train": ("a",)}, {})

    with pytest.raises(DatasetError, match="key 'a' is in the splits train and val"):
        apply_lists(dataset_of(sample("a", "train"), sample("a", "val")), tmp_path)


def test_capture_comes_from_the_pattern_then_the_name_then_the_layout():
    named = sample("00001_b01_20230210_tianjin_id1")
    city = sample("ulm_000000_000019", group="ulm")
    alone = sample("holiday")
    dataset = dataset_of(named, city, alone)

    assert captures_of(dataset) == {
        named: "b01_20230210_tianjin",
        city: "ulm",
        alone: "holiday",
    }
    assert captures_of(dataset, pattern="^([0h])") == {named: "0", city: city.key, alone: "h"}


def test_category_of_an_object_is_no_capture():
    uav = sample("2#Aircraft#7#UAV#1652_o", group="UAV")

    assert captures_of(dataset_of(uav, layout="dis5k")) == {uav: uav.key}
    assert captures_of(replace(dataset_of(uav), layout="cityscapes")) == {uav: "UAV"}
