"""``mass13k show`` on real files."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image as PillowImage

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.images import read_image, read_label_map
from mass13k_tools.layouts import find_dataset, find_predictions
from mass13k_tools.ops import render
from mass13k_tools.ops.complexity import complexity
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.ops.error_map import BOUNDARY, CONFUSED, ERROR_KINDS, INVENTED, MISSED, error_map
from mass13k_tools.ops.render import GAP_PX
from mass13k_tools.ops.weights import own_weights
from mass13k_tools.panels.look import OF_PREDICTIONS, Look
from mass13k_tools.panels.sheets import contact_sheet, panel


def show(*arguments):
    return CliRunner().invoke(main, ["show", *map(str, arguments)])


@pytest.fixture
def sample(tiny_dataset):
    return find_dataset(tiny_dataset).samples[0]


@pytest.fixture
def truth(sample):
    """The first sample's label map, which all classes but one and ignore occur in."""
    label_map = read_label_map(sample.label_path, MASS13K)
    label_map[10:40, 70:90] = 0
    PillowImage.fromarray(label_map).save(sample.label_path)
    return label_map


@pytest.fixture
def predicted(truth):
    """Its left half is right, its right half is one class."""
    prediction = truth.copy()
    prediction[:, 48:] = np.where(prediction[:, 48:] == 0, 3, 0)
    prediction[:20, 60:] = 1
    return prediction


@pytest.fixture
def pred(tmp_path, sample, predicted):
    """Folder of predictions for the first sample alone."""
    path = tmp_path / "pred" / sample.split / f"{sample.key}.png"
    path.parent.mkdir(parents=True)
    PillowImage.fromarray(predicted).save(path)
    return tmp_path / "pred"


def legend_of(monkeypatch, draw):
    """Catch what a picture says in its legend."""
    seen = []

    def note(title, rows, *, text_px=20):
        seen.append((title, rows))
        return np.zeros((text_px, 5, 3), np.uint8)

    monkeypatch.setattr(render, "legend", note)
    draw()
    return seen[0]


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


def test_the_legend_has_share_and_ipq_of_every_class_present(sample, truth, monkeypatch):
    look = Look(("label",), None, 100)
    title, rows = legend_of(monkeypatch, lambda: panel(sample, MASS13K, look))
    measured = complexity(truth)
    assert title[0] == sample.key
    assert title[-1] == f"mIPQ {measured.mipq:,.1f} (contour)"
    areas = {row.id: (truth == row.id).mean() for row in MASS13K.classes}
    present = sorted((row for row in MASS13K.classes if areas[row.id]), key=lambda r: -areas[r.id])
    expected = [
        (row.colour, f"{row.name}  {areas[row.id]:.1%}  IPQ {measured.ipq[row.id]:,.1f}")
        for row in present
    ]
    ignored = (truth == 255).mean()
    if ignored:
        expected.append(((128, 128, 128), f"ignore  {ignored:.1%}"))
    assert [tuple(row) for row in rows] == expected


def test_the_legend_of_errors_has_their_shares_of_the_labelled_pixels(
    sample, truth, predicted, pred, monkeypatch
):
    look = Look(("error",), predictions=find_predictions(pred, [sample]))
    _, rows = legend_of(monkeypatch, lambda: panel(sample, MASS13K, look))
    errors = error_map(predicted, truth, band_px=1)[truth != 255]
    shares = {row.colour: row.text.split()[1] for row in rows if row.colour}
    for kind in ERROR_KINDS:
        assert shares[kind.colour] == f"{(errors == kind.value).mean():.2%}"
        assert kind is CONFUSED or (errors == kind.value).any()
    (heading,) = (row.text for row in rows if row.colour is None)
    assert heading == f"wrong  {(errors > 0).mean():.2%}"


def test_the_legend_of_one_class_has_only_what_can_go_wrong_with_it(sample, pred, monkeypatch):
    look = Look(
        ("error",),
        predictions=find_predictions(pred, [sample]),
        one_class=MASS13K.find("tree"),
    )
    _, rows = legend_of(monkeypatch, lambda: panel(sample, MASS13K, look))
    heading = next(number for number, row in enumerate(rows) if row.colour is None)
    assert rows[heading].text.startswith("wrong about tree  ")
    colours = [row.colour for row in rows[heading + 1 :]]
    assert colours == [MISSED.colour, INVENTED.colour, BOUNDARY.colour]


def test_cells_of_a_grid_bear_key_split_and_mipq(sample, monkeypatch):
    captions = []
    real = render.legend
    monkeypatch.setattr(
        render, "legend", lambda title, rows: captions.append(title) or real(title, rows)
    )
    drawn = contact_sheet([sample], MASS13K, Look(("image",), None, 96))
    mipq = complexity(read_label_map(sample.label_path, MASS13K)).mipq
    assert captions == [[sample.key, f"{sample.split}, mIPQ {mipq:,.1f}"]]
    first = drawn[GAP_PX:, GAP_PX:][:64, :96]
    np.testing.assert_array_equal(first, read_image(sample.image_path))
    assert drawn.shape[0] > 64 + 30  # the caption is below


def drawn_layer(root, sample, layer, *arguments):
    out = root.parent / "out"
    result = show(
        *(root, sample.key, "--layers", layer, "--pairs", "--side", 0, *arguments),
        *("--out", out, "--overwrite"),
    )
    assert result.exit_code == 0, result.output
    return read_image(out / f"{sample.key}-{layer}.png")


def test_edges_and_weights_are_drawn_pixel_by_pixel(tiny_dataset, sample, truth):
    edges = drawn_layer(tiny_dataset, sample, "edges")
    np.testing.assert_array_equal(edges == 255, np.stack([edge_map(truth)] * 3, axis=2))
    weights = drawn_layer(tiny_dataset, sample, "weights")
    np.testing.assert_array_equal(weights, render.heat_map(own_weights(truth)))


def test_predictions_are_drawn_in_the_colours_of_their_classes(
    tiny_dataset, sample, predicted, pred
):
    flat = drawn_layer(tiny_dataset, sample, "prediction", "--pred", pred)
    np.testing.assert_array_equal(flat, MASS13K.colours[predicted])
    over = drawn_layer(tiny_dataset, sample, "prediction-overlay", "--pred", pred)
    image = read_image(sample.image_path)
    np.testing.assert_array_equal(over, render.overlay(image, predicted, MASS13K.colours))


@pytest.mark.parametrize("class_name", [None, "Tree", "others"])
def test_wrong_pixels_have_the_colour_of_their_kind_and_right_ones_none(
    tiny_dataset, sample, truth, predicted, pred, class_name
):
    arguments = ["--pred", pred, *(["--class", class_name] if class_name else [])]
    drawn = drawn_layer(tiny_dataset, sample, "error", *arguments)
    expected = error_map(predicted, truth, band_px=1)
    if class_name:
        class_id = MASS13K.find(class_name).id
        mask = np.where(truth == 255, 255, truth == class_id).astype(np.uint8)
        expected = error_map((predicted == class_id).astype(np.uint8), mask, band_px=1)
    for kind in ERROR_KINDS:
        np.testing.assert_array_equal(
            (drawn == kind.colour).all(axis=2), expected == kind.value, kind.name
        )
    right = drawn[expected == 0]
    assert right.size
    assert (right == right[:, :1]).all()  # grey


def test_ignored_pixels_of_an_error_map_are_striped(tiny_dataset, sample, truth, pred):
    truth[30:, :40] = 255
    PillowImage.fromarray(truth).save(sample.label_path)
    drawn = drawn_layer(tiny_dataset, sample, "error", "--pred", pred)
    assert set(np.unique(drawn[truth == 255])) == set(render.HATCH_GREYS)


@pytest.mark.parametrize("layer", ["edges", "weights", "error"])
def test_a_crop_shows_what_the_whole_picture_shows_there(tiny_dataset, sample, pred, layer):
    more = ["--pred", pred] if layer in OF_PREDICTIONS else []
    whole = drawn_layer(tiny_dataset, sample, layer, *more)
    cut = drawn_layer(tiny_dataset, sample, layer, *more, "--crop", "9,31,40,50")
    np.testing.assert_array_equal(cut, whole[9:49, 31:81])


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


def test_a_grid_of_errors_says_how_much_is_wrong(sample, truth, predicted, pred, monkeypatch):
    look = Look(("error",), side_px=96, predictions=find_predictions(pred, [sample]))
    title, _ = legend_of(monkeypatch, lambda: contact_sheet([sample], MASS13K, look))
    wrong = ((predicted != truth) & (truth != 255)).sum() / (truth != 255).sum()
    assert title[-1] == f"wrong  {wrong:.2%}"


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
