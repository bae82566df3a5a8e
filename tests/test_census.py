"""Counts against scikit-image and plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from skimage import measure
from test_complexity import CASES, random_map

from mass13k_tools.ops.census import census, thin_pixels
from mass13k_tools.ops.complexity import perimeters, perimeters_from_windows
from mass13k_tools.ops.components import components
from mass13k_tools.ops.edges import edge_map

label_maps = arrays.arrays(
    np.uint8,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.sampled_from([0, 1, 2, 255]),
)


@settings(max_examples=300, deadline=None)
@given(label_maps)
def test_any_small_label_map_is_counted_as_scikit_image_counts_it(label_map):
    count = census(label_map)
    for class_id in (0, 1, 2):
        mask = label_map == class_id
        assert count.pixels[class_id] == mask.sum()
        assert count.components[class_id] == measure.label(mask, connectivity=2).max()
        outside = measure.label(np.pad(~mask, 1, constant_values=True), connectivity=1)
        assert count.holes[class_id] == outside.max() - 1
        crofton = perimeters_from_windows(count.windows, definition="crofton")[class_id]
        assert crofton == pytest.approx(measure.perimeter_crofton(mask, directions=4))
        skimage = perimeters(label_map, definition="skimage")[class_id]
        assert skimage == pytest.approx(measure.perimeter(mask))
    assert count.pixels[255] == count.components[255] == count.windows[255].sum() == 0


@pytest.mark.parametrize("case", CASES)
def test_components_equal_those_of_scikit_image(case):
    label_map = CASES[case]
    counts = components(label_map)
    for class_id in range(256):
        expected = 0 if class_id == 255 else measure.label(label_map == class_id).max()
        assert counts[class_id] == expected


@pytest.mark.parametrize("seed", range(8))
def test_components_and_holes_of_random_maps(seed):
    label_map = random_map(seed, classes=3, smooth=0.4 * seed, shape=(37, 41))
    count = census(label_map)
    for class_id in (0, 1):
        mask = label_map == class_id
        assert count.components[class_id] == measure.label(mask, connectivity=2).max()
        outside = measure.label(np.pad(~mask, 1, constant_values=True), connectivity=1)
        assert count.holes[class_id] == outside.max() - 1


@pytest.mark.parametrize("width_px", [1, 2, 3, 4, 5, 9])
def test_thin_pixels_are_those_an_opening_removes(width_px):
    label_map = random_map(7, smooth=2.0, shape=(90, 70))
    counts = thin_pixels(label_map, width_px=width_px)
    square = np.ones((width_px, width_px))
    for class_id in range(6):
        # Beyond the frame the structure goes on: repeat its last pixels, far enough
        far = 3 * width_px
        mask = np.pad(label_map == class_id, far, mode="edge")
        thin = mask & ~ndimage.binary_opening(mask, square)
        assert counts[class_id] == thin[far:-far, far:-far].sum()


def test_a_wire_is_thin_and_a_wall_is_not():
    label_map = np.zeros((60, 60), np.uint8)
    label_map[30] = 3
    label_map[40:] = 2
    counts = thin_pixels(label_map)
    assert counts[[2, 3]].tolist() == [0, 60]


def test_edges_lie_on_both_sides_of_a_change_and_never_at_ignore():
    label_map = random_map(9)
    expected = np.zeros(label_map.shape, bool)
    height, width = label_map.shape
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    pair = {label_map[y, x], label_map[y + dy, x + dx]}
                    expected[y, x] |= len(pair) == 2 and 255 not in pair
    np.testing.assert_array_equal(edge_map(label_map), expected)
    np.testing.assert_array_equal(
        census(label_map).edges, np.bincount(label_map[expected], minlength=256)
    )


def test_counts_of_two_images_add_up():
    one, other = random_map(1), random_map(2, smooth=2.0)
    together = np.full((61, 83 + 1 + 83), 255, np.uint8)
    together[:, :83], together[:, 84:] = one, other
    total, expected = census(one) + census(other), census(together)
    for field in ("pixels", "windows", "components", "edges", "holes"):
        np.testing.assert_array_equal(getattr(total, field), getattr(expected, field))
    np.testing.assert_array_equal(total.thin, census(one).thin + census(other).thin)
