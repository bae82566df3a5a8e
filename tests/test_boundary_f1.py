"""Boundary F1 against the distances between all pairs of boundary pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from plain_scores import slow_f1, slow_matches
from test_complexity import random_map

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.boundary_f1 import Matches, f1_scores, match_boundaries

TOLERANCES = (0.0, 0.5, 1.0, 1.4, 1.5, 2.0, 2.3, 3.0, 5.0, 5.12, 9.7)

pairs = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(
        *[arrays.arrays(np.uint8, shape, elements=st.sampled_from((0, 1, 254, 255)))] * 2
    )
)


def assert_matches_are_the_slow_ones(one, other, tolerances_px):
    found = match_boundaries(one, other, tolerances_px=tolerances_px)
    for matches, (here, there) in zip(found, ((one, other), (other, one)), strict=True):
        boundary, near = slow_matches(here, there, tolerances_px)
        np.testing.assert_array_equal(matches.boundary, boundary)
        np.testing.assert_array_equal(matches.near, near)


@settings(deadline=None)
@given(pairs, st.lists(st.sampled_from(TOLERANCES), min_size=1, max_size=5))
def test_matches_are_those_of_all_pairs_of_boundary_pixels(pair, tolerances_px):
    assert_matches_are_the_slow_ones(*pair, tolerances_px)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from((1.5, 3.0, 6.0)))
def test_matches_of_larger_shapes_are_so_too(one_seed, other_seed, smooth):
    one, other = (random_map(seed, 4, smooth) for seed in (one_seed, other_seed))
    assert_matches_are_the_slow_ones(one, other, (5.12, 0.5, 2.3, 1, 38.4))
    moved = np.roll(one, (1, 3), (0, 1))
    assert_matches_are_the_slow_ones(one, moved, (3, 2, 3.17, 3.16))


def test_a_tolerance_holds_distances_up_to_itself():
    one, other = np.zeros((2, 9, 12), np.uint8)
    one[4, 4], other[7, 8] = 1, 1  # 5 apart
    near = match_boundaries(one, other, tolerances_px=(5.1, 5, 4.99))[0].near
    assert near[:, 1].tolist() == [1, 1, 0]


def test_boundaries_match_only_those_of_their_own_class():
    one = np.array([[1, 1, 2, 2]], np.uint8)
    other = np.array([[2, 2, 1, 1]], np.uint8)
    there, back = match_boundaries(one, other, tolerances_px=(0, 1))
    assert there.near[:, [1, 2]].tolist() == back.near[:, [1, 2]].tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    "label_map",
    [
        np.full((5, 6), 3, np.uint8),  # the frame alone
        np.full((5, 6), 255, np.uint8),
        np.array([[1, 1, 255, 2, 2], [255, 255, 255, 255, 255], [3, 255, 4, 255, 5]], np.uint8),
        np.zeros((1, 1), np.uint8),
    ],
)
def test_frame_and_ignore_make_no_boundary(label_map):
    boundaries = np.indices(label_map.shape).sum(axis=0).astype(np.uint8) % 2
    for matches in match_boundaries(label_map, label_map, tolerances_px=(1, 3)):
        assert not matches.boundary.any()
        assert not matches.near.any()
    here, there = match_boundaries(label_map, boundaries, tolerances_px=(1, 3))
    assert not here.boundary.any()
    assert not there.near.any()
    assert there.boundary.sum() == (label_map.size if label_map.size > 1 else 0)


def test_classes_that_meet_at_a_corner_only_have_a_boundary_there():
    corner = np.array([[1, 1, 255], [1, 1, 255], [255, 255, 2]], np.uint8)
    matches, _ = match_boundaries(corner, corner, tolerances_px=(1,))
    assert matches.boundary[[1, 2]].tolist() == [1, 1]


def test_maps_of_different_sizes_are_refused():
    with pytest.raises(DatasetError, match="prediction is 3x3 but the truth is 2x2"):
        match_boundaries(np.zeros((2, 2), np.uint8), np.zeros((3, 3), np.uint8), tolerances_px=(1,))


@pytest.mark.parametrize("tolerances_px", [(), (-1,), (2, -0.5), (np.nan,), (1, np.inf)])
def test_what_is_no_distance_is_refused(tolerances_px):
    label_map = np.zeros((3, 3), np.uint8)
    with pytest.raises(DatasetError, match="px, expected at least one, 0 or more"):
        match_boundaries(label_map, label_map, tolerances_px=tolerances_px)


def test_a_map_matches_itself_at_any_distance():
    label_map = random_map(8, smooth=2.0)
    for matches in match_boundaries(label_map, label_map, tolerances_px=(0, 0.5, 4)):
        assert matches.boundary.any()
        np.testing.assert_array_equal(matches.near, [matches.boundary] * 3)


@st.composite
def near_and_boundary(draw):
    """Draw near and boundary of two maps: nothing is near to nothing."""
    boundaries = draw(st.integers(0, 30)), draw(st.integers(0, 30))
    if 0 in boundaries:
        return 0, boundaries[0], 0, boundaries[1]
    nears = [draw(st.integers(0, boundary)) for boundary in boundaries]
    return nears[0], boundaries[0], nears[1], boundaries[1]


@settings(deadline=None)
@given(st.lists(near_and_boundary(), min_size=1, max_size=6))
def test_f1_is_the_harmonic_mean_of_precision_and_recall(classes):
    near, boundary, prediction_near, prediction_boundary = np.array(classes).T
    f1 = f1_scores(
        Matches(boundary, near[None]), Matches(prediction_boundary, prediction_near[None])
    )
    np.testing.assert_allclose(f1, [[slow_f1(*row) for row in classes]], rtol=1e-12)


def test_f1_is_nan_without_boundaries_and_0_with_one_only():
    nothing, none_near = np.array([0, 0, 7, 7]), np.zeros((2, 4), int)
    f1 = f1_scores(Matches(nothing, none_near), Matches(np.array([0, 5, 0, 5]), none_near))
    np.testing.assert_array_equal(f1, [[np.nan, 0, 0, 0]] * 2)
