"""mBA against one comparison per pixel of every kernel, and where no border is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.mba import band_radii_px, boundary_accuracies, mba

CROSS = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]


def disc_offsets(radius):
    """OpenCV's filled ellipse: in the row dy, as far as the rounded half chord of a circle."""
    return [
        (dy, dx)
        for dy in range(-radius, radius + 1)
        for dx in range(-radius, radius + 1)
        if abs(dx) <= round(math.sqrt(radius**2 - dy**2))
    ]


def slow_band(truth, offsets):
    """Mark where the pixels of the truth under the kernel are not all alike."""
    height, width = truth.shape
    band = np.zeros(truth.shape, bool)
    for dy, dx in offsets:
        ys = slice(max(0, -dy), min(height, height - dy))
        xs = slice(max(0, -dx), min(width, width - dx))
        moved_ys = slice(max(0, dy), min(height, height + dy))
        moved_xs = slice(max(0, dx), min(width, width + dx))
        band[ys, xs] |= truth[ys, xs] != truth[moved_ys, moved_xs]
    return band


@st.composite
def pairs(draw):
    shape = draw(st.tuples(st.integers(1, 13), st.integers(1, 13)))
    return draw(hnp.arrays(np.bool_, shape)), draw(hnp.arrays(np.bool_, shape))


@settings(deadline=None, max_examples=150)
@given(pairs())
def test_small_masks_score_the_share_of_right_pixels_beside_the_border(pair):
    prediction, truth = pair
    band = slow_band(truth, CROSS)
    if band.any():
        expected = (prediction == truth)[band].mean()
        assert mba(prediction, truth) == pytest.approx(expected, abs=1e-12)
    else:
        assert math.isnan(mba(prediction, truth))


def test_five_bands_widen_with_the_image():
    rng = np.random.default_rng(3)
    size_hw = (41, 2400)
    radii = (1, 2, 3, 5, 6)  # R = 2441 / 300 = 8.14
    assert band_radii_px(size_hw) == radii
    truth = np.repeat(np.repeat(rng.random((6, 60)) < 0.4, 7, 0)[:41], 40, 1)
    prediction = truth ^ (rng.random(size_hw) < 0.3)
    expected = [
        (prediction == truth)[slow_band(truth, disc_offsets(radius))].mean() for radius in radii
    ]
    assert boundary_accuracies(prediction, truth) == pytest.approx(expected, abs=1e-12)
    assert mba(prediction, truth) == pytest.approx(np.mean(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("size_hw", "radii"),
    [
        ((1, 1), (1, 1, 1, 1, 1)),
        ((900, 900), (1, 2, 3, 4, 5)),
        ((901, 600), (1, 1, 2, 3, 4)),
        ((3072, 4096), (1, 5, 10, 14, 19)),
    ],
)
def test_radii_follow_height_plus_width(size_hw, radii):
    assert band_radii_px(size_hw) == radii
    assert band_radii_px(size_hw[::-1]) == radii


def test_equal_masks_score_one_and_opposite_ones_zero():
    truth = np.random.default_rng(0).random((57, 33)) < 0.5
    assert mba(truth, truth) == 1.0
    assert mba(~truth, truth) == 0.0


def test_errors_far_from_the_border_do_not_count():
    truth = np.zeros((60, 60), bool)
    truth[20:40, 20:40] = True
    prediction = truth.copy()
    prediction[:5] = True
    prediction[28:32, 28:32] = False
    assert mba(prediction, truth) == 1.0


def test_the_image_frame_is_no_border():
    truth = np.zeros((6, 8), bool)
    truth[:, :4] = True
    prediction = truth.copy()
    prediction[:, 0] = False
    assert mba(prediction, truth) == 1.0


def test_an_empty_prediction_is_right_outside_the_border_only():
    truth = np.zeros((20, 20), bool)
    truth[:, 10:] = True
    assert mba(np.zeros_like(truth), truth) == 0.5


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5)])
def test_a_truth_without_border_scores_nan(value, shape):
    truth = np.full(shape, value)
    assert math.isnan(mba(truth, truth))
    assert np.isnan(boundary_accuracies(~truth, truth)).all()


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (np.zeros((4, 5), np.uint8), "prediction is uint8 of shape (4, 5)"),
        (np.zeros((4, 5, 1), np.bool_), "prediction is bool of shape (4, 5, 1)"),
        (np.zeros((0, 5), np.bool_), "prediction is bool of shape (0, 5)"),
        (
            np.zeros((5, 4), np.bool_),
            "prediction is 5x4 but the truth is 4x5; scale the prediction",
        ),
    ],
)
def test_what_is_no_pair_of_masks_is_refused(prediction, message):
    truth = np.ones((4, 5), np.bool_)
    with pytest.raises(DatasetError) as error:
        mba(prediction, truth)
    assert message in str(error.value)
