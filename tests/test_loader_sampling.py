"""Crops lie where the density is, in proportion."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from loader_data import draw_regions

from mass13k_tools.loader.resize import Cut
from mass13k_tools.loader.sampling import Density, block_density, dense_box
from mass13k_tools.ops.blocks import block_counts


def boxes_of(density, cut, count=4000, seed=0):
    rng = np.random.default_rng(seed)
    return [dense_box(density, cut, rng) for _ in range(count)]


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 200), st.integers(1, 200)),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.integers(0, 99),
)
def test_boxes_lie_within_the_resized_image(source_hw, target_hw, share, seed):
    crop = tuple(1 + int(part * (side - 1)) for part, side in zip(share, target_hw, strict=True))
    blocks = block_counts(draw_regions(source_hw, np.random.default_rng(seed)))
    for sampling in ("uniform", "boundary", "rare"):
        density = block_density(blocks, sampling)
        y, x, height, width = boxes_of(density, Cut(source_hw, target_hw, (0, 0, *crop)), 1, seed)[
            0
        ]
        assert (height, width) == crop
        assert 0 <= y <= target_hw[0] - height and 0 <= x <= target_hw[1] - width


def test_the_chance_of_a_place_is_what_the_crop_covers_there():
    values = np.random.default_rng(3).integers(0, 5, (3, 4)).astype(float)
    cut = Cut((6, 8), (6, 8), (0, 0, 2, 3))
    counts = np.zeros((5, 6))
    for y, x, *_ in boxes_of(Density(values, 2), cut, 20000):
        counts[y, x] += 1
    fine = values.repeat(2, axis=0).repeat(2, axis=1)  # of each pixel
    expected = np.array([[fine[y : y + 2, x : x + 3].sum() for x in range(6)] for y in range(5)])
    np.testing.assert_allclose(counts / 20000, expected / expected.sum(), atol=0.01)


def test_the_chance_follows_the_density_through_a_resize_and_over_many_places():
    values = np.zeros((4, 4))
    values[1, 2] = 1.0  # source pixels 64..128 down, 128..192 across
    cut = Cut((256, 256), (1024, 512), (0, 0, 100, 50))
    ys, xs = np.array([box[:2] for box in boxes_of(Density(values, 64), cut, 2000)]).T
    slack = 1024 // 64  # a group of places
    assert 256 - 100 - slack < ys.min() < 256 and 512 - 50 < ys.max() < 512 + slack
    assert 256 - 50 - slack < xs.min() < 256 and 384 - 50 < xs.max() < 384 + slack
    assert len(set(ys.tolist())) > 200


def test_where_there_is_nothing_all_places_are_as_likely():
    cut = Cut((4, 4), (4, 4), (0, 0, 3, 3))
    boxes = boxes_of(Density(np.zeros((1, 1)), 64), cut, 400)
    counts = np.unique(boxes, axis=0, return_counts=True)[1]
    assert len(counts) == 4 and counts.min() > 60


def test_a_crop_as_large_as_the_image_has_one_place():
    cut = Cut((10, 10), (7, 9), (0, 0, 7, 9))
    assert set(boxes_of(Density(np.ones((1, 1)), 64), cut, 5)) == {(0, 0, 7, 9)}


def test_boundaries_attract_crops():
    label_map = np.zeros((256, 256), dtype=np.uint8)
    label_map[:, 200:] = 5
    density = block_density(block_counts(label_map), "boundary")
    cut = Cut((256, 256), (256, 256), (0, 0, 32, 32))
    assert min(x for _, x, *_ in boxes_of(density, cut, 300)) > 192 - 32 - 4


def test_rare_classes_weigh_as_much_as_common_ones():
    label_map = np.zeros((256, 256), dtype=np.uint8)
    label_map[130:140, 130:140] = 1
    label_map[:, :64] = 255
    density = block_density(block_counts(label_map), "rare").values
    np.testing.assert_allclose(density.sum(), 2)  # two classes, ignore is none
    assert density[2, 2] > 1
    assert not density[:, 0].any()


def test_uniform_is_the_same_everywhere():
    blocks = block_counts(np.zeros((100, 300), dtype=np.uint8))
    assert (block_density(blocks, "uniform").values == np.ones((2, 5))).all()
