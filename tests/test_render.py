"""Pictures keep labels exact."""

import numpy as np
import pytest

from mass13k_tools.classes import MASS13K
from mass13k_tools.ops import render

LABELS = np.array([[0, 5, 5], [3, 3, 255]], np.uint8)
IMAGE = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


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


def test_a_heading_of_a_legend_has_no_box():
    rows = [render.LegendRow((255, 0, 0), "person")]
    plain = render.legend([], rows)
    headed = render.legend([], [render.LegendRow(None, "people"), *rows])
    ink = (plain == render.INK).all(axis=2)
    assert headed.shape[0] > plain.shape[0]
    assert (headed == (255, 0, 0)).all(axis=2).sum() == (plain == (255, 0, 0)).all(axis=2).sum()
    heading = (headed == render.INK).all(axis=2)[: -plain.shape[0] + render.GAP_PX]
    assert 0 < heading.any(axis=0).argmax() < ink.any(axis=0).argmax() + 5  # at the left


def test_marks_are_drawn_in_the_colour_of_the_strongest():
    ground = np.full((1, 4, 3), 100, np.uint8)
    red = render.Marks(np.array([[0, 1, 0.5, 0.4]], np.float32), (200, 0, 0))
    blue = render.Marks(np.array([[0, 0, 0, 0.6]], np.float32), (0, 0, 200))
    drawn = render.draw_marks(ground, [red, blue])
    assert drawn[0].tolist() == [[100, 100, 100], [200, 0, 0], [150, 50, 50], [0, 0, 200]]


def test_heat_maps_grow_lighter_on_a_fixed_scale():
    values = np.linspace(0, 1, 11, dtype=np.float32)[None]
    lightness = render.heat_map(values)[0].sum(axis=1, dtype=int)
    assert (np.diff(lightness) > 0).all()
    np.testing.assert_array_equal(render.heat_map(values[:, 3:5]), render.heat_map(values)[:, 3:5])
    red, _, blue = render.heat_map(np.array([[0.6]], np.float32))[0, 0].tolist()
    assert red > blue


def test_a_photo_is_dimmed_to_grey():
    image = np.array([[[0, 0, 0], [51, 51, 51], [255, 255, 255], [255, 0, 0]]], np.uint8)
    drawn = render.dimmed_grey(image, darkest=20, lightest=120)
    assert drawn[0, :3].tolist() == [[20, 20, 20], [40, 40, 40], [120, 120, 120]]
    assert len(set(drawn[0, 3].tolist())) == 1


def test_stripes_cover_only_what_they_should():
    where = np.zeros((30, 40), bool)
    where[:, :20] = True
    image = np.zeros((30, 40, 3), np.uint8)
    drawn = render.hatched(image, where)
    assert (drawn[:, 20:] == 0).all()
    assert set(np.unique(drawn[:, :20])) == set(render.HATCH_GREYS)
