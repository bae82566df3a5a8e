"""Thinning against scikit-image's, on masks of every texture and shape."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.morphology import skeletonize

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.skeleton import skeleton


def disc(size, radius):
    y, x = np.mgrid[:size, :size] - size // 2
    return x**2 + y**2 <= radius**2


@settings(deadline=None, max_examples=200)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 17), st.integers(1, 17))))
def test_small_masks_thin_to_what_scikit_image_makes_of_them(mask):
    assert np.array_equal(skeleton(mask), skeletonize(mask))


@pytest.mark.parametrize("smooth", [0.5, 1, 2, 5])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_textures_thin_to_what_scikit_image_makes_of_them(smooth, share):
    noise = cv2.GaussianBlur(np.random.default_rng(7).random((231, 187)), (0, 0), smooth)
    mask = noise < np.quantile(noise, share)
    assert np.array_equal(skeleton(mask), skeletonize(mask))


def test_all_neighbourhoods_of_a_pixel_are_removed_in_the_passes_scikit_image_removes_them():
    for code in range(2**8):
        ring = [code >> bit & 1 for bit in range(8)]
        small = np.array([ring[:3], [ring[7], 1, ring[3]], ring[6:3:-1]], dtype=bool)
        for mask in (small, np.kron(small, np.ones((3, 3), dtype=bool)), np.pad(small, 2)):
            assert np.array_equal(skeleton(mask), skeletonize(mask)), code


@pytest.mark.parametrize(
    "mask",
    [disc(121, 50), ~disc(91, 30), np.ones((40, 61), bool), np.zeros((3, 4), bool), np.eye(9) > 0],
    ids=["disc", "hole", "all", "none", "diagonal"],
)
def test_large_shapes_holes_and_frames_thin_alike(mask):
    before = mask.copy()
    assert np.array_equal(skeleton(mask), skeletonize(mask))
    assert np.array_equal(mask, before), "the mask itself was thinned"


def test_masks_cut_out_of_larger_ones_thin_alike():
    mask = disc(81, 33)
    for view in (mask[3:70:2, 5:], mask.T, mask[::-1]):
        assert np.array_equal(skeleton(view), skeletonize(view))


@pytest.mark.parametrize(
    "other",
    [
        np.full((4, 5), 255, np.uint8),
        np.ones((4, 5), np.uint8),
        np.ones((4, 5, 1), bool),
        np.ones((0, 5), bool),
        np.ones(5, bool),
    ],
)
def test_what_is_no_mask_is_refused(other):
    with pytest.raises(DatasetError, match=r"mask is .* expected bool \(H, W\)"):
        skeleton(other)
