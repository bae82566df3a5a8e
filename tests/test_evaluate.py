"""``mass13k evaluate`` on real files."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import STEMS, draw_label_map

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.evaluation.published import TABLE_2
from mass13k_tools.images import png_bytes, read_label_map

NAMES = list(MASS13K.names.values())


def evaluate(*arguments):
    if not {"--jobs", "--cluster"} & set(arguments):
        arguments += ("--jobs", 1)  # a worker process takes longer to start than to score
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def scores(*arguments):
    result = evaluate(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write(path, label_map):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(np.ascontiguousarray(label_map, dtype=np.uint8)))


@pytest.fixture
def predictions(tiny_dataset, tmp_path):
    """Perfect predictions of every split, in folders like the label maps."""
    folder = tmp_path / "predictions"
    shutil.copytree(tiny_dataset / "annotations", folder)
    return folder


def change(folder, function, pattern="*.png"):
    for path in sorted(folder.rglob(pattern)):
        write(path, function(read_label_map(path, MASS13K)))


def slow_iou(pairs, class_id):
    """Compute IoU of one class over all pairs, with nothing shared with the code under test."""
    shared = either = 0
    for prediction, truth in pairs:
        valid = truth != 255
        one, other = (prediction == class_id) & valid, (truth == class_id) & valid
        shared, either = shared + (one & other).sum(), either + (one | other).sum()
    return shared / either if either else None


def test_a_perfect_prediction_scores_1_in_everything(predictions, tiny_dataset):
    output = scores(predictions, tiny_dataset)
    assert output["protocol"] == "mass13k/1"
    assert output["images"] == 6
    assert (output["miou"], output["biou"], output["accuracy"]) == (1, 1, 1)
    assert output["bf1"] == {"1": 1, "2": 1, "3": 1, "5": 1, "0.1%": 1}
    assert output["bf1_per_image"] == output["bf1"]
    assert output["biou_ratio"] == 0.001
    assert output["biou_width_px"] == 1
    assert output["bf1_tolerance_px"]["0.1%"] == pytest.approx(np.hypot(64, 96) / 1000)
    assert [(row["id"], row["name"]) for row in output["classes"]] == list(enumerate(NAMES))
    assert all(row["iou"] == row["biou"] == 1 for row in output["classes"])
    assert sum(kind["wrong"] for kind in output["mistakes"].values() if isinstance(kind, dict)) == 0
    assert output["worst_windows"] == []


def test_swapped_classes_score_what_the_slow_version_says(predictions, tiny_dataset):
    swap = np.arange(256)
    swap[[2, 5]] = 5, 2
    change(predictions, lambda labels: swap[labels])
    output = scores(predictions, tiny_dataset, "--split", "val", "--split", "test")
    truths = [draw_label_map(number) for number in (3, 4, 5)]
    pairs = [(swap[truth], truth) for truth in truths]
    for row in output["classes"]:
        assert row["iou"] == pytest.approx(slow_iou(pairs, row["id"]))
    assert output["classes"][5]["iou"] < 0.1 < output["classes"][4]["iou"]
    defined = [slow_iou(pairs, k) for k in range(7) if slow_iou(pairs, k) is not None]
    assert output["miou"] == pytest.approx(np.mean(defined))
    building, sky = NAMES.index("building"), NAMES.index("sky")
    matrix = np.array(output["confusion"]["pixels"])
    assert matrix[building, sky] == sum(int((truth == 2).sum()) for truth in truths)
    assert matrix[building, building] == 0


def test_scores_are_the_same_for_any_workers(predictions, tiny_dataset, cluster_address):
    change(predictions, lambda labels: np.roll(labels, 2, axis=1) % 7)
    alone = scores(predictions, tiny_dataset, "--jobs", 1)
    assert scores(predictions, tiny_dataset, "--jobs", 2) == alone
    assert scores(predictions, tiny_dataset, "--cluster", cluster_address) == alone
    assert 0 < alone["biou"] < alone["miou"] < 1


def test_the_csv_has_every_image_with_the_numbers_of_the_json(predictions, tiny_dataset, tmp_path):
    change(predictions, lambda labels: np.roll(labels, 1, axis=0) % 7)
    out = tmp_path / "out"
    assert evaluate(predictions, tiny_dataset, "--out", out).exit_code == 0
    stored = json.loads((out / "scores.json").read_text())
    rows = list(csv.DictReader(io.StringIO((out / "scores.csv").read_text())))
    assert [row["key"] for row in rows] == [key for keys in STEMS.values() for key in keys]
    for row, image in zip(rows, stored["per_image"], strict=True):
        assert float(row["miou"]) == pytest.approx(image["miou"], rel=1e-5)
        assert float(row["bf1_0.1%"]) == pytest.approx(image["bf1"]["0.1%"], rel=1e-5)
    water = [row["iou_water"] for row in rows]
    assert "" in water  # undefined where an image has none
    again = evaluate(predictions, tiny_dataset, "--out", out, "--biou-ratio", 0.02)
    assert again.exit_code == 1
    assert "--overwrite" in again.output


def test_truth_may_be_a_folder_of_label_maps(predictions, tiny_dataset, tmp_path):
    with_splits = scores(predictions, tiny_dataset / "annotations")
    assert with_splits["images"] == 6
    assert with_splits["splits"] == ["test", "train", "val"]
    flat = scores(predictions / "val", tiny_dataset / "annotations" / "val")
    assert (flat["images"], flat["splits"], flat["miou"]) == (2, ["all"], 1)


def test_label_maps_are_scored_without_their_photos(predictions, tiny_dataset):
    photo = next((tiny_dataset / "images" / "val").iterdir())
    photo.unlink()
    assert scores(predictions, tiny_dataset)["images"] == 6
    shutil.rmtree(tiny_dataset / "images" / "test")
    assert scores(predictions, tiny_dataset, "--split", "test")["images"] == 1
    shutil.rmtree(tiny_dataset / "images")
    assert scores(predictions, tiny_dataset)["images"] == 6


def test_two_label_maps_of_one_key_are_refused(predictions, tiny_dataset):
    path = tiny_dataset / "annotations" / "val" / f"{STEMS['val'][0]}.png"
    shutil.copy(path, path.with_suffix(".PNG"))
    for truth in (tiny_dataset, tiny_dataset / "annotations"):
        result = evaluate(predictions, truth)
        assert result.exit_code == 1
        assert f"are both label maps of '{path.stem}'" in result.output


def test_predictions_may_lie_flat_and_only_chosen_splits_are_wanted(predictions, tiny_dataset):
    assert scores(predictions, tiny_dataset, "--split", "val")["images"] == 2
    assert scores(predictions / "val", tiny_dataset, "--split", "val")["images"] == 2


def test_predictions_are_read_by_the_taxonomy_of_the_truth(tmp_path):
    classes = tmp_path / "classes.toml"
    classes.write_text('[[classes]]\nid = 3\nname = "rest"\n[[classes]]\nid = 9\nname = "leaf"\n')
    label_map = np.full((20, 30), 3)
    label_map[5:15, 5:15] = 9
    write(tmp_path / "gt" / "a.png", label_map)
    write(tmp_path / "pred" / "a.png", label_map)
    output = scores(tmp_path / "pred", tmp_path / "gt", "--classes", classes)
    assert [row["iou"] for row in output["classes"]] == [1, 1]


def test_a_missing_an_extra_and_a_wrong_sized_prediction_are_named(predictions, tiny_dataset):
    gone, kept = (predictions / "val" / f"{key}.png" for key in STEMS["val"])
    content = gone.read_bytes()
    gone.unlink()
    result = evaluate(predictions, tiny_dataset)
    assert result.exit_code == 1
    assert f"'val/{gone.name}'" in result.output
    assert "1 of 6 predictions are missing" in result.output
    gone.write_bytes(content)
    (predictions / "val" / "stranger.png").write_bytes(content)
    result = evaluate(predictions, tiny_dataset)
    assert result.exit_code == 1
    assert "'val/stranger.png'" in result.output
    (predictions / "val" / "stranger.png").unlink()
    write(kept, np.zeros((32, 48)))
    result = evaluate(predictions, tiny_dataset, "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert str(kept) in result.output
    assert "is 32x48" in result.output
    assert "is 64x96" in result.output


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: write(path, np.full((64, 96), 7)), "holds the value 7"),
        (lambda path: path.write_bytes(path.read_bytes()[:-60]), "cut short"),
    ],
)
def test_a_prediction_that_cannot_be_scored_gives_no_score_at_all(
    predictions, tiny_dataset, tmp_path, spoil, said
):
    path = predictions / "test" / f"{STEMS['test'][0]}.png"
    spoil(path)
    result = evaluate(predictions, tiny_dataset, "--json", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert str(path) in result.output
    assert said in result.output
    assert not (tmp_path / "out").exists()


def test_undefined_scores_are_null(tmp_path):
    write(tmp_path / "gt" / "a.png", np.full((20, 30), 255))
    write(tmp_path / "pred" / "a.png", np.zeros((20, 30)))
    output = scores(tmp_path / "pred", tmp_path / "gt")
    assert (output["miou"], output["accuracy"]) == (None, None)
    assert output["bf1"]["1"] is None
    assert output["per_image"][0]["miou"] is None
    assert output["biou"] == 0  # as released: a prediction on ignored pixels counts as wrong
    assert evaluate(tmp_path / "pred", tmp_path / "gt", "--confusion").exit_code == 0


def test_other_band_widths_come_with_the_share_they_cover_and_a_warning(predictions, tiny_dataset):
    result = evaluate(predictions, tiny_dataset, "--biou-ratio", 0.1, "--biou-ratio", 0.02)
    assert result.exit_code == 0
    assert "swallows 50% or more of a class" in result.stderr
    output = scores(predictions, tiny_dataset, "--biou-ratio", 0.1, "--biou-ratio", 0.02)
    assert [(row["ratio"], row["width_px"]) for row in output["biou_at"]] == [(0.1, 12), (0.02, 2)]
    wide, narrow = (row["classes"]["sky"]["band_share"] for row in output["biou_at"])
    assert 0.3 < narrow < wide <= 1


def test_binary_sets_have_hce_and_mba(tmp_path):
    classes = tmp_path / "classes.toml"
    classes.write_text('[[classes]]\nid = 0\nname = "rest"\n[[classes]]\nid = 1\nname = "leaf"\n')
    truth = np.zeros((120, 160))
    truth[40:80, 40:80] = 1
    prediction = truth.copy()
    prediction[90:110, 120:150] = 1  # one region too many: one click
    write(tmp_path / "gt" / "a.png", truth)
    write(tmp_path / "pred" / "a.png", prediction)
    arguments = (tmp_path / "pred", tmp_path / "gt", "--classes", classes)
    output = scores(*arguments)
    found = {name: output["binary"][name] for name in ("class", "hce", "mba", "mba_undefined")}
    assert found == {"class": "leaf", "hce": 1, "mba": 1, "mba_undefined": 0}
    assert output["per_image"][0]["hce"] == 1
    assert "│         1.0 │ 100.00 │" in evaluate(*arguments).output


def test_of_two_classes_the_binary_scores_are_of_the_object(tmp_path):
    classes = tmp_path / "classes.toml"
    rows = '[[classes]]\nid = 0\nname = "leaf"\n[[classes]]\nid = 1\nname = "background"\n'
    classes.write_text(rows)
    for folder in ("gt", "pred"):
        write(tmp_path / folder / "a.png", np.eye(20))
    output = scores(tmp_path / "pred", tmp_path / "gt", "--classes", classes)
    assert output["binary"]["class"] == "leaf"


def test_images_without_mba_are_counted(tmp_path):
    classes = tmp_path / "classes.toml"
    classes.write_text('[[classes]]\nid = 0\nname = "rest"\n[[classes]]\nid = 1\nname = "leaf"\n')
    for folder in ("gt", "pred"):
        write(tmp_path / folder / "a.png", np.zeros((20, 20)))
    output = scores(tmp_path / "pred", tmp_path / "gt", "--classes", classes)
    assert (output["binary"]["mba"], output["binary"]["mba_undefined"]) == (None, 1)


def test_binary_scores_of_one_class_of_many_on_request(predictions, tiny_dataset):
    assert "binary" not in scores(predictions, tiny_dataset)
    output = scores(predictions, tiny_dataset, "--binary", "vegetation")
    assert (output["binary"]["class"], output["binary"]["hce"], output["binary"]["mba"]) == (
        "tree",
        0,
        1,
    )
    assert "no class 'car'" in evaluate(predictions, tiny_dataset, "--binary", "car").output


def test_the_worst_window_is_where_the_mistakes_are(tmp_path):
    truth = np.zeros((1500, 1200))
    prediction = truth.copy()
    prediction[1000:1200, 640:840] = 5
    write(tmp_path / "gt" / "big.png", truth)
    write(tmp_path / "pred" / "big.png", prediction)
    (window,) = scores(tmp_path / "pred", tmp_path / "gt")["worst_windows"]
    assert window["key"] == "big"
    assert (window["height"], window["width"], window["wrong"]) == (512, 512, 200 * 200)
    assert window["y"] <= 1000 <= 1200 <= window["y"] + 512
    assert window["x"] <= 640 <= 840 <= window["x"] + 512


def test_as_many_worst_windows_are_listed_as_asked_for(tmp_path):
    truth, prediction = np.zeros((512 * 5, 512 * 5)), np.zeros((512 * 5, 512 * 5))
    prediction[256::512, 256::512] = 3  # one wrong pixel in each of 25 windows
    write(tmp_path / "gt" / "big.png", truth)
    write(tmp_path / "pred" / "big.png", prediction)
    arguments = (tmp_path / "pred", tmp_path / "gt", "--top")
    windows = [line for line in evaluate(*arguments, 25).output.splitlines() if "512x512" in line]
    assert len(windows) == 25
    assert len(scores(*arguments, 3)["worst_windows"]) == 20


def test_results_are_shown_even_where_they_cannot_be_written(predictions, tiny_dataset, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scores.json").write_text("of an earlier run")
    result = evaluate(predictions, tiny_dataset, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "100.00" in result.stdout
    assert "--overwrite" in result.stderr
    assert not (tmp_path / "out" / "scores.csv").exists()


@pytest.mark.parametrize("ratio", ["nan", "inf", "0", "1.5"])
def test_a_band_ratio_is_a_share(predictions, tiny_dataset, ratio):
    result = evaluate(predictions, tiny_dataset, "--biou-ratio", ratio)
    assert result.exit_code == 2
    assert "--biou-ratio" in result.output


def test_a_data_set_that_is_ambiguous_is_not_taken_for_a_folder_of_label_maps(
    predictions, tiny_dataset
):
    shutil.copytree(tiny_dataset, tiny_dataset.parent / "both" / "one")
    shutil.copytree(tiny_dataset, tiny_dataset.parent / "both" / "two")
    result = evaluate(predictions, tiny_dataset.parent / "both")
    assert "holds several data sets" in result.output


def test_the_papers_rows_stand_beside_ours(predictions, tiny_dataset):
    result = evaluate(predictions, tiny_dataset, "--split", "test", "--compare", "paper")
    assert result.exit_code == 0, result.output
    for method in TABLE_2:
        assert f"│ {method.name}" in result.output
    (ours,) = (line for line in result.output.splitlines() if "predictions (here)" in line)
    cells = [cell.strip() for cell in ours.strip("│").split("│")]
    assert cells[1:7] == ["", "", "", "100.00", "100.00", "1.0000"]
    assert "multiply-adds" in result.output
    assert "where the classes" not in result.output


def test_the_papers_table_says_when_the_classes_here_are_others(tmp_path):
    classes = tmp_path / "classes.toml"
    classes.write_text('[[classes]]\nid = 0\nname = "leaf"\n')
    for folder in ("gt", "pred"):
        write(tmp_path / folder / "a.png", np.zeros((20, 20)))
    result = evaluate(
        *(tmp_path / "pred", tmp_path / "gt", "--classes", classes, "--compare", "paper")
    )
    assert "where the classes are those of 'classes'" in result.output


def test_the_papers_table_has_sixteen_methods_with_plausible_scores():
    assert len({method.name for method in TABLE_2}) == 16
    best = max((method for method in TABLE_2 if method.val), key=lambda method: method.val.biou)
    assert best.name == "MaSSFormer"
    assert best.val == (0.8897, 0.4897, 0.5639)
    for method in TABLE_2:
        for published in filter(None, (method.val, method.test)):
            assert 0 < published.biou < published.bf1 < published.miou < 1


def test_a_folder_without_predictions_and_an_unknown_split_are_said(tiny_dataset, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no PNG in" in evaluate(tmp_path / "empty", tiny_dataset).output
    assert "found nothing at" in evaluate(tmp_path / "none", tiny_dataset).output
    result = evaluate(tmp_path / "empty", tiny_dataset, "--split", "validation")
    assert "no split 'validation'" in result.output
    assert result.exit_code == 1
