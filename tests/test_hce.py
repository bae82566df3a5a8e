"""HCE against a walk over every border pixel in plain loops, and cases counted by hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label
from skimage.morphology import skeletonize

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.hce import CorrectionEffort, hce
from mass13k_tools.ops.skeleton import skeleton

SIDES = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]


def pixels_of(mask):
    return set(zip(*(axis.tolist() for axis in np.nonzero(mask)), strict=True))


def mask_of(pixels, shape):
    mask = np.zeros(shape, bool)
    for pixel in pixels:
        mask[pixel] = True
    return mask


def spread(pixels, frame):
    return {(y + dy, x + dx) for y, x in pixels for dy, dx in SIDES} & frame


def slow_runs(contour, open_pixels):
    """Collect stretches of pixels still open along a contour, closing each pixel when it is met."""
    runs, run = [], []
    for x, y in contour:
        if (y, x) in open_pixels:
            open_pixels.remove((y, x))
            run.append((x, y))
        elif run:
            runs.append(run)
            run = []
    if run:
        runs.append(run)
    if len(runs) > 1:
        (x, y), (last_x, last_y) = runs[0][0], runs[-1][-1]
        if max(abs(x - last_x), abs(y - last_y)) == 1:
            runs[-1] += reversed(runs.pop(0))
    return runs


def slow_clicks(wrong, beside, frame, shape, epsilon_px):
    mask = mask_of(wrong, shape)
    regions, n_regions = label(mask, connectivity=2, return_num=True)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    open_pixels, touched, corners = spread(beside, frame), set(), 0
    for contour in contours:
        for run in slow_runs(contour[:, 0].tolist(), open_pixels):
            touched |= {regions[y, x] for x, y in run}
            corners += len(cv2.approxPolyDP(np.array(run, np.int32)[:, None], epsilon_px, False))
    return corners, n_regions - len(touched)


def slow_hce(prediction, truth, *, relax_px=5, epsilon_px=2.0):
    """Work with sets of pixels, one pixel after the other."""
    shape = truth.shape
    frame = pixels_of(np.ones(shape, bool))
    predicted, true = pixels_of(prediction), pixels_of(truth)
    inner = predicted | true
    for _ in range(relax_px):
        inner -= spread(frame - inner, frame)

    def relaxed(wrong, kept_out):
        grown = wrong & inner
        for _ in range(relax_px):
            grown = spread(grown, frame) - kept_out
        return grown & wrong

    fp = relaxed(predicted - true, true)
    lost_lines = pixels_of(skeletonize(truth)) - predicted
    fn = relaxed(true - predicted, predicted) | lost_lines
    found = predicted & true
    return (
        *slow_clicks(fp, found | fn, frame, shape, epsilon_px),
        *slow_clicks(fn, frame - found - fp - fn, frame, shape, epsilon_px),
    )


def texture(seed, shape, *, smooth, share):
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(shape), (0, 0), smooth)
    return noise.reshape(shape) < np.quantile(noise, share)


@st.composite
def pairs(draw):
    """A mask of blobs or specks, and another one: unrelated, moved, or with pieces swapped."""
    shape = draw(st.tuples(st.integers(1, 48), st.integers(1, 48)))
    one, other = (
        texture(
            draw(st.integers(0, 2**32)),
            shape,
            smooth=draw(st.sampled_from([0.3, 0.8, 2, 4])),
            share=draw(st.sampled_from([0, 0.2, 0.5, 0.8, 1])),
        )
        for _ in range(2)
    )
    step = draw(st.integers(-8, 8))
    return draw(st.sampled_from([other, np.roll(one, step, 1), one ^ other])), one


@settings(deadline=None, max_examples=120)
@given(pairs(), st.sampled_from([(5, 2.0), (0, 2.0), (2, 0.0), (1, 1.0)]))
def test_all_four_counts_equal_the_walk_over_every_pixel(pair, sizes):
    relax_px, epsilon_px = sizes
    expected = slow_hce(*pair, relax_px=relax_px, epsilon_px=epsilon_px)
    assert hce(*pair, relax_px=relax_px, epsilon_px=epsilon_px) == expected


@pytest.mark.parametrize("seed", range(4))
def test_a_larger_pair_equals_the_walk_and_fills_all_four_counts(seed):
    truth = texture(seed, (173, 201), smooth=4, share=0.5)
    prediction = texture(seed + 100, (173, 201), smooth=5, share=0.4)
    truth[60:100, 90:140] = prediction[60:100, 90:140] = False
    prediction[70:90, 100:125] = True  # far from any truth
    truth[110:150, 20:60] = prediction[110:150, 20:60] = True
    prediction[122:139, 32:49] = False  # a hole within what is found
    counts = hce(prediction, truth)
    assert min(counts) > 0
    assert counts == slow_hce(prediction, truth)
    assert counts == hce(prediction, truth), "a second run counts otherwise"


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_equal_masks_need_no_clicks(share):
    mask = texture(5, (77, 91), smooth=2, share=share)
    assert hce(mask, mask) == (0, 0, 0, 0)


def square(size, *box):
    mask = np.zeros((size, size), bool)
    for top, left, bottom, right in zip(*[iter(box)] * 4, strict=True):
        mask[top:bottom, left:right] = True
    return mask


def test_a_false_square_by_itself_is_removed_with_one_click():
    truth = square(80, 5, 5, 30, 30)
    assert hce(truth | square(80, 45, 45, 70, 70), truth) == (0, 1, 0, 0)


def test_a_hole_in_what_was_found_is_filled_with_one_click():
    truth = square(80, 5, 5, 75, 75)
    assert hce(truth & ~square(80, 25, 25, 55, 55), truth) == (0, 0, 0, 1)


def test_a_missing_square_costs_its_corners():
    truth = square(80, 20, 20, 60, 60)
    # The line begins and ends beside the same corner, which counts twice
    assert hce(square(80), truth, relax_px=0) == (0, 0, 5, 0)
    # What regrows from the inner pixels has its corners cut off
    assert hce(square(80), truth) == (0, 0, 9, 0)


def test_a_false_half_costs_the_two_ends_of_the_true_border():
    truth = square(80, 0, 0, 80, 40)
    counts = hce(square(80, 0, 0, 80, 80), truth)
    assert counts == (2, 0, 0, 0)


def test_borders_off_by_the_relaxed_steps_are_forgiven_and_by_more_are_not():
    truth = square(100, 20, 20, 80, 80)
    assert hce(square(100, 15, 15, 85, 85), truth).total == 0
    assert hce(square(100, 14, 14, 86, 86), truth).total > 0
    assert hce(square(100, 25, 25, 75, 75), truth, relax_px=4).fn_points > 0


def test_a_lost_wire_is_never_forgiven_but_a_false_one_is():
    wire = square(60, 30, 5, 32, 55)
    assert hce(square(60), wire).fn_points == 2
    assert hce(wire, square(60)).total == 0


def test_rough_borders_cost_more_than_straight_ones():
    truth = square(120, 10, 10, 60, 110)
    straight = truth | square(120, 60, 10, 90, 110)
    teeth = truth.copy()
    for left in range(10, 110, 20):
        teeth |= square(120, 60, left, 90, left + 12)
    assert hce(teeth, truth).total > hce(straight, truth).total


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [(0, 1, (0, 0, 0, 1)), (1, 0, (0, 1, 0, 0)), (0, 0, (0, 0, 0, 0)), (1, 1, (0, 0, 0, 0))],
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (23, 40)])
def test_a_whole_image_wrong_is_one_region(prediction, truth, expected, shape):
    assert hce(np.full(shape, prediction > 0), np.full(shape, truth > 0)) == expected


def test_a_kept_skeleton_gives_the_same_counts():
    truth = texture(1, (90, 70), smooth=3, share=0.4)
    prediction = np.roll(truth, 7, axis=0)
    kept = hce(prediction, truth, truth_skeleton=skeleton(truth))
    assert kept == hce(prediction, truth)
    assert hce(prediction, truth, truth_skeleton=np.zeros_like(truth)) != kept


def test_masks_are_not_changed_and_may_be_views():
    truth = texture(2, (64, 81), smooth=2, share=0.5)
    prediction = np.roll(truth, 6, axis=1)
    copies = truth.copy(), prediction.copy()
    assert hce(prediction[::2, 1:], truth[::2, 1:]) == slow_hce(prediction[::2, 1:], truth[::2, 1:])
    assert np.array_equal(truth, copies[0]) and np.array_equal(prediction, copies[1])


def test_the_total_is_the_sum_of_the_four_counts():
    assert CorrectionEffort(1, 20, 300, 4000).total == 4321


MASK = np.ones((4, 5), np.bool_)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((MASK, MASK[:3]), {}, "prediction is 4x5 but the truth is 3x5"),
        ((MASK, MASK.astype(np.uint8)), {}, "truth is uint8 of shape (4, 5)"),
        ((MASK, MASK), {"relax_px": -1}, "relax_px is -1"),
        ((MASK, MASK), {"epsilon_px": -0.5}, "epsilon_px -0.5"),
        ((MASK, ~MASK), {"truth_skeleton": MASK}, "truth_skeleton is not of this truth"),
        (
            (MASK, MASK),
            {"truth_skeleton": MASK.view(np.uint8)},
            "truth_skeleton is not of this truth",
        ),
        ((MASK, MASK), {"truth_skeleton": MASK[:3]}, "truth_skeleton is not of this truth"),
    ],
)
def test_what_cannot_be_scored_is_refused(arguments, options, message):
    with pytest.raises(DatasetError) as error:
        hce(*arguments, **options)
    assert message in str(error.value)
