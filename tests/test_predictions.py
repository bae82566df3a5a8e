"""Predicted label maps are found by name, and doubt is an error."""

from dataclasses import replace
from pathlib import Path

import pytest
from layout_trees import TREES, write, write_tree

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Sample, find_dataset, find_predictions


def sample(key, split="val"):
    return Sample(
        key, split, Path(f"/d/images/{split}/{key}.jpg"), Path(f"/d/gt/{split}/{key}.png")
    )


def found_at(folder, *names):
    for name in names:
        write(folder / name, 0)
    return folder


def names_of(predictions):
    return {
        name: path.relative_to(predictions.folder).as_posix()
        for name, path in predictions.paths.items()
    }


@pytest.mark.parametrize("place", ["a.png", "a.PNG", "val/a.png", "gt/val/a.png", "d/gt/val/a.png"])
def test_a_prediction_lies_flat_or_in_folders_like_its_label_map(tmp_path, place):
    predictions = find_predictions(found_at(tmp_path, place), [sample("a")])
    assert names_of(predictions) == {("val", "a"): place}
    assert predictions.of(sample("a")) == tmp_path / place
    assert (predictions.missing, predictions.extra) == ([], [])


@pytest.mark.parametrize(
    "place", ["A.png", "test/a.png", "val/deeper/a.png", "a.jpg.png", "images/a.png"]
)
def test_other_names_and_folders_are_extra_and_the_sample_is_missing(tmp_path, place):
    predictions = find_predictions(found_at(tmp_path, place), [sample("a")])
    assert predictions.paths == {}
    assert predictions.missing == [sample("a")]
    assert predictions.extra == [tmp_path / place]
    with pytest.raises(DatasetError, match=r"no prediction of 'a' \(val\) in .* 'val/a.png'"):
        predictions.of(sample("a"))


@pytest.mark.parametrize("name", TREES)
def test_a_data_sets_own_labels_are_found_as_predictions_of_it(tmp_path, name):
    dataset = find_dataset(write_tree(tmp_path, TREES[name]))
    predictions = find_predictions(tmp_path, dataset.samples)
    assert predictions.missing == []
    for one in dataset.samples:
        assert predictions.of(one) == one.label_path


@pytest.mark.parametrize("name", TREES)
def test_every_layout_takes_predictions_by_key_in_a_folder_a_split(tmp_path, name):
    dataset = find_dataset(write_tree(tmp_path / "data", TREES[name]))
    for one in dataset.samples:
        write(tmp_path / "predicted" / one.split / f"{one.key}.png", 0)
    predictions = find_predictions(tmp_path / "predicted", dataset.samples)
    assert (predictions.missing, predictions.extra) == ([], [])


@pytest.mark.parametrize("stem", ["x", "x_gtFine_labelIds", "x_leftImg8bit"])
def test_the_name_is_the_keys_the_label_files_or_the_image_files(tmp_path, stem):
    one = Sample(
        "x",
        "val",
        Path("/d/leftImg8bit/val/ulm/x_leftImg8bit.png"),
        Path("/d/gtFine/val/ulm/x_gtFine_labelIds.png"),
        "ulm",
    )
    for place in (f"{stem}.png", f"val/{stem}.png", f"val/ulm/{stem}.png"):
        folder = tmp_path / place.replace("/", "_")
        assert names_of(find_predictions(found_at(folder, place), [one])) == {("val", "x"): place}


def test_hidden_files_and_other_formats_are_passed_over(tmp_path):
    found_at(tmp_path, "a.png", "._a.png", ".cache/a.png", "val/.b.png")
    (tmp_path / "scores.json").write_text("{}")
    (tmp_path / "b.png").mkdir()
    predictions = find_predictions(tmp_path, [sample("a"), sample("b")])
    assert names_of(predictions) == {("val", "a"): "a.png"}
    assert (predictions.missing, predictions.extra) == ([sample("b")], [])


def test_pictures_beside_label_maps_are_passed_over(tmp_path):
    found_at(tmp_path, "a.png", "extras/overlay/a.png", "extras/val/a.png", "extras.png")
    predictions = find_predictions(tmp_path, [sample("a")])
    assert names_of(predictions) == {("val", "a"): "a.png"}
    assert predictions.extra == [tmp_path / "extras.png"]


def test_a_link_that_leads_in_a_circle_ends(tmp_path):
    found_at(tmp_path, "val/a.png")
    (tmp_path / "val" / "again").symlink_to(tmp_path)
    assert names_of(find_predictions(tmp_path, [sample("a")]))[("val", "a")] == "val/a.png"


def test_predictions_come_in_the_order_of_the_samples(tmp_path):
    samples = [sample("c"), sample("a", "test"), sample("b")]
    predictions = find_predictions(found_at(tmp_path, "a.png", "b.png", "c.png"), samples)
    assert list(predictions.paths) == [("val", "c"), ("test", "a"), ("val", "b")]


def test_a_flat_folder_cannot_serve_one_key_of_two_splits(tmp_path):
    both = [sample("a"), sample("a", "test")]
    with pytest.raises(
        DatasetError, match="'a' in val or in test; put predictions into one folder"
    ):
        find_predictions(found_at(tmp_path / "flat", "a.png"), both)
    split = find_predictions(found_at(tmp_path / "split", "val/a.png", "test/a.png"), both)
    assert names_of(split) == {("val", "a"): "val/a.png", ("test", "a"): "test/a.png"}


def test_two_files_for_one_sample_are_refused(tmp_path):
    found_at(tmp_path, "a.png", "val/a.png")
    with pytest.raises(DatasetError, match=r"both predictions of 'a' \(val\); keep one"):
        find_predictions(tmp_path, [sample("a")])


def test_a_name_that_fits_two_keys_is_refused(tmp_path):
    other = replace(sample("b"), label_path=Path("/d/gt/val/a.png"))
    with pytest.raises(DatasetError, match="named after both 'a' and 'b'"):
        find_predictions(found_at(tmp_path, "a.png"), [sample("a"), other])


def test_a_missing_or_empty_folder_is_one_clear_line(tmp_path):
    with pytest.raises(DatasetError, match="found nothing at .* expected a folder of predictions"):
        find_predictions(tmp_path / "none", [sample("a")])
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="found a file at"):
        find_predictions(tmp_path / "file", [sample("a")])
    with pytest.raises(DatasetError, match="no PNG in .* named KEY.png"):
        find_predictions(tmp_path, [sample("a")])
