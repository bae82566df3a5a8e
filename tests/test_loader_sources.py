"""Folders and shards are the same samples under the same numbers."""

import pickle
import re
import shutil

import numpy as np
import pytest
from far_folders import upload
from loader_data import SMALL, folder_source, shard_source, write_dataset
from PIL import Image as PillowImage

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import find_dataset
from mass13k_tools.loader.folder_source import FolderSource
from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.open_source import open_source
from mass13k_tools.loader.shard_source import ShardSource
from mass13k_tools.loader.sources import counted_blocks, whole_box
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.taxonomy_file import read_taxonomy


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    root = write_dataset(folder / "photos", 7, seed=1)
    return folder_source(root), shard_source(root, folder / "shards", "--order", "shuffle")


def test_samples_come_in_the_order_of_their_keys(pair):
    folders, shards = pair
    assert list(folders.keys) == [f"p{number:02}" for number in range(7)]
    assert shards.keys == folders.keys
    assert list(shards.shards.keys) != list(shards.keys)  # several shards, shuffled
    assert len(folders) == len(shards) == 7


def test_pixels_are_the_same(pair):
    folders, shards = pair
    rng = np.random.default_rng(0)
    for index in range(7):
        height, width = folders.size_hw(index)
        assert shards.size_hw(index) == (height, width)
        for _ in range(4):
            y, x = int(rng.integers(height)), int(rng.integers(width))
            box = (y, x, int(rng.integers(height - y)) + 1, int(rng.integers(width - x)) + 1)
            for read in ("image_region", "label_region"):
                first, second = (getattr(source, read)(index, box) for source in pair)
                np.testing.assert_array_equal(first, second)
                assert first.shape[:2] == box[2:]
        np.testing.assert_array_equal(
            folders.image_region(index, whole_box(folders, index)),
            np.asarray(PillowImage.open(folders.samples[index].image_path).convert("RGB")),
        )


def test_blocks_are_counted_where_they_are_not_known(pair):
    folders, shards = pair
    assert folders.block_counts(0) is None
    assert shards.block_counts(0) is not None
    for found, expected in zip(counted_blocks(folders, 0), counted_blocks(shards, 0), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_raw_values_become_class_ids_in_both(tmp_path, pair):
    root = tmp_path / "camvid"
    raw = np.array([[0, 0, 7, 31]] * 4, dtype=np.uint8)
    for kind in ("images", "annotations"):
        (root / kind).mkdir(parents=True)
    PillowImage.new("RGB", (4, 4)).save(root / "images" / "a.png")
    PillowImage.fromarray(raw).save(root / "annotations" / "a.png")
    classes = tmp_path / "own.toml"
    classes.write_text(
        "name = 'own'\n"
        "[[classes]]\nid = 0\nname = 'rest'\n"
        "[[classes]]\nid = 1\nname = 'thing'\n"
        "[raw]\n0 = 0\n31 = 0\n7 = 1\n"
    )
    folders = FolderSource(find_dataset(root, taxonomy=read_taxonomy(classes)))
    shards = shard_source(root, tmp_path / "shards", "--classes", str(classes))
    for source in (folders, shards):
        assert source.label_region(0, (0, 1, 1, 3)).tolist() == [[0, 1, 0]]


def test_sources_travel_without_pixels(pair):
    folders, shards = pair
    before = len(pickle.dumps(folders))
    folders.image_region(0, whole_box(folders, 0))
    shards.image_region(0, whole_box(shards, 0))
    assert len(pickle.dumps(folders)) == before
    for source in pair:
        copy = pickle.loads(pickle.dumps(source))
        assert copy.keys == source.keys
        np.testing.assert_array_equal(
            copy.image_region(3, (0, 0, 9, 9)), source.image_region(3, (0, 0, 9, 9))
        )


def test_one_photo_of_the_folders_is_held_at_a_time(pair):
    folders, _ = pair
    for index in (0, 1):
        folders.image_region(index, whole_box(folders, index))
    first = folders.image_region(1, (0, 0, 5, 5))
    assert np.shares_memory(first, folders.image_region(1, (0, 0, 5, 5)))
    assert folders._held.index == 1


def test_turned_photos_are_turned_where_the_label_map_is(tmp_path):
    root = write_dataset(tmp_path / "photos", 1)
    path = root / "images" / "train" / "p00.jpg"
    label_map = np.asarray(PillowImage.open(root / "annotations" / "train" / "p00.png"))
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    turned = PillowImage.open(path).rotate(90, expand=True)
    turned.save(path, exif=exif)
    source, shards = folder_source(root), shard_source(root, tmp_path / "shards")
    assert source.size_hw(0) == label_map.shape
    box = whole_box(source, 0)
    np.testing.assert_array_equal(source.image_region(0, box), shards.image_region(0, box))
    assert source.image_region(0, box).shape[:2] == label_map.shape


def test_a_split_is_named_where_there_are_several(tmp_path):
    root = write_dataset(tmp_path / "photos", 2)
    write_dataset(root, 1, split="val")
    dataset = find_dataset(root)
    assert len(FolderSource(dataset, split="val")) == 1
    with pytest.raises(
        DatasetError, match="several splits in '.*' and no word which, it has: train, val"
    ):
        FolderSource(dataset)
    with pytest.raises(DatasetError, match="no split 'tests' in '.*', it has: train, val"):
        FolderSource(dataset, split="tests")
    with pytest.raises(DatasetError, match="several splits in '.*' and no word which"):
        shard_source(root, tmp_path / "shards")
    assert ShardSource(ShardSet.open(tmp_path / "shards"), split="val").keys == ("p00",)


@pytest.mark.parametrize("kind", [FolderSource, ShardSource])
def test_a_source_of_an_address_says_how_to_open_one(kind):
    with pytest.raises(DatasetError, match=r"is 'photos', expected a .*; open_source\(address\)"):
        kind("photos")


def test_boxes_beyond_the_image_are_refused(pair):
    height, width = pair[0].size_hw(2)
    for source in pair:
        for box in ((-1, 0, 2, 2), (0, 0, 0, 2), (height - 1, 0, 2, 2), (0, width, 1, 1)):
            for read in (source.image_region, source.label_region):
                with pytest.raises(DatasetError, match=re.escape("within")):
                    read(2, box)


def test_an_address_is_opened_whatever_lies_there(tmp_path):
    root = write_dataset(tmp_path / "photos", 2)
    write_dataset(root, 1, split="val")
    (root / "original.tar").write_bytes(b"an archive beside the folders")
    with pytest.raises(DatasetError, match="several splits"):
        shard_source(root, tmp_path / "shards")
    (shard,) = (tmp_path / "shards").glob("*-val-*.tar")
    (tmp_path / "plain").mkdir()
    shutil.copy(shard, tmp_path / "plain")
    folders = open_source(root, split="val")
    assert isinstance(folders, FolderSource)
    far = open_source(f"file://{root}", split="val")
    assert isinstance(far, FolderSource)
    assert far.keys == folders.keys
    for source in (
        open_source(str(tmp_path / "shards"), split="val"),
        open_source(tmp_path / "plain"),
        open_source(shard),
        open_source(f"file://{tmp_path}/shards", split="val"),
    ):
        assert isinstance(source, ShardSource)
        assert source.keys == folders.keys == ("p00",)
        box = whole_box(folders, 0)
        np.testing.assert_array_equal(source.image_region(0, box), folders.image_region(0, box))
    with pytest.raises(DatasetError, match="found nothing at"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="no split 'test'"):
        open_source(tmp_path / "shards", split="test")


@pytest.mark.parametrize("kind, workers", [("shards", 1), ("photos", 0)])
def test_what_lies_far_away_gives_the_batches_of_the_folders(tmp_path, s3_address, kind, workers):
    root = write_dataset(tmp_path / "photos", 3, seed=4)
    address = f"{s3_address}/loader{workers}/{kind}"
    put = {"shards": shard_source, "photos": upload}[kind]
    put(root, address)
    here = CropLoader(open_source(root), SMALL, batch_size=3)
    with CropLoader(open_source(address), SMALL, batch_size=3, workers=workers) as there:
        for found, expected in zip(there, here, strict=True):
            assert found["key"] == expected["key"]
            np.testing.assert_array_equal(found["image"], expected["image"])
            np.testing.assert_array_equal(found["label"], expected["label"])
