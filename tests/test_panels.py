"""What the pictures of ``mass13k show`` show: layers pixel by pixel, and legends."""

import numpy as np
import pytest
from PIL import Image as PillowImage
from shown_sample import draw_truth, half_wrong, show, write_prediction

from mass13k_tools.classes import MASS13K
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


@pytest.fixture
def sample(tiny_dataset):
    return find_dataset(tiny_dataset).samples[0]


@pytest.fixture
def truth(sample):
    return draw_truth(sample)


@pytest.fixture
def predicted(truth):
    return half_wrong(truth)


@pytest.fixture
def pred(tmp_path, sample, predicted):
    return write_prediction(tmp_path / "pred", sample, predicted)


def legend_of(monkeypatch, draw):
    """Catch what a picture says in its legend."""
    seen = []

    def note(title, rows, *, text_px=20):
        seen.append((title, rows))
        return np.zeros((text_px, 5, 3), np.uint8)

    monkeypatch.setattr(render, "legend", note)
    draw()
    return seen[0]


def drawn_layer(root, sample, layer, *arguments):
    out = root.parent / "out"
    result = show(
        *(root, sample.key, "--layers", layer, "--pairs", "--side", 0, *arguments),
        *("--out", out, "--overwrite"),
    )
    assert result.exit_code == 0, result.output
    return read_image(out / f"{sample.key}-{layer}.png")


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


def test_a_grid_of_errors_says_how_much_is_wrong(sample, truth, predicted, pred, monkeypatch):
    look = Look(("error",), side_px=96, predictions=find_predictions(pred, [sample]))
    title, _ = legend_of(monkeypatch, lambda: contact_sheet([sample], MASS13K, look))
    wrong = ((predicted != truth) & (truth != 255)).sum() / (truth != 255).sum()
    assert title[-1] == f"wrong  {wrong:.2%}"


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
