"""``mass13k show`` on real files."""

import json

import numpy as np
import pytest
from PIL import Image as PillowImage
from shown_sample import draw_truth, half_wrong, show, write_prediction

from mass13k_tools.classes import MASS13K
from mass13k_tools.images import read_image, read_label_map
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops.render import GAP_PX


@pytest.fixture
def sample(tiny_dataset):
    return find_dataset(tiny_dataset).samples[0]


@pytest.fixture
def pred(tmp_path, sample):
    return write_prediction(tmp_path / "pred", sample, half_wrong(draw_truth(sample)))


def test_a_crop_shows_every_label_pixel_as_a_sharp_square(tiny_dataset, sample, tmp_path):
    result = show(
        *(tiny_dataset, sample.key, "--crop", "10,20,16,24", "--layers", "label"),
        *("--side", 240, "--out", tmp_path / "panels"),
    )
    assert result.exit_code == 0, result.output
    drawn = read_image(tmp_path / "panels" / f"{sample.key}.png")
    labels = read_label_map(sample.label_path, MASS13K)[10:26, 20:44]
    expected = MASS13K.colours[labels].repeat(10, axis=0).repeat(10, axis=1)
    np.testing.assert_array_equal(drawn[GAP_PX:, GAP_PX:][:160, :240], expected)


def test_all_layers_stand_side_by_side(tiny_dataset, sample, tmp_path):
    layers = "image,overlay,label,outline"
    result = show(tiny_dataset, sample.key, "--layers", layers, "--side", 0, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    drawn = read_image(tmp_path / f"{sample.key}.png")
    assert drawn.shape[1] > 4 * 96
    image = read_image(sample.image_path)
    np.testing.assert_array_equal(drawn[GAP_PX:, GAP_PX:][:64, :96], image)


def test_pairs_are_files_of_one_size_for_every_layer(tiny_dataset, tmp_path, sample, pred):
    layers = "image,overlay,label,outline,edges,weights,prediction,prediction-overlay,error"
    for side, size in ((0, (64, 96)), (60, (40, 60)), (200, (128, 192))):
        out = tmp_path / f"{side}"
        result = show(
            *(tiny_dataset, sample.key, "--pred", pred, "--layers", layers, "--pairs"),
            *("--side", side, "--out", out, "--json"),
        )
        assert result.exit_code == 0, result.output
        files = [str(out / f"{sample.key}-{layer}.png") for layer in layers.split(",")]
        assert json.loads(result.stdout) == {"pictures": files}
        assert {read_image(out / file).shape[:2] for file in files} == {size}


def test_with_predictions_errors_are_shown_unasked(tiny_dataset, tmp_path, sample, pred):
    arguments = (tiny_dataset, sample.key, "--pred", pred, "--pairs", "--json", "--out", tmp_path)
    pictures = json.loads(show(*arguments).stdout)["pictures"]
    layers = [picture.removesuffix(".png").rpartition("-")[2] for picture in pictures]
    assert layers == ["image", "label", "prediction", "error"]


def test_a_missing_prediction_is_named(tiny_dataset, tmp_path, pred):
    result = show(tiny_dataset, "--pred", pred, "--grid", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "no prediction of '00002_b01_20230210_tianjin_id0002' (train)" in result.output
    assert not (tmp_path / "out").exists()


def test_a_prediction_of_another_size_is_named(tiny_dataset, tmp_path, sample, pred):
    path = pred / sample.split / f"{sample.key}.png"
    PillowImage.fromarray(np.zeros((32, 48), np.uint8)).save(path)
    result = show(tiny_dataset, sample.key, "--pred", pred, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"prediction '{path}' is 32x48 but label map '{sample.label_path}'" in result.output


def test_a_prediction_with_unknown_values_is_named(tiny_dataset, tmp_path, sample, pred):
    path = pred / sample.split / f"{sample.key}.png"
    PillowImage.fromarray(np.full((64, 96), 7, np.uint8)).save(path)
    result = show(tiny_dataset, sample.key, "--pred", pred, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"'{path}' holds the value 7" in result.output


def test_pictures_are_listed_as_json(tiny_dataset, sample, tmp_path):
    result = show(tiny_dataset, sample.key, "--json", "--out", tmp_path)
    assert json.loads(result.stdout) == {"pictures": [str(tmp_path / f"{sample.key}.png")]}


def test_a_grid_needs_no_keys(tiny_dataset, tmp_path):
    result = show(tiny_dataset, "--grid", "--layers", "overlay", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert read_image(tmp_path / "grid.png").shape[1] > 2 * 96


def test_pictures_are_not_overwritten_by_accident(tiny_dataset, sample, tmp_path):
    assert show(tiny_dataset, sample.key, "--out", tmp_path).exit_code == 0
    assert show(tiny_dataset, sample.key, "--out", tmp_path).exit_code == 0  # the same bytes
    other = show(tiny_dataset, sample.key, "--side", 50, "--out", tmp_path)
    assert other.exit_code == 1
    assert "--overwrite" in other.output
    assert (
        show(tiny_dataset, sample.key, "--side", 50, "--out", tmp_path, "--overwrite").exit_code
        == 0
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing"], 1, "no sample 'nothing'"),
        ([], 2, "name at least one KEY"),
        (["KEY", "--layers", "image,depth"], 2, "'depth' is none of image, overlay"),
        (["KEY", "--crop", "1,2,3"], 2, "is not y,x,h,w"),
        (["KEY", "--crop", "60,0,10,10"], 1, "is not inside"),
        (["KEY", "--split", "dev"], 1, "no split 'dev'"),
        (["KEY", "--layers", "image,error"], 2, "the layer 'error' needs --pred"),
        (["KEY", "--pred", "nowhere"], 1, "found nothing at 'nowhere'"),
        (["KEY", "--pred", ".", "--layers", "label"], 2, "--pred is shown only by"),
        (["KEY", "--class", "tree"], 2, "--class is for the layer 'error'"),
        (["KEY", "--pred", "PRED", "--class", "car"], 1, "no class 'car'"),
        (["KEY", "--grid", "--pairs"], 2, "choose one of --grid and --pairs"),
    ],
)
def test_wrong_requests_say_what_is_wrong(tiny_dataset, sample, pred, arguments, code, said):
    meant = {"KEY": sample.key, "PRED": pred}
    arguments = [meant.get(argument, argument) for argument in arguments]
    out = tiny_dataset.parent / "none"
    result = show(tiny_dataset, *arguments, "--out", out)
    assert result.exit_code == code
    assert said in result.output
    assert not out.exists()
