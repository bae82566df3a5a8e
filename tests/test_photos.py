"""Paths on the command line mean the images that one would think."""

import pytest
from PIL import Image as PillowImage

from mass13k_tools.errors import DatasetError
from massformer.inference.photos import Photo, find_photos


def write(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def test_a_file_is_an_image_named_after_it(tmp_path):
    path = write(tmp_path, "a.b.jpg") / "a.b.jpg"
    assert find_photos([path]) == [Photo("a.b", path)]


def test_a_folder_gives_its_images_by_name_and_what_looks_like_one(tmp_path):
    folder = write(tmp_path, "b.JPG", "a.png", "c.heic", ".d.jpg", "notes.txt")
    write(tmp_path / "deeper", "e.jpg")
    assert [photo.path.name for photo in find_photos([folder])] == ["a.png", "b.JPG", "c.heic"]


def test_raw_files_beside_jpegs_are_passed_over(tmp_path):
    folder = write(tmp_path, "a.jpg", "a.dng", "a.heic", "b.tif", "b.webp")
    names = [photo.path.name for photo in find_photos([folder])]
    assert names[0] == "a.jpg" and names[1] in ("b.tif", "b.webp") and len(names) == 2


def test_a_data_set_gives_its_images_by_split(tiny_dataset):
    photos = find_photos([tiny_dataset])
    assert [photo.split for photo in photos] == ["train"] * 3 + ["val"] * 2 + ["test"]
    first = photos[0]
    assert first.name == "train/00001_b01_20230210_tianjin_id0001"
    assert first.path == tiny_dataset / "images/train" / f"{first.key}.jpg"
    assert first.label_path == tiny_dataset / "annotations/train" / f"{first.key}.png"
    assert find_photos([tiny_dataset], splits=["val"]) == photos[3:5]


def test_images_of_a_data_set_may_lack_label_maps(tiny_dataset):
    with_labels = find_photos([tiny_dataset])
    for path in (tiny_dataset / "annotations" / "test").iterdir():
        path.unlink()
    next((tiny_dataset / "annotations" / "val").iterdir()).unlink()
    photos = find_photos([tiny_dataset])
    assert {photo.name for photo in photos} == {photo.name for photo in with_labels}
    assert sum(photo.label_path is None for photo in photos) == 2
    assert [photo.split for photo in find_photos([tiny_dataset], splits=["test"])] == ["test"]


def test_a_folder_of_images_of_a_data_set_is_a_folder(tiny_dataset):
    photos = find_photos([tiny_dataset / "images" / "val"])
    assert len(photos) == 2
    assert {photo.split for photo in photos} == {""}


def test_several_places_come_in_their_order(tmp_path, tiny_dataset):
    path = write(tmp_path / "one", "z.jpg") / "z.jpg"
    other = write(tmp_path / "two", "a.jpg")
    names = [photo.name for photo in find_photos([path, other, tiny_dataset], splits=["test"])]
    assert names == ["z", "a", "test/00006_b04_20230511_chengdu_id0300"]


def test_two_images_of_one_name_are_refused(tmp_path):
    one, two = write(tmp_path / "one", "a.jpg"), write(tmp_path / "two", "a.png")
    with pytest.raises(DatasetError, match=r"one/a.jpg' and .*two/a.png' are both called 'a'"):
        find_photos([one, two])
    with pytest.raises(DatasetError, match="are both called 'a'; keep one of them"):
        find_photos([write(tmp_path / "both", "a.jpg", "a.png")])


def test_an_image_named_twice_comes_once(tmp_path):
    path = write(tmp_path, "a.jpg") / "a.jpg"
    other_name = tmp_path / ".." / tmp_path.name / "a.jpg"
    assert find_photos([path, tmp_path, path, other_name]) == [Photo("a", path)]


def test_what_is_not_there_or_empty_is_refused(tmp_path, tiny_dataset):
    with pytest.raises(DatasetError, match="no file or folder '.*nothing', expected images"):
        find_photos([tmp_path / "nothing"])
    with pytest.raises(DatasetError, match="no images in '.*empty', expected .jpg or .png files"):
        find_photos([write(tmp_path / "empty", "a.txt")])
    with pytest.raises(DatasetError, match="no split 'tests' in '.*', it has: train, val, test"):
        find_photos([tiny_dataset], splits=["tests"])


def test_a_split_of_a_folder_of_images_is_refused(tmp_path):
    PillowImage.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(
        DatasetError, match="no split 'val': none of the paths is the root of a data set"
    ):
        find_photos([tmp_path], splits=["val"])
