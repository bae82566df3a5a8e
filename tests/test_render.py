"""Pictures keep labels exact."""

import numpy as np
import pytest

from mass13k_tools.classes import MASS13K
from mass13k_tools.ops import render

LABELS = np.array([[0, 5, 5], [3, 3, 255]], np.uint8)
IMAGE = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def test_enlarged_label_pixels_are_squares_of_one_value():
    large = render.fit_label_map(LABELS, 100)
    assert large.shape == (66, 99)
    for y in range(2):
        for x in range(3):
            assert (large[33 * y : 33 * (y + 1), 33 * x : 33 * (x + 1)] == LABELS[y, x]).all()


def test_shrunk_label_maps_hold_only_values_that_were_there():
    labels = np.random.default_rng(0).choice([0, 5, 255], (300, 401)).astype(np.uint8)
    small = render.fit_label_map(labels, 100)
    assert small.shape == (75, 100)
    assert set(np.unique(small)) == {0, 5, 255}


def test_images_and_label_maps_are_fitted_to_the_same_size():
    for shape in ((300, 401), (7, 5), (1000, 3), (64, 64)):
        labels = np.zeros(shape, np.uint8)
        image = np.zeros((*shape, 3), np.uint8)
        for side in (0, 10, 64, 333):
            assert (
                render.fit_image(image, side).shape[:2] == render.fit_label_map(labels, side).shape
            )


def test_colours_are_those_of_the_taxonomy():
    painted = render.colour_map(LABELS, MASS13K.colours)
    assert painted[0, 1].tolist() == [0, 0, 255]
    assert painted[1, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize(("opacity", "expected"), [(0, IMAGE), (1, MASS13K.colours[LABELS])])
def test_an_overlay_runs_from_the_image_to_the_colours(opacity, expected):
    drawn = render.overlay(IMAGE, LABELS, MASS13K.colours, opacity=opacity)
    np.testing.assert_array_equal(drawn, expected)


def test_outlines_change_only_pixels_at_class_changes():
    drawn = render.outlines(IMAGE, LABELS, MASS13K.colours)
    changed = (drawn != IMAGE).any(axis=2)
    # Of the two sky pixels on top the right one touches only sky and ignore
    assert changed.tolist() == [[True, True, False], [True, True, False]]


def test_pictures_side_by_side_keep_their_pixels():
    sheet = render.side_by_side([IMAGE, IMAGE[:1]])
    gap = render.GAP_PX
    np.testing.assert_array_equal(sheet[gap : gap + 2, gap : gap + 3], IMAGE)
    np.testing.assert_array_equal(sheet[gap : gap + 1, 2 * gap + 3 : 2 * gap + 6], IMAGE[:1])


def test_a_contact_sheet_holds_every_picture_once():
    pictures = [np.full((4, 5, 3), value, np.uint8) for value in range(1, 8)]
    sheet = render.contact_sheet(pictures)
    for value in range(1, 8):
        assert (sheet == value).all(axis=2).sum() == 20


def test_a_legend_shows_the_colour_of_every_row():
    rows = [render.LegendRow((255, 0, 0), "person"), render.LegendRow((0, 0, 255), "sky")]
    drawn = render.legend(["key"], rows, text_px=16)
    for row in rows:
        assert (drawn == row.colour).all(axis=2).sum() > 100
