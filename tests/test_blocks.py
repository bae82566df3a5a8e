"""Blocks of a label map are counted as one would count them by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.blocks import BLOCK_PX, block_counts


def slow_counts(label_map):
    """Count value by value and side by side."""
    height, width = label_map.shape
    rows, columns = -(-height // BLOCK_PX), -(-width // BLOCK_PX)
    values = np.unique(label_map)
    pixels = np.zeros((len(values), rows, columns), int)
    edges = np.zeros((rows, columns), int)
    for y in range(height):
        for x in range(width):
            here, block = label_map[y, x], (y // BLOCK_PX, x // BLOCK_PX)
            pixels[(np.searchsorted(values, here), *block)] += 1
            for other_y, other_x in ((y + 1, x), (y, x + 1)):
                if other_y < height and other_x < width:
                    other = label_map[other_y, other_x]
                    edges[block] += here != other and 255 not in (here, other)
    return values, pixels, edges


@settings(deadline=None, max_examples=40)
@given(
    size_hw=st.tuples(st.integers(1, 130), st.integers(1, 130)),
    seed=st.integers(0, 999),
    values=st.sampled_from([(3,), (0, 1), (0, 5, 255), (255,), tuple(range(256))]),
)
def test_counts_equal_those_taken_pixel_by_pixel(size_hw, seed, values):
    label_map = np.random.default_rng(seed).choice(values, size_hw).astype(np.uint8)
    label_map[: size_hw[0] // 2] = values[0]  # long runs as well
    found = block_counts(label_map)
    for array, expected in zip(found[1:], slow_counts(label_map), strict=True):
        np.testing.assert_array_equal(array, expected)
    assert found.pixels.sum(dtype=int) == label_map.size


def test_what_is_no_label_map_is_refused():
    with pytest.raises(DatasetError, match="expected uint8"):
        block_counts(np.zeros((2, 2), np.int64))
