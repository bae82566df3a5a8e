"""Fitted label maps, masks and values show what was there."""

import numpy as np
import pytest

from mass13k_tools.ops import fit

LABELS = np.array([[0, 5, 5], [3, 3, 255]], np.uint8)


def test_enlarged_label_pixels_are_squares_of_one_value():
    large = fit.fit_label_map(LABELS, 100)
    assert large.shape == (66, 99)
    for y in range(2):
        for x in range(3):
            assert (large[33 * y : 33 * (y + 1), 33 * x : 33 * (x + 1)] == LABELS[y, x]).all()


def test_shrunk_label_maps_hold_only_values_that_were_there():
    labels = np.random.default_rng(0).choice([0, 5, 255], (300, 401)).astype(np.uint8)
    small = fit.fit_label_map(labels, 100)
    assert small.shape == (75, 100)
    assert set(np.unique(small)) == {0, 5, 255}


def test_images_and_label_maps_are_fitted_to_the_same_size():
    for shape in ((300, 401), (7, 5), (1000, 3), (64, 64)):
        labels = np.zeros(shape, np.uint8)
        image = np.zeros((*shape, 3), np.uint8)
        for side in (0, 10, 64, 333):
            assert fit.fit_image(image, side).shape[:2] == fit.fit_label_map(labels, side).shape


@pytest.mark.parametrize("shape", [(300, 401), (7, 5), (64, 64)])
@pytest.mark.parametrize("side", [0, 10, 64, 333])
def test_masks_and_values_are_fitted_to_the_size_of_images(shape, side):
    expected = fit.fit_image(np.zeros((*shape, 3), np.uint8), side).shape[:2]
    assert fit.fit_mask(np.ones(shape, bool), side).shape == expected
    assert fit.fit_largest(np.ones(shape, np.float32), side).shape == expected


@pytest.mark.parametrize("row", [0, 5, 399])
def test_a_line_of_one_pixel_keeps_its_strength_when_shrunk(row):
    mask = np.zeros((400, 400), bool)
    mask[row] = True
    np.testing.assert_allclose(fit.fit_mask(mask, 100).max(axis=0), 1)
    mask[:, 1:] = False
    assert fit.fit_mask(mask, 100).max() == pytest.approx(0.25)  # a dot fades


def test_a_mask_is_never_stronger_than_1_and_unchanged_at_full_size():
    mask = np.random.default_rng(0).random((50, 60)) < 0.5
    np.testing.assert_array_equal(fit.fit_mask(mask, 0), mask)
    np.testing.assert_array_equal(fit.fit_mask(mask, 120), mask.repeat(2, 0).repeat(2, 1))
    assert fit.fit_mask(np.ones((50, 60), bool), 13).max() == 1


@pytest.mark.parametrize("side", [1, 7, 30, 99, 100])
def test_the_largest_value_survives_shrinking_wherever_it_is(side):
    for y, x in ((0, 0), (99, 80), (57, 31)):
        values = np.zeros((100, 81), np.float32)
        values[y, x] = 0.7
        assert fit.fit_largest(values, side).max() == np.float32(0.7)


def test_values_are_enlarged_to_squares():
    values = np.array([[0.1, 0.9]], np.float32)
    np.testing.assert_array_equal(
        fit.fit_largest(values, 4), np.array([[0.1, 0.1, 0.9, 0.9]] * 2, np.float32)
    )
