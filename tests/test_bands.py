"""Inner bands against the mask minus its erosion, label by label."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from test_complexity import CASES, random_map
from usual_ways import released_band, released_width

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.bands import band_width, bands, class_bands

maps = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays.arrays(np.uint8, shape, elements=st.sampled_from((0, 1, 254, 255)))
)


def slow_bands(label_map, width_px):
    marked = np.zeros(label_map.shape, bool)
    for label in np.unique(label_map):
        mask = label_map == label
        marked |= mask & ~ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=width_px)
    return marked


def released_bands(label_map, width_px):
    marked = np.zeros(label_map.shape, bool)
    for label in np.unique(label_map):
        marked |= released_band((label_map == label).astype(np.uint8), width_px=width_px) > 0
    return marked


def slow_class_bands(label_map, width_px):
    band = np.zeros(label_map.shape, bool)
    for y, x in np.argwhere(label_map != 255):
        near = label_map[
            max(0, y - width_px) : y + width_px + 1, max(0, x - width_px) : x + width_px + 1
        ]
        band[y, x] = ((near != label_map[y, x]) & (near != 255)).any()
    return band


@settings(deadline=None)
@given(maps, st.integers(1, 12))
@example(np.zeros((1, 1), np.uint8), 1)
@example(np.zeros((1, 9), np.uint8), 3)
@example(np.zeros((9, 1), np.uint8), 3)
@example(np.full((9, 9), 255, np.uint8), 4)
@example(np.full((9, 9), 255, np.uint8), 5)
def test_bands_are_each_mask_minus_its_erosion_ignore_included(label_map, width_px):
    marked = bands(label_map, width_px=width_px)
    assert marked.dtype == np.bool_
    np.testing.assert_array_equal(marked, slow_bands(label_map, width_px))


@pytest.mark.parametrize("width_px", [*range(1, 7), 31])
@pytest.mark.parametrize("case", CASES)
def test_bands_are_those_of_the_released_code(case, width_px):
    label_map = CASES[case]
    expected = released_bands(label_map, width_px)
    np.testing.assert_array_equal(bands(label_map, width_px=width_px), expected)


def test_wide_bands_leave_only_what_is_far_from_everything():
    label_map = np.zeros((330, 420), np.uint8)
    label_map[:, 400:] = 1
    label_map[110, 0] = 255
    for width_px in (99, 100, 101, 150):
        marked = bands(label_map, width_px=width_px)
        assert 0 < (~marked).sum() < marked.size / 2
        np.testing.assert_array_equal(marked, slow_bands(label_map, width_px))


def test_without_another_label_the_frame_alone_has_a_band():
    marked = bands(np.full((7, 9), 3, np.uint8), width_px=2)
    assert marked.sum() == 7 * 9 - 3 * 5
    assert not marked[2:5, 2:7].any()


def test_views_that_are_not_contiguous_have_the_same_bands():
    label_map = random_map(3, smooth=2.0)
    turned = np.ascontiguousarray(label_map.T).T
    np.testing.assert_array_equal(bands(turned, width_px=3), bands(label_map, width_px=3))


@pytest.mark.parametrize("width_px", [1, 2, 5])
def test_bands_of_classes_reach_as_far_as_a_slow_search(width_px):
    label_map = random_map(3, classes=4, smooth=2.0)
    band = class_bands(label_map, width_px=width_px)
    np.testing.assert_array_equal(band, slow_class_bands(label_map, width_px))


def test_neither_ignore_nor_the_frame_makes_a_band():
    label_map = np.full((40, 40), 3, np.uint8)
    label_map[10:20, 10:20] = 255
    assert not class_bands(label_map, width_px=5).any()
    # Ignore does not hide a class behind it, either
    assert class_bands(np.array([[3, 255, 0]], np.uint8), width_px=2).tolist() == [[1, 0, 1]]


def test_other_arrays_have_no_bands():
    with pytest.raises(DatasetError, match="int64 of shape"):
        bands(np.zeros((3, 3), np.int64), width_px=1)


@pytest.mark.parametrize(
    ("size_hw", "ratio", "width_px"),
    [
        ((3072, 4096), 0.001, 5),
        ((4096, 3072), 0.001, 5),
        ((1500, 2000), 0.001, 2),  # 2.5
        ((2100, 2800), 0.001, 4),  # 3.5
        ((900, 1200), 0.001, 2),  # 1.5
        ((300, 400), 0.001, 1),  # 0.5 and less: at least 1
        ((1, 1), 0.001, 1),
        ((3072, 4096), 0.02, 102),
        ((3072, 4096), 0.005, 26),
        ((30, 40, 3), 0.1, 5),
    ],
)
def test_width_is_a_share_of_the_diagonal_with_halves_to_even(size_hw, ratio, width_px):
    assert band_width(size_hw, ratio) == width_px


@settings(deadline=None)
@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from((0.001, 0.005, 0.02)))
def test_width_is_that_of_the_released_code(height, width, ratio):
    size_hw = height, width
    assert band_width(size_hw, ratio) == released_width(size_hw, ratio)
