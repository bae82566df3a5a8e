"""What is paired with what inside a data set, and what is reported instead."""

import os
from pathlib import Path

import pytest
from layout_trees import write

from mass13k_tools.classes import UNKNOWN
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import find_dataset


def write_entityseg(root: Path) -> Path:
    labels = root / "entityseg" / "annotations" / "semantic_segmentation"
    for part, name in (("entity_01_11580", "sky"), ("entity_02_11598", "sea")):
        write(root / "entityseg" / "images" / part / f"{name}.jpg")
    write(root / "entityseg" / "images" / "entity_01_11580" / "unlisted.jpg")
    write(root / "entityseg" / "images_lr" / "entity_01_11580" / "sky.jpg")
    write(labels / "semantic_maps_train" / "map_1.png", 0)
    write(labels / "semantic_maps_val" / "map_2.png", 149)
    (labels / "train.txt").write_text("sky.jpg map_1.png\n")
    (labels / "val.txt").write_text("sea.jpg map_2.png\n\n")
    return root


def test_entityseg_pairs_come_from_its_lists(tmp_path):
    dataset = find_dataset(write_entityseg(tmp_path))

    assert dataset.layout == "entityseg"
    found = [
        (
            *(sample.split, sample.key, sample.label_path.name),
            sample.image_path.relative_to(tmp_path / "entityseg").parent.as_posix(),
        )
        for sample in dataset.samples
    ]
    assert found == [
        ("train", "sky", "map_1.png", "images/entity_01_11580"),
        ("val", "sea", "map_2.png", "images/entity_02_11598"),
    ]
    assert dataset.faults == ()
    assert [dataset.taxonomy.lookup[raw] for raw in (0, 149, 150, 255)] == [0, 149, UNKNOWN, 255]


def test_entityseg_lists_that_name_missing_files_are_faults(tmp_path):
    root = write_entityseg(tmp_path)
    train = root / "entityseg" / "annotations" / "semantic_segmentation" / "train.txt"
    train.write_text(
        "sky.jpg map_1.png\nsky.jpg map_9.png\ngone.jpg gone.png\nunlisted.jpg gone.png\n"
    )

    dataset = find_dataset(root)

    assert [sample.key for sample in dataset.samples] == ["sky", "sea"]
    assert {(fault.kind, fault.key) for fault in dataset.faults} == {
        ("duplicate-key", "sky"),
        ("missing-image", "gone"),
        ("missing-label", "unlisted"),
    }


def test_entityseg_lists_cannot_name_files_elsewhere(tmp_path):
    root = write_entityseg(tmp_path)
    write(tmp_path / "outside.png", 5)
    val = root / "entityseg" / "annotations" / "semantic_segmentation" / "val.txt"
    val.write_text(f"../../sea.jpg {tmp_path / 'outside.png'}\n")

    dataset = find_dataset(root)

    assert [sample.key for sample in dataset.samples] == ["sky"]
    assert all((root / "entityseg") in path.parents for path in (f.path for f in dataset.faults))


def test_entityseg_lists_may_hold_names_that_are_no_text(tmp_path):
    root = write_entityseg(tmp_path)
    train = root / "entityseg" / "annotations" / "semantic_segmentation" / "train.txt"
    train.write_bytes(b"sky.jpg map_1.png\nr\xe9union.jpg gone.png\n")

    dataset = find_dataset(root)

    assert [sample.key for sample in dataset.samples] == ["sky", "sea"]
    assert {fault.key for fault in dataset.faults} == {os.fsdecode(b"r\xe9union")}


def test_entityseg_list_with_a_broken_line_is_an_error(tmp_path):
    root = write_entityseg(tmp_path)
    lists = root / "entityseg" / "annotations" / "semantic_segmentation"
    (lists / "val.txt").write_text("sea.jpg\n")

    with pytest.raises(DatasetError, match=r"line 1 of .*val\.txt' is 'sea\.jpg'"):
        find_dataset(root)


def test_preferred_image_folder_wins_and_can_be_chosen(tmp_path):
    for folder in ("images_copy", "images_pad", "images"):
        write(tmp_path / folder / "train" / "a.jpg")
    write(tmp_path / "images_copy" / "train" / "only_in_copy.jpg")
    write(tmp_path / "annotations" / "train" / "a.png", 1)
    write(tmp_path / "annotations" / "train" / "only_in_copy.png", 1)

    def folders(images: str | None = None) -> list[str]:
        samples = find_dataset(tmp_path, images=images).samples
        return [sample.image_path.parent.parent.name for sample in samples]

    assert folders() == ["images", "images_copy"]
    assert folders("images_pad") == ["images_pad"]
    with pytest.raises(DatasetError, match="with images in 'nowhere'"):
        folders("nowhere")


def test_files_without_partner_are_faults_and_not_samples(tiny_dataset):
    image = write(tiny_dataset / "images" / "val" / "lonely.jpg")
    label = write(tiny_dataset / "annotations" / "val" / "alone.png", 1)

    dataset = find_dataset(tiny_dataset)

    assert len(dataset.samples) == 6
    assert [(fault.kind, fault.key, fault.path) for fault in dataset.faults] == [
        ("missing-label", "lonely", image),
        ("missing-image", "alone", label),
    ]


def test_split_without_any_label_is_one_fault(tiny_dataset):
    for number in range(3):
        write(tiny_dataset / "images" / "challenge" / f"{number}.jpg")

    (fault,) = find_dataset(tiny_dataset).faults

    assert (fault.kind, fault.key) == ("missing-label", "challenge")
    assert fault.path == tiny_dataset / "images" / "challenge"
    assert "3 images and 0 label maps" in fault.found


def test_two_files_of_one_key_are_a_fault_and_the_better_ending_is_used(tiny_dataset):
    kept = write(tiny_dataset / "images" / "val" / "twice.jpg")
    extra = write(tiny_dataset / "images" / "val" / "twice.PNG")
    write(tiny_dataset / "annotations" / "val" / "twice.png", 1)

    dataset = find_dataset(tiny_dataset)

    assert [(fault.kind, fault.path) for fault in dataset.faults] == [("duplicate-key", extra)]
    assert kept in [sample.image_path for sample in dataset.samples]


def test_unread_formats_and_nested_photos_are_faults(tiny_dataset):
    images, labels = tiny_dataset / "images" / "train", tiny_dataset / "annotations" / "train"
    odd = [images / "scan.tif", images / "phone.HEIC", labels / "lossy.jpg"]
    for path in odd:
        path.write_bytes(b"")
    write(images / "nested" / "x.jpg")

    faults = find_dataset(tiny_dataset).faults

    assert {(fault.kind, fault.path) for fault in faults} == {
        ("unexpected-file", path) for path in [*odd, images / "nested"]
    }


def test_flat_folder_reports_a_subfolder_once_and_no_file_without_key(tmp_path):
    for name, value in (("a_im.jpg", None), ("a_gt.png", 255), ("_im.jpg", None), ("_gt.png", 0)):
        write(tmp_path / name, value)
    write(tmp_path / "more" / "b_im.jpg")
    write(tmp_path / "more" / "b_gt.png", 255)

    dataset = find_dataset(tmp_path)

    assert [sample.key for sample in dataset.samples] == ["a"]
    assert [fault.path for fault in dataset.faults] == [tmp_path / "more"]


def test_hidden_partial_and_other_files_are_ignored(tiny_dataset):
    images = tiny_dataset / "images" / "train"
    for name in ("._00001.jpg", ".x.jpg.1.part", "y.jpg.part", "Thumbs.db", "readme.txt"):
        (images / name).write_bytes(b"")
    (images / ".cache").mkdir()

    assert find_dataset(tiny_dataset).faults == ()


def test_data_set_without_a_single_pair_is_an_error(tmp_path):
    write(tmp_path / "images" / "train" / "a.jpg")
    write(tmp_path / "annotations" / "train" / "b.png", 1)

    with pytest.raises(DatasetError, match=r"no image .* first fault: .*a\.jpg': no label map"):
        find_dataset(tmp_path)


def test_two_folder_names_for_one_split_are_an_error(tmp_path):
    for split in ("val", "valid"):
        write(tmp_path / "images" / split / "a.jpg")
        write(tmp_path / "annotations" / split / "a.png", 1)

    with pytest.raises(DatasetError, match="'val' and 'valid' in .* both mean the split 'val'"):
        find_dataset(tmp_path)
