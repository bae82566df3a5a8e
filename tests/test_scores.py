"""Sums and scores against plain masks, class by class."""

import operator
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from plain_scores import NAMES, slow_scores, slow_sums
from test_complexity import random_map

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.score_sums import TOLERANCES, confusion, pair_sums, tolerances_px
from mass13k_tools.ops.scores import Scores, mean

SCORES = ("iou", "class_accuracy", "accuracy", "biou", "band_share", "bf1", "bf1_per_image")
class_lists = st.permutations((0, 3, 254))
ratio_lists = st.lists(st.sampled_from((0.001, 0.1, 0.15, 0.3)), min_size=1, max_size=3)
one_pair = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(
        *[arrays.arrays(np.uint8, shape, elements=st.sampled_from((0, 3, 254, 255)))] * 2
    )
)
pair_lists = st.lists(one_pair, min_size=1, max_size=4)


def assert_same_sums(one, other):
    for name in NAMES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)


def scores(prediction, truth, class_ids=(0, 3, 254), **options):
    return Scores(pair_sums(prediction, truth, class_ids, **options))


@settings(deadline=None)
@given(one_pair, class_lists, ratio_lists)
def test_sums_are_those_of_plain_masks(pair, class_ids, ratios):
    sums = pair_sums(*pair, class_ids, band_ratios=ratios)
    expected = slow_sums(*pair, class_ids, ratios)
    for name in NAMES:
        found = getattr(sums, name)
        assert found.shape == expected[name].shape
        assert found.dtype == (np.float64 if name == "f1" else np.int64)
        np.testing.assert_allclose(found, expected[name], rtol=1e-12, atol=0)


@settings(max_examples=60, deadline=None)
@given(pair_lists, class_lists, ratio_lists)
def test_scores_of_a_data_set_are_those_of_plain_masks(pairs, class_ids, ratios):
    sums = [pair_sums(*pair, class_ids, band_ratios=ratios) for pair in pairs]
    found = Scores(reduce(operator.add, sums))
    expected = slow_scores([slow_sums(*pair, class_ids, ratios) for pair in pairs])
    for name in SCORES:
        np.testing.assert_allclose(getattr(found, name), expected[name], rtol=1e-9)


@pytest.mark.parametrize("smooth", [0, 2.0, 6.0])
def test_sums_of_larger_maps_are_so_too(smooth):
    prediction, truth = (random_map(seed, smooth=smooth) for seed in (5, 6))
    prediction[20:40, 30:50] = truth[20:40, 30:50]
    ratios = (0.001, 0.02, 0.06)
    sums = pair_sums(prediction, truth, range(6), band_ratios=ratios)
    expected = slow_sums(prediction, truth, range(6), ratios)
    for name in NAMES:
        np.testing.assert_allclose(getattr(sums, name), expected[name], rtol=1e-12)


@settings(deadline=None)
@given(pair_lists, st.randoms(use_true_random=False))
def test_sums_of_parts_of_a_data_set_add_up_to_those_of_the_whole(pairs, random):
    every = [pair_sums(*pair, (0, 3, 254)) for pair in pairs]
    whole = reduce(operator.add, every)
    while len(every) > 1:  # merge any two, in any order
        one = every.pop(random.randrange(len(every)))
        other = every.pop(random.randrange(len(every)))
        every.append(one + other)
    assert_same_sums(every[0], whole)
    assert whole.truth.sum() == sum((truth != 255).sum() for _, truth in pairs)


@settings(deadline=None)
@given(one_pair)
def test_a_perfect_prediction_scores_1_wherever_a_score_is_defined(pair):
    label_map = pair[0]
    result = scores(label_map, label_map)
    present = np.isin((0, 3, 254), label_map)
    for name in ("iou", "class_accuracy", "biou", "bf1", "bf1_per_image"):
        value = getattr(result, name)
        assert (value[np.isfinite(value)] == 1).all()
    for values in (result.iou, result.class_accuracy, result.biou[0]):
        np.testing.assert_array_equal(np.isfinite(values), present)
    assert result.accuracy == 1 or not present.any()


@settings(deadline=None)
@given(one_pair)
def test_swapped_maps_swap_what_was_missed_and_what_was_too_much(pair):
    prediction, truth = (np.where(label_map == 255, 0, label_map) for label_map in pair)
    one, other = scores(prediction, truth), scores(truth, prediction)
    for name in ("iou", "biou", "bf1", "accuracy"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)
    np.testing.assert_array_equal(one.sums.near_truth, other.sums.near_predicted)
    np.testing.assert_array_equal(one.sums.band_truth, other.sums.band_predicted)


def test_swapped_classes_score_0_and_their_boundaries_are_seen():
    truth = np.array([[0, 0, 0, 3, 3, 3]] * 4, np.uint8)
    result = scores(np.where(truth == 0, np.uint8(3), np.uint8(0)), truth)
    assert result.iou[:2].tolist() == result.biou[0, :2].tolist() == [0, 0]
    assert result.accuracy == 0
    # Each boundary lies one pixel beside the other class's
    assert result.bf1[:, 0].tolist() == [1, 1, 1, 1, 0]
    np.testing.assert_array_equal([result.iou[2], result.biou[0, 2], result.bf1[0, 2]], np.nan)


def test_a_class_only_one_map_has_scores_0_and_one_that_none_has_is_undefined():
    truth = np.array([[0, 0, 3, 3]], np.uint8)
    prediction = np.array([[0, 0, 0, 254]], np.uint8)
    result = scores(prediction, truth, (0, 1, 3, 254))
    expected = [2 / 3, np.nan, 0, 0]
    np.testing.assert_array_equal(result.iou, expected)
    assert mean(result.iou) == pytest.approx(2 / 9)
    np.testing.assert_array_equal(np.isnan(result.biou[0]), np.isnan(expected))
    np.testing.assert_array_equal(result.biou[0, 2:], 0)
    np.testing.assert_array_equal(result.bf1[0], [1, np.nan, 0, 0])
    # Right pixels of a class, and F1 over its images, ask for the class in the truth
    np.testing.assert_array_equal(result.class_accuracy, [1, np.nan, 0, np.nan])
    np.testing.assert_array_equal(result.bf1_per_image[0], [1, np.nan, 0, np.nan])


def test_pixels_without_truth_count_in_the_bands_only():
    truth = np.full((6, 7), 255, np.uint8)
    prediction = np.array([[0, 3, 3, 0, 0, 254, 0]] * 6, np.uint8)
    result = scores(prediction, truth)
    for name in NAMES:
        # The released code takes a prediction where nothing is known for a wrong one
        assert getattr(result.sums, name).any() == (name == "band_predicted")
    np.testing.assert_array_equal(result.biou, 0)
    for values in (result.iou, result.accuracy, result.bf1, result.bf1_per_image):
        assert np.isnan(values).all()
    assert np.isnan(mean(result.iou))


def test_a_prediction_of_no_class_is_wrong_wherever_the_truth_has_one():
    truth = np.array([[0, 0, 3, 3, 255, 255]], np.uint8)
    result = scores(np.full_like(truth, 255), truth)
    assert result.iou[:2].tolist() == result.class_accuracy[:2].tolist() == [0, 0]
    assert result.accuracy == 0
    assert result.biou[0, :2].tolist() == result.bf1[0, :2].tolist() == [0, 0]
    assert result.sums.predicted.tolist() == [0, 0, 0]
    half = scores(np.array([[0, 255, 3, 3, 3, 0]], np.uint8), truth)
    assert half.iou.tolist()[:2] == [0.5, 1]
    assert half.accuracy == 0.75


def test_boundaries_of_a_prediction_count_only_where_the_truth_is_known():
    truth = np.full((9, 9), 0, np.uint8)
    truth[:, 4:] = 255
    prediction = np.zeros((9, 9), np.uint8)
    prediction[:, 6:] = 3
    prediction[8, 0] = 3
    sums = pair_sums(prediction, truth, (0, 3))
    assert sums.boundary_predicted.tolist() == [3, 1]
    assert sums.boundary_truth.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        ([[0, 7]], [[0, 1]], "prediction holds 7, expected one of 1, 0, 3 or 255"),
        ([[0, 1]], [[9, 1]], "truth holds 9, expected one of 1, 0, 3 or 255"),
        ([[0, 1]], [[0, 1, 1]], "prediction is 1x2 but .* 1x3"),
        ([[[0, 1]]], [[0, 1]], "expected uint8"),
    ],
)
def test_pairs_that_cannot_be_scored_are_refused(prediction, truth, message):
    pair = (np.array(label_map, np.uint8) for label_map in (prediction, truth))
    with pytest.raises(DatasetError, match=message):
        pair_sums(*pair, (1, 0, 3))


def test_several_band_widths_come_at_once():
    prediction, truth = (random_map(seed, smooth=4.0) for seed in (1, 2))
    ratios = (0.05, 0.001, 0.2)
    together = pair_sums(prediction, truth, range(6), band_ratios=ratios)
    for index, ratio in enumerate(ratios):
        alone = pair_sums(prediction, truth, range(6), band_ratios=[ratio])
        for name in ("band_truth", "band_predicted", "band_shared"):
            np.testing.assert_array_equal(getattr(together, name)[index], getattr(alone, name)[0])
    shares = Scores(together).band_share
    assert (shares[1] < shares[0]).all()
    np.testing.assert_array_equal(shares[2], 1)  # the widest swallows every class whole


def test_scores_come_in_the_order_of_the_classes_asked_for():
    prediction, truth = (random_map(seed, smooth=4.0) for seed in (3, 4))
    order = [4, 0, 5, 2, 1, 3]
    plain, ordered = (scores(prediction, truth, ids) for ids in (range(6), order))
    for name in ("iou", "class_accuracy", "biou", "band_share", "bf1", "bf1_per_image"):
        np.testing.assert_array_equal(
            getattr(ordered, name), np.take(getattr(plain, name), order, axis=-1)
        )
    assert ordered.accuracy == plain.accuracy


def test_every_value_but_ignore_can_be_a_class():
    truth = np.arange(256, dtype=np.uint8).reshape(16, 16).repeat(4, axis=0).repeat(4, axis=1)
    prediction = truth.copy()
    prediction[::4, ::4] = 254 - np.minimum(truth[::4, ::4], 254)
    class_ids = np.random.default_rng(0).permutation(255)
    sums = pair_sums(prediction, truth, class_ids.tolist())
    expected = slow_sums(prediction, truth, class_ids, (0.001,))
    for name in NAMES:
        np.testing.assert_allclose(getattr(sums, name), expected[name], rtol=1e-12)
    assert mean(Scores(sums).iou) == pytest.approx(15 / 17, abs=0.002)


def test_one_class_all_over_has_regions_and_a_frame_but_no_boundary():
    label_map = np.full((5, 6), 3, np.uint8)
    result = scores(label_map, label_map, (3,))
    assert result.iou.tolist() == [1]
    assert result.sums.band_truth.tolist() == [[30 - 12]]
    assert result.biou.tolist() == [[1]]
    assert np.isnan(result.bf1).all()
    assert np.isnan(result.bf1_per_image).all()


def test_confusion_counts_every_pair_of_labels_truth_first():
    prediction, truth = (
        np.array([[0, 3, 3, 255, 3]], np.uint8),
        np.array([[0, 0, 0, 3, 255]], np.uint8),
    )
    counts = confusion(prediction, truth)
    assert counts.shape == (256, 256)
    found = {(row, column): counts[row, column] for row, column in np.argwhere(counts)}
    assert found == {(0, 0): 1, (0, 3): 2, (3, 255): 1, (255, 3): 1}


def test_pixels_counted_already_are_not_counted_again():
    prediction, truth = (random_map(seed, smooth=4.0) for seed in (5, 6))
    counted = pair_sums(prediction, truth, range(6))
    twice = pair_sums(prediction, truth, range(6), counts=2 * confusion(prediction, truth))
    for name in ("truth", "predicted", "shared"):
        np.testing.assert_array_equal(getattr(twice, name), 2 * getattr(counted, name))
    np.testing.assert_array_equal(twice.band_shared, counted.band_shared)


def test_tolerances_are_pixels_and_a_share_of_the_diagonal():
    assert tolerances_px((1500, 2000)) == [1, 2, 3, 5, 2.5]
    assert len(TOLERANCES) == 5


def test_mean_leaves_undefined_values_out():
    assert mean(np.array([np.nan, 0.25, 0.75])) == 0.5
    assert np.isnan(mean(np.array([np.nan])))
    assert np.isnan(mean(np.array([])))


def test_sums_of_different_bands_or_classes_do_not_add_up():
    label_map = np.array([[0, 1]], np.uint8)
    narrow = pair_sums(label_map, label_map, [0, 1])
    for other in (
        pair_sums(label_map, label_map, [0, 1], band_ratios=(0.001, 0.02)),
        pair_sums(label_map, label_map, [0, 1, 2]),
    ):
        with pytest.raises(DatasetError, match="do not add up"):
            narrow + other


@pytest.mark.parametrize("class_ids", [[], [0, 1, 1], [0, 1, 255], [-1, 0, 1], [0, 1, 256]])
def test_class_ids_that_no_label_map_can_hold_are_refused(class_ids):
    label_map = np.array([[0, 1]], np.uint8)
    with pytest.raises(DatasetError, match="expected ids of 0..254, each once"):
        pair_sums(label_map, label_map, class_ids)
