"""Effects blur or take away the background and leave no trace of it around the foreground."""

import numpy as np
import pytest

from mass13k_tools.errors import DatasetError
from massformer import effects
from massformer.effects import bokeh, cutout, foreground_colours, soft_alpha

RED, BLUE = (200, 40, 30), (30, 60, 220)


def scene(height=160, width=200, *, soft_px=4):
    """Paint a red disc on blue, mixed at a soft rim; give the photo and the disc's share."""
    rows, columns = np.indices((height, width))
    distance = np.hypot(rows - height / 2, columns - width / 2)
    share = np.clip((height / 4 - distance) / soft_px + 0.5, 0, 1)
    photo = share[..., None] * RED + (1 - share[..., None]) * np.array(BLUE)
    return np.rint(photo).astype(np.uint8), share


def as_bytes(share):
    """Write a share as the probability that stands for it."""
    low, high = effects.SURE
    between = np.rint(255 * (low + share * (high - low)))
    return np.select([share == 0, share == 1], [0, 255], between).astype(np.uint8)


def test_probabilities_near_none_and_all_are_none_and_all():
    alpha = soft_alpha(np.array([[0, 12, 128, 243, 255]], np.uint8))
    assert alpha.dtype == np.float32
    assert alpha[0, [0, 1]].tolist() == [0, 0]
    assert alpha[0, [3, 4]].tolist() == [1, 1]
    assert alpha[0, 2] == pytest.approx(0.502, abs=0.002)


def test_the_foreground_is_kept_to_the_byte_and_the_background_is_blurred():
    photo, share = scene()
    stripes = photo.copy()
    stripes[:, ::2][share[:, ::2] == 0] = 255
    made = bokeh(stripes, as_bytes(share), radius_px=8)
    assert np.array_equal(made[share == 1], stripes[share == 1])
    far = share[:30] == 0
    assert made[:30][far].std(axis=0).max() < 10
    assert stripes[:30][far].std(axis=0).max() > 80


def test_no_colour_of_the_foreground_shines_around_it():
    photo, share = scene()
    made = bokeh(photo, as_bytes(share), radius_px=20)
    around = share == 0
    assert np.abs(made[around].astype(int) - BLUE).max() <= 1
    halo = blurred_with_everything(photo, radius_px=20)
    assert np.abs(halo[around].astype(int) - BLUE).max() > 50


def blurred_with_everything(photo, *, radius_px):
    return bokeh(photo, np.zeros(photo.shape[:2], np.uint8), radius_px=radius_px)


def test_a_soft_edge_over_the_same_background_stays_as_it_was():
    photo, share = scene(soft_px=10)
    made = bokeh(photo, as_bytes(share), radius_px=10)
    rim = (share > 0) & (share < 1)
    assert rim.sum() > 1000
    assert np.abs(made[rim].astype(int) - photo[rim]).max() <= 12
    assert np.abs(made[rim].astype(int) - photo[rim]).mean() < 3


def test_soft_edges_of_a_cutout_have_the_colour_of_the_foreground():
    photo, share = scene(soft_px=10)
    cut = cutout(photo, as_bytes(share))
    assert cut.shape == (*photo.shape[:2], 4)
    seen = share > 0.05
    assert np.abs(cut[..., :3][seen].astype(int) - RED).max() <= 20
    assert np.abs(photo[seen].astype(int) - RED).max() > 100
    assert np.abs(cut[..., 3] / 255 - share).max() < 0.01
    assert not cut[share == 0].any()


def test_the_middle_of_a_cutout_is_the_photo_to_the_byte():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (50, 60, 3), dtype=np.uint8)
    cut = cutout(photo, np.full((50, 60), 255, np.uint8))
    assert np.array_equal(cut[..., :3], photo)
    assert (cut[..., 3] == 255).all()


def test_without_foreground_a_cutout_is_empty_and_bokeh_is_a_blur():
    photo, _ = scene()
    nothing = np.zeros(photo.shape[:2], np.uint8)
    assert not cutout(photo, nothing).any()
    made = bokeh(photo, nothing, radius_px=6)
    assert made[80, 100].tolist() == list(RED)
    assert 60 < made[80, 60, 0] < 190  # red and blue mix at the rim


def test_where_no_background_is_near_the_photo_stands_for_it():
    photo, _ = scene()
    made = bokeh(photo, np.full(photo.shape[:2], 200, np.uint8), radius_px=6)
    assert np.abs(made.astype(int) - photo).max() < 20


def test_points_of_light_become_discs_of_the_same_light():
    photo = np.zeros((61, 61, 3), np.uint8)
    photo[30, 30] = 255
    made = bokeh(photo, np.zeros((61, 61), np.uint8), radius_px=5)
    lit = made[..., 0] > 10
    rows, columns = np.nonzero(lit)
    assert np.hypot(rows - 30, columns - 30).max() <= 6
    assert abs(lit.sum() - np.pi * 25) < 25
    linear = ((made[..., 0] / 255 + 0.055) / 1.055) ** 2.4 * lit
    assert linear.sum() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("effect", [bokeh, cutout])
def test_bands_of_rows_give_what_the_whole_gives(effect, monkeypatch):
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (330, 40, 3), dtype=np.uint8)
    probability = np.repeat(rng.integers(0, 256, (33, 40), dtype=np.uint8), 10, axis=0)
    whole = effect(photo, probability)
    monkeypatch.setattr(effects, "BAND_PIXELS", 1)
    bands = effect(photo, probability)
    assert np.abs(bands.astype(int) - whole).max() <= 1


def test_the_blur_grows_with_the_photo():
    photo = np.zeros((300, 400, 3), np.uint8)  # of diagonal 500
    photo[:, 200:] = 255
    made = bokeh(photo, np.zeros((300, 400), np.uint8))
    mixed = np.unique(np.nonzero((made[150] > 0) & (made[150] < 255))[0])
    assert 10 <= len(mixed) <= 14


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3, 2)])
def test_photos_of_any_size_do(size):
    photo = np.full((*size, 3), 77, np.uint8)
    probability = np.full(size, 128, np.uint8)
    assert np.abs(bokeh(photo, probability).astype(int) - 77).max() <= 1
    assert cutout(photo, probability).shape == (*size, 4)


def test_colours_of_the_foreground_are_found_through_strands():
    share = np.zeros((60, 60), np.float32)
    share[:, ::3] = 0.5
    share[:, :10] = 1
    photo = (share[..., None] * RED + (1 - share[..., None]) * np.array(BLUE)) / 255
    colours = foreground_colours(photo.astype(np.float32), share)
    strands = colours[:, 12:40:3] * 255
    assert np.abs(strands - RED).max() < 40


def test_what_is_no_photo_is_refused():
    with pytest.raises(DatasetError, match=r"image is float64 of shape \(4, 4\)"):
        bokeh(np.zeros((4, 4)), np.zeros((4, 4), np.uint8))
