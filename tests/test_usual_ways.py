"""The benchmark compares like with like: the usual ways give what the project's functions give."""

import numpy as np
import pytest
from bench_scores import region_and_band_counts
from scipy import ndimage
from test_complexity import CASES, random_map
from usual_ways import (
    boundary_windows,
    distances,
    filtered_weights,
    own_of,
    pooled_weights,
    released_edges,
    released_sums,
)

from mass13k_tools.ops.bands import class_bands
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.ops.score_sums import pair_sums
from mass13k_tools.ops.weights import boundary_weights, own_weights

CLASS_IDS = range(7)


@pytest.mark.parametrize("smooth", [0, 2.0, 6.0])
def test_the_released_way_to_count_a_pair_gives_its_sums(smooth):
    truth, prediction = (random_map(seed, smooth=smooth) for seed in (1, 2))
    released = released_sums(prediction, truth, classes=7)
    sums = pair_sums(prediction, truth, CLASS_IDS)
    band_union = (sums.band_truth + sums.band_predicted - sums.band_shared)[0]
    np.testing.assert_array_equal(released.intersect, sums.shared)
    np.testing.assert_array_equal(released.predicted, sums.predicted)
    np.testing.assert_array_equal(released.truth, sums.truth)
    np.testing.assert_array_equal(released.union, sums.truth + sums.predicted - sums.shared)
    np.testing.assert_array_equal(released.band_intersect, sums.band_shared[0])
    np.testing.assert_array_equal(released.band_union, band_union)


def test_the_timed_part_of_the_scores_counts_all_that_miou_and_biou_need():
    truth, prediction = (random_map(seed, smooth=2.0) for seed in (3, 4))
    sums = pair_sums(prediction, truth, CLASS_IDS)
    labels, in_bands = region_and_band_counts(prediction, truth)
    np.testing.assert_array_equal(labels[:7].sum(axis=1), sums.truth)
    np.testing.assert_array_equal(labels[:255, :7].sum(axis=0), sums.predicted)
    np.testing.assert_array_equal(labels.diagonal()[:7], sums.shared)
    np.testing.assert_array_equal(in_bands[:7].sum(axis=1), sums.band_truth[0])
    np.testing.assert_array_equal(in_bands[:, :7].sum(axis=0), sums.band_predicted[0])
    np.testing.assert_array_equal(in_bands.diagonal()[:7], sums.band_shared[0])


@pytest.mark.parametrize("case", CASES)
def test_released_edges_are_the_same_in_numpy(case):
    for width_px in (2, 3):
        np.testing.assert_array_equal(
            released_edges(CASES[case], width_px=width_px),
            edge_map(CASES[case], mode="released", width_px=width_px),
        )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", [pooled_weights, filtered_weights])
def test_weights_are_the_same_by_averages(case, way):
    label_map = CASES[case]
    weights = way(label_map, CLASS_IDS, kernel_px=5)
    np.testing.assert_allclose(
        weights, boundary_weights(label_map, CLASS_IDS, kernel_px=5), atol=1e-6
    )
    if label_map[label_map < 255].max(initial=0) < 7:
        own = own_of(weights, label_map, CLASS_IDS)
        np.testing.assert_allclose(own, own_weights(label_map, kernel_px=5), atol=1e-6)


def test_distances_are_those_to_the_boundary_of_each_class_within_the_margin():
    label_map = random_map(6, smooth=4.0)
    windows = boundary_windows(label_map, class_bands(label_map, width_px=1), margin_px=6)
    for class_id, distance in zip(range(6), distances(windows), strict=True):
        boundary = class_bands(label_map, width_px=1) & (label_map == class_id)
        whole = ndimage.distance_transform_edt(~boundary)
        assert (distance == 0).sum() == boundary.sum()
        for reach in (1, 2, 5.12):
            assert (distance <= reach).sum() == (whole <= reach).sum()
