"""Samples drawn before decoding are those of the released order: decode, resize, crop, distort."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mass13k_tools.arrays import value_counts
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.class_share import class_share_test, mixed, mixed_by_blocks
from mass13k_tools.loader.photometric import distorted, draw_distortion
from mass13k_tools.loader.recipe import Recipe, draw, resized_size
from mass13k_tools.loader.resize import (
    Cut,
    Part,
    linear_box,
    nearest_box,
    resize_linear,
    resize_nearest,
)
from mass13k_tools.ops.blocks import block_counts

SMALL = Recipe(short_sides_px=(60, 121, 130, 263), most_long_side_px=340, crop_hw=(64, 80))


def regions(size_hw, seed):
    """Draw a label map of few rectangles, ignore among them, and a little noise."""
    rng = np.random.default_rng(seed)
    label_map = np.full(size_hw, rng.integers(0, 3), dtype=np.uint8)
    for value in rng.choice([0, 1, 2, 6, 255], rng.integers(0, 6)):
        (top, bottom), (left, right) = (np.sort(rng.integers(0, side + 1, 2)) for side in size_hw)
        label_map[top:bottom, left:right] = value
    for _ in range(rng.integers(0, 5)):
        label_map[rng.integers(size_hw[0]), rng.integers(size_hw[1])] = rng.choice([3, 255])
    return label_map


def plain_sample(image, label_map, recipe, rng):
    """Draw a sample in the released order, whole images all the way."""
    height, width = image.shape[:2]
    short = recipe.short_sides_px[int(rng.integers(len(recipe.short_sides_px)))]
    flip = rng.random() < recipe.flip_chance
    distortion = draw_distortion(recipe.distortion, rng)
    new_h, new_w = short / min(height, width) * height, short / min(height, width) * width
    if max(new_h, new_w) > recipe.most_long_side_px:
        shrink = recipe.most_long_side_px / max(new_h, new_w)
        new_h, new_w = new_h * shrink, new_w * shrink
    new_h, new_w = int(new_h + 0.5), int(new_w + 0.5)
    image = cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_LINEAR)
    label_map = cv2.resize(label_map, (new_w, new_h), interpolation=cv2.INTER_NEAREST)

    def crop():
        y = int(rng.integers(max(new_h - recipe.crop_hw[0], 0) + 1))
        x = int(rng.integers(max(new_w - recipe.crop_hw[1], 0) + 1))
        return slice(y, y + recipe.crop_hw[0]), slice(x, x + recipe.crop_hw[1])

    where = crop()
    for _ in range(10):
        values, counts = np.unique(label_map[where], return_counts=True)
        counts = counts[values != 255]
        if len(counts) > 1 and counts.max() / counts.sum() < 0.75:
            break
        where = crop()
    image, label_map = image[where], label_map[where]
    if flip:
        image, label_map = image[:, ::-1], label_map[:, ::-1]
    return distorted(np.ascontiguousarray(image), distortion), label_map


def drawn_sample(image, label_map, recipe, rng):
    """Draw a sample first, then take only what it needs."""

    def part_of(pixels, box):
        y, x, height, width = box
        return Part(pixels[y : y + height, x : x + width].copy(), (y, x))

    def labels_of(cut, flip=False):
        return resize_nearest(part_of(label_map, nearest_box(cut)), cut, flip=flip)

    is_mixed = class_share_test(
        recipe.most_share, labels_of=labels_of, blocks=block_counts(label_map)
    )
    drawn = draw(recipe, label_map.shape, rng, is_mixed)
    part = part_of(image, linear_box(drawn.cut))
    crop = resize_linear(part, drawn.cut, flip=drawn.flip)
    return distorted(crop, drawn.distortion), labels_of(drawn.cut, drawn.flip)


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 10**6))
@example(120, 160, 0)
@example(30, 20, 1)
def test_samples_are_those_of_the_released_order(height, width, seed):
    label_map = regions((height, width), seed)
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found, expected = (
        sample(image, label_map, SMALL, np.random.default_rng(seed))
        for sample in (drawn_sample, plain_sample)
    )
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_the_scales_are_those_of_the_released_configuration():
    assert Recipe().short_sides_px == (
        *(1536, 1843, 2150, 2457, 2764, 3072, 3379, 3686),
        *(3993, 4300, 4608, 4915, 5222, 5529, 5836, 6144),
    )


@pytest.mark.parametrize(
    ("size_hw", "short_px", "expected"),
    [
        ((3072, 4096), 6144, (6144, 8192)),
        ((3072, 4100), 6144, (6138, 8192)),  # both sides shrink until the long one fits
        ((4096, 3072), 1843, (2457, 1843)),
        ((100, 100), 33, (33, 33)),
        ((2, 100000), 3072, (1, 8192)),
    ],
)
def test_sizes_are_rounded_as_the_release_does(size_hw, short_px, expected):
    assert resized_size(size_hw, short_px, most_long_side_px=8192) == expected


def test_an_image_without_pixels_is_refused():
    with pytest.raises(DatasetError, match="0x7 cannot be resized"):
        resized_size((0, 7), 5, most_long_side_px=8)


def test_every_scale_place_and_side_is_drawn():
    rng = np.random.default_rng(0)
    drawn = [draw(SMALL, (120, 130), rng) for _ in range(4000)]
    sizes = [one.cut.target_hw for one in drawn]
    for size_hw in ((60, 65), (121, 131), (130, 141), (263, 285)):
        assert abs(sizes.count(size_hw) / 4000 - 0.25) < 0.04
    assert abs(np.mean([one.flip for one in drawn]) - 0.5) < 0.04
    boxes = [one.cut.box for one in drawn if one.cut.target_hw == (121, 131)]
    assert {y for y, *_ in boxes} == set(range(121 - 64 + 1))
    assert {x for _, x, *_ in boxes} == set(range(131 - 80 + 1))
    assert {box[2:] for box in boxes} == {(64, 80)}
    small = {one.cut.box for one in drawn if one.cut.target_hw == (60, 65)}
    assert small == {(0, 0, 60, 65)}


def test_a_crop_is_drawn_again_ten_times_and_the_last_is_taken_unseen():
    seen = []

    def never(cut):
        seen.append(cut)
        return False

    drawn = draw(SMALL, (1200, 1300), np.random.default_rng(3), never)
    assert len(seen) == 10
    assert drawn.cut not in seen
    again = draw(SMALL, (1200, 1300), np.random.default_rng(3), lambda cut: cut == seen[4])
    assert again.cut == seen[4]
    assert (again.flip, again.distortion) == (drawn.flip, drawn.distortion)
    seen.clear()
    assert draw(replace(SMALL, most_share=1.1), (99, 99), np.random.default_rng(3), never)
    assert not seen


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({0: 74, 5: 26}, True),
        ({0: 75, 5: 25}, False),
        ({0: 75, 5: 26}, True),
        ({5: 10, 255: 10}, False),
        ({255: 10}, False),
        ({3: 1, 4: 1, 255: 900}, True),
    ],
)
def test_a_crop_is_mixed_when_no_class_reaches_its_share(counts, expected):
    by_value = np.zeros(256, dtype=np.int64)
    by_value[list(counts)] = list(counts.values())
    assert mixed(by_value, 0.75) is expected


@settings(deadline=None, max_examples=300)
@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.integers(0, 10**6),
    st.sampled_from([0.5, 0.7, 0.75, 1.0]),
)
def test_blocks_never_answer_otherwise_than_the_labels(size_hw, target_hw, share, seed, most_share):
    label_map = regions(size_hw, seed)
    height, width = (
        1 + int(part * (side - 1)) for part, side in zip(share, target_hw, strict=False)
    )
    y, x = int(share[2] * (target_hw[0] - height)), int(share[3] * (target_hw[1] - width))
    cut = Cut(size_hw, target_hw, (y, x, height, width))
    exact = mixed(value_counts(resize_nearest(Part(label_map, (0, 0)), cut)), most_share)
    assert mixed_by_blocks(block_counts(label_map), cut, most_share) in (exact, None)


def halves(split):
    label_map = np.zeros((640, 640), dtype=np.uint8)
    label_map[:, split:] = 5
    return label_map


@pytest.mark.parametrize(
    ("split", "factor", "expected"),
    [
        *((320, factor, True) for factor in (0.5, 1.0, 1.7)),
        *((128, factor, False) for factor in (0.5, 1.0, 1.7)),
        (640, 1.0, False),
        (330, 1.0, True),  # the blocks at the border hold both, and still it is clear
        (480, 1.0, False),  # a share of exactly 0.75
    ],
)
def test_clear_crops_are_told_without_reading_labels(split, factor, expected):
    def labels_of(cut):
        raise AssertionError("read although the blocks are clear")

    label_map = halves(split)
    side = int(640 * factor)
    cut = Cut((640, 640), (side, side), (0, 0, side, side))
    is_mixed = class_share_test(0.75, labels_of=labels_of, blocks=block_counts(label_map))
    assert is_mixed(cut) is expected


@pytest.mark.parametrize("blocks", [None, block_counts(halves(470))])
def test_what_blocks_leave_open_is_read(blocks):
    read = []

    def labels_of(cut):
        read.append(cut)
        return halves(470)[::2, ::2]

    cut = Cut((640, 640), (320, 320), (0, 0, 320, 320))
    is_mixed = class_share_test(0.734, labels_of=labels_of, blocks=blocks)
    assert is_mixed(cut) is False
    assert class_share_test(0.735, labels_of=labels_of, blocks=blocks)(cut) is True
    assert read == [cut, cut]


def test_blocks_of_another_label_map_are_refused():
    cut = Cut((640, 600), (640, 600), (0, 0, 9, 9))
    blocks = block_counts(halves(9)[:, :500])
    with pytest.raises(
        DatasetError, match="10x8 blocks of 64 pixels do not belong .* expected 10x1"
    ):
        mixed_by_blocks(blocks, cut, 0.75)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"short_sides_px": ()}, "short sides ()"),
        ({"short_sides_px": (5, 0)}, "short sides (5, 0)"),
        ({"crop_hw": (0, 5)}, "crop 0x5"),
        ({"most_long_side_px": 2**30}, "longest side 1073741824"),
        ({"most_share": 0.0}, "most_share is 0.0"),
        ({"most_share": float("nan")}, "most_share is nan"),
        ({"redraws": -1}, "redraws is -1"),
        ({"flip_chance": 2.0}, "flip_chance is 2.0"),
        ({"short_sides_px": 512}, "short_sides_px is 512, expected numbers in brackets"),
        ({"short_sides_px": "512"}, "short_sides_px is '512', expected numbers in brackets"),
        ({"short_sides_px": (512.5,)}, "short_sides_px is 512.5, expected a whole number"),
        ({"most_long_side_px": None}, "most_long_side_px is None, expected a whole number"),
        ({"crop_hw": (5, 5, 3)}, "crop_hw has 3 values, expected 2"),
        ({"most_share": "0.5"}, "most_share is '0.5', expected a number"),
        ({"redraws": 1.5}, "redraws is 1.5, expected a whole number"),
        ({"flip_chance": None}, "flip_chance is None, expected a number"),
        ({"distortion": None}, "distortion is None, expected a DistortionRanges"),
    ],
)
def test_impossible_recipes_are_named(fields, message):
    with pytest.raises(DatasetError, match=re.escape(message)):
        Recipe(**fields)


def test_sides_may_come_as_lists_and_are_the_same_recipe():
    lists = Recipe(short_sides_px=[96, np.int64(192)], crop_hw=[64, 80])
    assert lists == Recipe(short_sides_px=(96, 192), crop_hw=(64, 80))
