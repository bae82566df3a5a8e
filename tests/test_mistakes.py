"""Kinds of mistakes against slow, obvious versions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from test_bands import slow_class_bands
from test_complexity import random_map

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.components import small_components
from mass13k_tools.ops.mistakes import (
    KINDS,
    SMALL_PX,
    mistakes,
    pixel_kinds,
    worst_windows,
    wrong_pixels,
)

VALUES = (0, 1, 2, 255)
SHAPE = (37, 45)
pairs = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(
        *[arrays.arrays(np.uint8, shape, elements=st.sampled_from(VALUES)) for _ in range(2)]
    )
)


def slow_small(label_map, below_px):
    small = np.zeros(label_map.shape, bool)
    for class_id in set(VALUES) - {255}:
        regions, count = ndimage.label(label_map == class_id, np.ones((3, 3)))
        for region in range(1, count + 1):
            if (regions == region).sum() < below_px:
                small |= regions == region
    return small


def slow_thin(label_map, thin_px):
    thin = np.zeros(label_map.shape, bool)
    for class_id in VALUES:
        # Beyond the frame the structure goes on: repeat its last pixels, far enough
        mask = np.pad(label_map == class_id, 3 * thin_px, mode="edge")
        gone = mask & ~ndimage.binary_opening(mask, np.ones((thin_px, thin_px)))
        thin |= gone[3 * thin_px : -3 * thin_px, 3 * thin_px : -3 * thin_px]
    return thin


def slow_kinds(prediction, label_map, *, band_px, thin_px, small_px):
    kinds = np.full(label_map.shape, KINDS.index("interior"))
    kinds[slow_class_bands(label_map, band_px)] = KINDS.index("band")
    small = slow_small(label_map, small_px) | slow_small(prediction, small_px)
    kinds[small] = KINDS.index("small")
    kinds[slow_thin(label_map, thin_px)] = KINDS.index("thin")
    kinds[label_map == 255] = 255
    return kinds


def with_ignore(seed, **how):
    label_map = random_map(seed, classes=3, shape=SHAPE, **how)
    label_map[random_map(seed + 100, classes=5, shape=SHAPE, smooth=2.0) == 0] = 255
    return label_map


@settings(max_examples=200, deadline=None)
@given(pairs)
def test_any_small_pair_has_the_kinds_of_the_slow_version(pair):
    sizes = {"band_px": 1, "thin_px": 3, "small_px": 4}
    np.testing.assert_array_equal(pixel_kinds(*pair, **sizes), slow_kinds(*pair, **sizes))


@pytest.mark.parametrize("seed", range(4))
def test_smooth_pairs_have_all_kinds_of_the_slow_version(seed):
    label_map, prediction = with_ignore(seed, smooth=3.0), with_ignore(seed + 50, smooth=1.0)
    sizes = {"band_px": 1, "thin_px": 5, "small_px": 30}
    expected = slow_kinds(prediction, label_map, **sizes)
    assert set(np.unique(expected)) == {0, 1, 2, 3, 255}
    np.testing.assert_array_equal(pixel_kinds(prediction, label_map, **sizes), expected)


@pytest.mark.parametrize("below_px", [0, 1, 2, 7, 40])
def test_small_components_are_those_of_scipy(below_px):
    label_map = with_ignore(5, smooth=0.7)
    expected = slow_small(label_map, below_px)
    np.testing.assert_array_equal(small_components(label_map, below_px=below_px), expected)


@pytest.mark.parametrize("rest_id", [0, 1])
def test_counts_are_those_of_a_plain_loop(rest_id):
    label_map, prediction = with_ignore(8, smooth=2.0), with_ignore(9, smooth=1.0)
    sizes = {"band_px": 1, "thin_px": 4, "small_px": 20}
    kinds = pixel_kinds(prediction, label_map, **sizes)
    pixels, wrong, with_rest = (np.zeros((4, 256), int) for _ in range(3))
    for kind, true, predicted in zip(kinds.flat, label_map.flat, prediction.flat, strict=True):
        if true != 255:
            pixels[kind, true] += 1
            wrong[kind, true] += true != predicted
            with_rest[kind, true] += true != predicted and rest_id in (true, predicted)
    counts = mistakes(prediction, label_map, **sizes, rest_id=rest_id)
    np.testing.assert_array_equal(counts.pixels, pixels)
    np.testing.assert_array_equal(counts.wrong, wrong)
    np.testing.assert_array_equal(counts.wrong_with_rest, with_rest)
    assert (counts.wrong.sum(axis=1) > 0).all()
    assert 0 < counts.wrong_with_rest.sum() < counts.wrong.sum()


def test_without_a_rest_class_no_mistake_involves_it():
    label_map, prediction = with_ignore(8, smooth=2.0), with_ignore(9, smooth=1.0)
    counts = mistakes(prediction, label_map, band_px=1, rest_id=None)
    assert counts.wrong[:, 0].any()
    assert not counts.wrong_with_rest.any()


def test_counts_of_two_images_add_up():
    one, other = with_ignore(1, smooth=2.0), with_ignore(2, smooth=2.0)
    total = mistakes(one, other, band_px=2) + mistakes(other, one, band_px=2)
    assert total.pixels.dtype == np.int64
    for name in ("pixels", "wrong", "wrong_with_rest"):
        parts = [getattr(mistakes(*pair, band_px=2), name) for pair in ((one, other), (other, one))]
        np.testing.assert_array_equal(getattr(total, name), sum(parts))


def scene():
    """Ground below, sky above, a wire in the sky, a small bird, an ignored sun."""
    label_map = np.full((300, 300), 5, np.uint8)
    label_map[200:] = 4
    label_map[50, :] = 2
    label_map[100:120, 100:120] = 1
    label_map[100:140, 200:240] = 255
    return label_map


@pytest.mark.parametrize(
    ("place", "predicted", "kind"),
    [
        ((50, 30), 5, "thin"),  # the wire is missed
        ((slice(100, 120), slice(100, 120)), 5, "small"),  # the bird is missed
        ((slice(150, 160), slice(20, 30)), 3, "small"),  # a tree is invented
        ((slice(195, 200), slice(None)), 4, "band"),  # the ground reaches too high
        ((slice(90, 200), slice(None, 90)), 4, "band interior"),  # far too high
        ((slice(140, 145), slice(200, 240)), 0, "small"),  # beside ignore: no band of it
    ],
)
def test_each_mistake_has_the_kind_that_a_person_would_name(place, predicted, kind):
    truth = scene()
    prediction = truth.copy()
    prediction[place] = predicted
    count = mistakes(prediction, truth, band_px=5)
    wrong = count.wrong.sum(axis=1)
    assert {name for name, pixels in zip(KINDS, wrong, strict=True) if pixels} == set(kind.split())
    assert wrong.sum() == (prediction != truth).sum()
    assert count.wrong_with_rest.sum() == (wrong.sum() if predicted == 0 else 0)


def test_a_component_is_small_below_the_limit_and_not_at_it():
    label_map = np.zeros((64, 64), np.uint8)
    label_map[8:40, 8:40] = 2
    assert SMALL_PX == 32 * 32
    assert not small_components(label_map, below_px=SMALL_PX).any()
    label_map[8, 8] = 0
    assert small_components(label_map, below_px=SMALL_PX).sum() == SMALL_PX - 1


def test_a_perfect_prediction_has_no_mistake_and_ignored_pixels_count_nowhere():
    label_map = scene()
    count = mistakes(label_map, label_map, band_px=3)
    assert count.wrong.sum() == count.wrong_with_rest.sum() == 0
    assert count.pixels.sum() == (label_map != 255).sum()
    ignored = np.full((9, 9), 255, np.uint8)
    nothing = mistakes(np.zeros((9, 9), np.uint8), ignored, band_px=3)
    assert nothing.pixels.sum() == nothing.wrong.sum() == 0
    assert not wrong_pixels(np.zeros((9, 9), np.uint8), ignored).any()


def test_a_prediction_of_ignore_is_wrong():
    assert wrong_pixels(np.array([[255, 1]], np.uint8), np.array([[1, 1]], np.uint8)).tolist() == [
        [True, False]
    ]
    count = mistakes(np.full((9, 9), 255, np.uint8), np.full((9, 9), 3, np.uint8), band_px=1)
    assert count.wrong[:, 3].sum() == 81
    assert count.wrong_with_rest.sum() == 0


@pytest.mark.parametrize("function", [pixel_kinds, mistakes])
def test_sizes_must_agree(function):
    with pytest.raises(
        DatasetError, match="prediction is 3x4 but the truth is 3x5; scale predictions to its size"
    ):
        function(np.zeros((3, 4), np.uint8), np.zeros((3, 5), np.uint8), band_px=1)
    with pytest.raises(DatasetError, match="prediction is 3x4"):
        wrong_pixels(np.zeros((3, 4), np.uint8), np.zeros((3, 5), np.uint8))


def slow_windows(wrong, side_px, most):
    height, width = (min(side_px, length) for length in wrong.shape)
    places = [
        (y, x)
        for y in sorted({*range(0, wrong.shape[0] - height, side_px // 8), wrong.shape[0] - height})
        for x in sorted({*range(0, wrong.shape[1] - width, side_px // 8), wrong.shape[1] - width})
    ]
    found = []
    for _ in range(most):
        free = [
            (-int(wrong[y : y + height, x : x + width].sum()), y, x)
            for y, x in places
            if all(abs(y - other[0]) >= height or abs(x - other[1]) >= width for other in found)
        ]
        if not free or min(free)[0] == 0:
            break
        count, y, x = min(free)
        found.append((y, x, height, width, -count))
    return found


@pytest.mark.parametrize("shape", [(100, 130), (64, 65), (20, 200), (7, 5)])
def test_worst_windows_are_those_of_a_plain_search(shape):
    wrong = random_map(4, classes=4, shape=shape, smooth=3.0) == 0
    found = worst_windows(wrong, side_px=32, most=4)
    assert found == slow_windows(wrong, 32, 4)
    assert len(found) >= 1


def test_worst_windows_find_what_lies_in_the_last_corner():
    wrong = np.zeros((1000, 700), bool)
    wrong[-1, -1] = True
    assert worst_windows(wrong) == [(488, 188, 512, 512, 1)]
    assert worst_windows(np.zeros((1000, 700), bool)) == []
