"""What two splits have in common is found and named."""

import shutil
from pathlib import Path

import pytest

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Dataset, Sample, find_dataset
from mass13k_tools.splits.leaks import is_official, same_images, split_counts, verify_splits
from mass13k_tools.splits.lists import OFFICIAL_COUNTS, apply_lists, write_lists


def kinds(problems):
    return [(problem.kind, problem.severity) for problem in problems]


@pytest.fixture
def official(tmp_path) -> Dataset:
    """As many samples as MaSS13K has, all without files of their own."""
    image = tmp_path / "one.jpg"
    image.write_bytes(b"1")
    samples = [
        Sample(f"{split}{number}", split, image, image)
        for split, count in OFFICIAL_COUNTS.items()
        for number in range(count)
    ]
    return Dataset(tmp_path, "mass13k", MASS13K, tuple(samples))


def test_official_counts_are_recognised(official):
    assert split_counts(official.samples) == {"train": 11348, "val": 500, "test": 1500}
    assert is_official(split_counts(official.samples))
    assert not is_official(split_counts(official.samples[1:]))
    assert not is_official({**OFFICIAL_COUNTS, "extra": 1})


def test_other_counts_are_an_error_only_when_official_ones_are_expected(tiny_dataset, official):
    dataset = find_dataset(tiny_dataset)

    assert verify_splits(dataset) == []
    (problem,) = verify_splits(dataset, official=True)
    assert (problem.kind, problem.severity) == ("not-official", "error")
    assert "train 11,348, val 500, test 1,500" in problem.found
    assert problem.counts == {"train": 3, "val": 2, "test": 1}
    assert "not-official" not in dict(kinds(verify_splits(official, official=True)))


def test_key_in_two_splits_is_an_error(tiny_dataset):
    for folder, ending in (("images", "jpg"), ("annotations", "png")):
        files = tiny_dataset / folder
        stem = "00006_b04_20230511_chengdu_id0300"
        other = "00004_b03_20230402_hangzhou_id0211"
        shutil.copy(files / "val" / f"{other}.{ending}", files / "train" / f"{stem}.{ending}")
        if folder == "images":  # another picture under the same name
            (files / "train" / f"{stem}.jpg").write_bytes(
                (files / "train" / f"{stem}.jpg").read_bytes() + b" "
            )

    problems = verify_splits(find_dataset(tiny_dataset))

    assert kinds(problems) == [("key-in-two-splits", "error")]
    assert problems[0].counts == {"train": 1, "test": 1}
    assert "00006_b04_20230511_chengdu_id0300" in problems[0].found


def test_equal_images_under_two_names_are_an_error(tiny_dataset):
    images, labels = tiny_dataset / "images", tiny_dataset / "annotations"
    source = "00006_b04_20230511_chengdu_id0300"
    shutil.copy(images / "test" / f"{source}.jpg", images / "train" / "renamed.jpg")
    shutil.copy(labels / "test" / f"{source}.png", labels / "train" / "renamed.png")

    (problem,) = verify_splits(find_dataset(tiny_dataset))

    assert (problem.kind, problem.severity) == ("duplicate-image", "error")
    assert "renamed.jpg' = '" in problem.found and source in problem.found


def test_equal_images_within_a_split_are_no_leak(tiny_dataset):
    images, labels = tiny_dataset / "images" / "val", tiny_dataset / "annotations" / "val"
    source = "00004_b03_20230402_hangzhou_id0211"
    shutil.copy(images / f"{source}.jpg", images / "renamed.jpg")
    shutil.copy(labels / f"{source}.png", labels / "renamed.png")

    assert verify_splits(find_dataset(tiny_dataset)) == []


def test_files_of_equal_size_and_other_content_are_not_equal(tmp_path):
    samples = []
    for number, split in enumerate(("train", "val")):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(bytes([number]) * 100)
        samples.append(Sample(str(number), split, path, path))

    assert same_images(samples) == []


def test_only_files_of_equal_size_are_opened(tmp_path, monkeypatch):
    samples = []
    for number, split in enumerate(("train", "val", "test")):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(b"x" * max(1, number))  # 1, 1 and 2 bytes
        samples.append(Sample(str(number), split, path, path))
    opened = []
    plain_open = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *a: opened.append(path) or plain_open(path, *a))

    assert same_images(samples) == [samples[:2]]
    assert sorted(opened) == [samples[0].image_path, samples[1].image_path]


def test_image_that_cannot_be_read_is_an_error(tmp_path):
    missing = tmp_path / "gone.jpg"

    with pytest.raises(DatasetError, match=r"cannot read '.*gone\.jpg'"):
        same_images([Sample("a", "train", missing, missing)])


def test_capture_in_two_splits_is_a_warning_and_an_error_on_request(tiny_dataset, tmp_path):
    dataset = find_dataset(tiny_dataset)
    keys = [sample.key for sample in dataset.samples]
    lists = {"train": (keys[0], *keys[2:5]), "test": (keys[1], keys[5])}
    write_lists(tmp_path / "lists", lists, {})
    dataset = apply_lists(dataset, tmp_path / "lists")

    (problem,) = verify_splits(dataset)
    assert (problem.kind, problem.severity) == ("capture-in-two-splits", "warning")
    assert problem.found == "capture 'b01_20230210_tianjin'"
    assert problem.counts == {"train": 1, "test": 1}
    assert kinds(verify_splits(dataset, strict=True)) == [("capture-in-two-splits", "error")]
    assert verify_splits(dataset, pattern=r"_(id\d+)$") == []


def test_samples_without_split_are_an_error(tiny_dataset, tmp_path):
    dataset = find_dataset(tiny_dataset)
    write_lists(tmp_path / "lists", {"train": (dataset.samples[0].key,)}, {})

    problems = verify_splits(apply_lists(dataset, tmp_path / "lists"))

    assert kinds(problems) == [("unlisted", "error")]


def test_data_set_without_splits_is_an_error(tiny_dataset):
    flat = Dataset(
        tiny_dataset,
        "folders",
        MASS13K,
        tuple(
            Sample(sample.key, "all", sample.image_path, sample.label_path)
            for sample in find_dataset(tiny_dataset).samples
        ),
    )

    assert kinds(verify_splits(flat)) == [("no-splits", "error")]
