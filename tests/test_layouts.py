"""Every known data set is recognised by its folders and has its own classes."""

from pathlib import Path

import pytest
from layout_trees import TREES, write_tree

from mass13k_tools.classes import MASS13K, UNKNOWN
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import LAYOUT_NAMES, find_dataset
from mass13k_tools.taxonomy_file import shipped_taxonomy

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs" / "layouts.md"
PHOTOS = PROJECT.parent / "shared" / "data" / "camvid7"


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
def test_data_set_is_recognised_and_read_in_its_released_names(tmp_path, tree):
    dataset = find_dataset(write_tree(tmp_path, tree))

    found = [(sample.split, sample.key, sample.group) for sample in dataset.samples]
    assert (dataset.layout, dataset.taxonomy.name) == (tree.layout, tree.taxonomy)
    assert found == list(tree.samples)
    assert dataset.faults == ()
    assert all(sample.image_path.is_file() for sample in dataset.samples)
    written = {tmp_path / name: value for name, value in tree.files}
    assert all(written[sample.label_path] is not None for sample in dataset.samples)
    for raw, class_id in tree.classes:
        assert dataset.taxonomy.lookup[raw] == class_id, raw


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
def test_layout_can_be_chosen_by_name(tmp_path, tree):
    write_tree(tmp_path, tree)

    assert len(find_dataset(tmp_path, layout=tree.layout).samples) == len(tree.samples)
    with pytest.raises(DatasetError, match="no data set of layout"):
        find_dataset(tmp_path, layout="entityseg")


def test_tiny_dataset_has_three_two_one_samples_and_no_faults(tiny_dataset):
    dataset = find_dataset(tiny_dataset)

    assert (dataset.root, dataset.layout) == (tiny_dataset, "mass13k")
    assert dataset.taxonomy is MASS13K
    assert [sample.split for sample in dataset.samples] == ["train"] * 3 + ["val"] * 2 + ["test"]
    assert dataset.samples[0].key == "00001_b01_20230210_tianjin_id0001"
    assert dataset.faults == ()


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="no real photos beside the project")
def test_real_photos_in_the_released_layout_are_all_paired():
    dataset = find_dataset(PHOTOS)

    splits = [sample.split for sample in dataset.samples]
    assert (dataset.layout, dataset.faults) == ("mass13k", ())
    assert splits == ["train"] * 160 + ["val"] * 40 + ["test"] * 80


def test_given_taxonomy_replaces_the_layouts_own(tiny_dataset):
    binary = shipped_taxonomy("binary")

    assert find_dataset(tiny_dataset, taxonomy=binary).taxonomy is binary


def test_root_with_two_layouts_asks_for_a_choice(tmp_path):
    write_tree(tmp_path, TREES["hrsod, repackaged"])
    write_tree(tmp_path, TREES["uhrsd, repackaged"])

    with pytest.raises(DatasetError, match=r"fits several layouts: hrsod, uhrsd; .*--layout"):
        find_dataset(tmp_path)
    assert len(find_dataset(tmp_path, layout="uhrsd").samples) == 1


def test_root_with_two_data_sets_below_asks_for_one(tmp_path):
    write_tree(tmp_path / "one", TREES["folders, no splits"])
    write_tree(tmp_path / "two", TREES["hrsod, repackaged"])

    with pytest.raises(DatasetError, match=r"holds several data sets: .*one' \(folders\), .*two'"):
        find_dataset(tmp_path)


def test_root_of_no_data_set_says_what_is_there_and_what_is_known(tmp_path):
    (tmp_path / "holiday.txt").write_text("")

    with pytest.raises(DatasetError, match=r"holds holiday\.txt; known layouts are mass13k, coco"):
        find_dataset(tmp_path)


def test_root_that_is_a_file_or_missing_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(DatasetError, match="found a file at"):
        find_dataset(tmp_path / "file")
    with pytest.raises(DatasetError, match="found nothing at"):
        find_dataset(tmp_path / "missing")


def test_unknown_layout_name_lists_the_known_ones(tiny_dataset):
    with pytest.raises(DatasetError, match="no layout 'voc', known are: mass13k, "):
        find_dataset(tiny_dataset, layout="voc")


def test_folder_that_cannot_be_read_is_an_error(tiny_dataset, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("os.scandir", refuse)

    with pytest.raises(DatasetError, match=r"cannot read '.*': Permission denied"):
        find_dataset(tiny_dataset)


@pytest.mark.parametrize(
    ("name", "classes"),
    [("coco-stuff", 171), ("ade20k", 150), ("cityscapes", 19), ("entityseg", 150), ("binary", 2)],
)
def test_shipped_taxonomy_has_all_classes_and_each_has_a_raw_value(name, classes):
    taxonomy = shipped_taxonomy(name)

    assert taxonomy.ids == list(range(classes))
    assert set(taxonomy.ids) <= set(taxonomy.lookup)


def test_shipped_names_stand_at_their_ids():
    places = {
        "coco-stuff": {0: "person", 11: "stop sign", 79: "toothbrush", 80: "banner", 170: "wood"},
        "ade20k": {0: "wall", 12: "person", 149: "flag"},
        "cityscapes": {0: "road", 10: "sky", 18: "bicycle"},
        "entityseg": {0: "sky", 41: "car", 149: "pumkin"},
    }
    for name, expected in places.items():
        names = shipped_taxonomy(name).names
        assert {class_id: names[class_id] for class_id in expected} == expected


def test_coco_stuff_has_no_class_for_the_eleven_unused_ids():
    lookup = shipped_taxonomy("coco-stuff").lookup

    unused = [raw for raw in range(182) if lookup[raw] == UNKNOWN]
    assert unused == [11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90]


def test_documentation_names_every_layout():
    text = DOCS.read_text(encoding="utf-8")

    assert [name for name in LAYOUT_NAMES if f"`{name}`" not in text] == []
