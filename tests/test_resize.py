"""A part resized alone is the part of the whole resized by OpenCV, to the bit."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.resize import (
    Cut,
    Part,
    linear_box,
    nearest_box,
    resize_linear,
    resize_nearest,
)

HIGHRES7 = Path(__file__).parents[2] / "shared" / "data" / "highres7"
SHORT_SIDES_PX = [int(3072 * tenths / 10) for tenths in range(5, 21)]
sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))
shares = st.tuples(*[st.floats(0, 1)] * 4)


def box_within(size_hw, share):
    """Cut a box of at least one pixel from shares of 1."""
    height, width = (1 + int(part * (side - 1)) for part, side in zip(share, size_hw, strict=False))
    y = int(share[2] * (size_hw[0] - height))
    return y, int(share[3] * (size_hw[1] - width)), height, width


def cut_out(pixels, box):
    y, x, height, width = box
    return pixels[y : y + height, x : x + width]


def noise(size_hw, *channels):
    return np.random.default_rng(7).integers(0, 256, (*size_hw, *channels), dtype=np.uint8)


def check_image_part(image, cut, flip):
    part = Part(cut_out(image, linear_box(cut)), linear_box(cut)[:2])
    whole = cv2.resize(image, cut.target_hw[::-1], interpolation=cv2.INTER_LINEAR)
    expected = cut_out(whole, cut.box)[:, :: -1 if flip else 1]
    np.testing.assert_array_equal(resize_linear(part, cut, flip=flip), expected)


def check_label_part(label_map, cut, flip):
    part = Part(cut_out(label_map, nearest_box(cut)), nearest_box(cut)[:2])
    whole = cv2.resize(label_map, cut.target_hw[::-1], interpolation=cv2.INTER_NEAREST)
    expected = cut_out(whole, cut.box)[:, :: -1 if flip else 1]
    np.testing.assert_array_equal(resize_nearest(part, cut, flip=flip), expected)


@settings(deadline=None, max_examples=300)
@given(sizes, sizes, shares, st.booleans())
@example((64, 48), (32, 24), (1.0, 1.0, 0.0, 0.0), False)  # OpenCV averages areas here
@example((31, 44), (31, 44), (0.5, 0.5, 0.5, 0.5), True)  # and copies here
@example((1, 1), (90, 90), (1.0, 1.0, 0.0, 0.0), False)
@example((90, 90), (1, 1), (1.0, 1.0, 0.0, 0.0), True)
def test_any_part_of_any_size(source_hw, target_hw, share, flip):
    cut = Cut(source_hw, target_hw, box_within(target_hw, share))
    check_image_part(noise(source_hw, 3), cut, flip)
    check_label_part(noise(source_hw), cut, flip)


@pytest.mark.parametrize("short_px", SHORT_SIDES_PX)
def test_the_scales_of_the_recipe(short_px):
    # Columns and rows are independent, so strips show all positions of a 12-megapixel photo
    long_px = int(4096 * (short_px / 3072) + 0.5)
    for source_hw, target_hw in [
        ((6, 4096), (5, long_px)),
        ((3072, 6), (short_px, 5)),
    ]:
        cut = Cut(source_hw, target_hw, (0, 0, *target_hw))
        check_image_part(noise(source_hw, 3), cut, False)
        check_label_part(noise(source_hw), cut, False)


def test_real_photos_at_three_scales():
    paths = sorted((HIGHRES7 / "images" / "val").glob("*.jpg"))[:2]
    if not paths:
        pytest.skip("the real data set highres7 is not here")
    for path in paths:
        image = cv2.imread(str(path))
        height, width = image.shape[:2]
        for factor in (0.5, 0.7, 1.3):
            target_hw = (int(height * factor + 0.5), int(width * factor + 0.5))
            box = box_within(target_hw, (0.3, 0.3, 0.6, 0.4))
            check_image_part(image, Cut((height, width), target_hw, box), True)


@settings(deadline=None)
@given(sizes, sizes, shares)
def test_nothing_outside_the_source_box_matters_and_everything_inside_may_be_needed(
    source_hw, target_hw, share
):
    cut = Cut(source_hw, target_hw, box_within(target_hw, share))
    for box_of, resize, pixels in (
        (linear_box, resize_linear, noise(source_hw, 3)),
        (nearest_box, resize_nearest, noise(source_hw)),
    ):
        y, x, height, width = box_of(cut)
        for less in ((y + 1, x, height - 1, width), (y, x, height, width - 1)):
            if min(less[2:]) > 0:
                with pytest.raises(DatasetError, match="does not cover"):
                    resize(Part(cut_out(pixels, less), less[:2]), cut)


def test_a_larger_part_than_needed_serves_as_well():
    image = noise((40, 50), 3)
    cut = Cut((40, 50), (60, 70), (21, 30, 9, 12))
    expected = resize_linear(Part(image, (0, 0)), cut)
    np.testing.assert_array_equal(resize_linear(Part(image[5:, 7:], (5, 7)), cut), expected)


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (Cut((0, 5), (5, 5), (0, 0, 1, 1)), "cannot resize 0x5 to 5x5"),
        (Cut((5, 5), (5, 2**40), (0, 0, 1, 1)), "expected sides of 1 to 1048576 pixels"),
        (Cut((5, 5), (5, 5), (0, 0, 0, 1)), "box (0, 0, 0, 1) (y, x, height, width) is empty"),
        (Cut((5, 5), (5, 5), (-1, 0, 2, 1)), "not within the resized image of 5x5"),
        (Cut((5, 5), (5, 5), (0, 3, 2, 3)), "not within the resized image of 5x5"),
    ],
)
def test_impossible_cuts_are_named(cut, message):
    for box_of in (linear_box, nearest_box):
        with pytest.raises(DatasetError, match=re.escape(message)):
            box_of(cut)
