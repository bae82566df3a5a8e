"""The bootstrap against a loop over draws, image by image."""

from dataclasses import fields, replace
from functools import reduce
from operator import add

import numpy as np
import pytest

from mass13k_tools.evaluation.compare import score_values
from mass13k_tools.ops import bootstrap
from mass13k_tools.ops.bootstrap import Draws, bootstrap_differences
from mass13k_tools.ops.score_sums import Sums, pair_sums
from mass13k_tools.ops.scores import Scores, mean

CLASSES = (0, 1, 2, 3, 9)


def random_images(seed, count=6):
    """Give sums of A and of B; class 3 is in one image only, class 9 in none."""
    random = np.random.default_rng(seed)
    found = ([], [])
    for number in range(count):
        truth = random.integers(3, size=(12, 9), dtype=np.uint8)
        truth[random.random(truth.shape) < 0.1] = 255
        truth[:4, :4] = 3 if number == 2 else truth[:4, :4]
        for images, share in zip(found, (0.3, 0.1), strict=True):
            wrong = random.random(truth.shape) < share
            prediction = np.where(wrong, random.integers(3, size=truth.shape), truth)
            images.append(pair_sums(prediction.astype(np.uint8), truth, CLASSES))
    return found


def slow_values(images):
    scores = Scores(reduce(add, images))
    return [
        mean(scores.iou),
        mean(scores.biou[0]),
        *map(mean, scores.bf1),
        *map(mean, scores.bf1_per_image),
        scores.accuracy,
        *scores.iou,
        *scores.biou[0],
    ]


def slow_differences(one, other, units, resamples, seed):
    members = [np.flatnonzero(units == unit) for unit in range(units.max() + 1)]
    found = []
    for draw in np.random.default_rng(seed).integers(len(members), size=(resamples, len(members))):
        chosen = [image for unit in draw for image in members[unit]]
        a, b = (slow_values([images[n] for n in chosen]) for images in (one, other))
        found.append(np.subtract(b, a))
    return np.array(found)


@pytest.mark.parametrize("units", [range(6), (0, 1, 0, 2, 1, 0), (0, 0, 0, 0, 0, 0)])
def test_differences_are_those_of_images_that_are_drawn_one_by_one(units):
    one, other = random_images(1)
    draws = Draws(np.array(units), resamples=40, seed=5)
    found = bootstrap_differences(one, other, score_values, draws=draws)
    expected = slow_differences(one, other, draws.units, 40, 5)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-9)
    missing = np.isnan(found).mean(axis=0)
    assert missing[-1] == 1  # BIoU of class 9
    if draws.units.max() == 5:
        assert 0 < missing[-2] < 1  # of class 3


@pytest.mark.parametrize("room", [1, 200, 1000])
def test_the_size_of_blocks_changes_nothing(monkeypatch, room):
    one, other = random_images(2)
    draws = Draws(np.arange(6), resamples=25, seed=1)
    whole = bootstrap_differences(one, other, score_values, draws=draws)
    monkeypatch.setattr(bootstrap, "BLOCK", room)
    parts = bootstrap_differences(one, other, score_values, draws=draws)
    np.testing.assert_array_equal(parts, whole)


def test_equal_sets_do_not_differ_at_all():
    images, _ = random_images(3, count=50)
    random = np.random.default_rng(0)  # fractions that no order of adding up gives twice
    images = [
        replace(image, f1=random.random(image.f1.shape) * image.f1_images) for image in images
    ]
    found = bootstrap_differences(images, images, score_values, draws=Draws(np.arange(50)))
    assert found.shape == (2000, 13 + 2 * len(CLASSES))
    assert set(found[np.isfinite(found)]) == {0.0}


def test_the_order_within_a_unit_changes_not_one_bit():
    random = np.random.default_rng(0)
    one, other = (
        [replace(image, f1=random.random(image.f1.shape) * image.f1_images) for image in images]
        for images in random_images(5, count=50)
    )
    draws = Draws(np.zeros(50, dtype=np.intp), resamples=2)
    there = bootstrap_differences(one, other, score_values, draws=draws)
    back = bootstrap_differences(one[::-1], other[::-1], score_values, draws=draws)
    np.testing.assert_array_equal(there, back)


def test_counts_of_a_draw_are_whole_numbers_and_exact():
    big = 2**31  # pixels, more than float32 counts
    images = [
        Sums(*(np.full((1, 1), big - n, dtype=np.int64) for _ in fields(Sums))) for n in (0, 1, 1)
    ]
    seen = []

    def values(sums):
        assert sums.truth.dtype == np.int64
        seen.extend(sums.truth[0, :, 0].tolist())
        return sums.truth[0] * 1.0

    bootstrap_differences(images, images, values, draws=Draws(np.arange(3), resamples=30))
    assert set(seen) == {3 * big - n for n in range(4)}


def test_the_seed_decides():
    one, other = random_images(4)
    found = [
        bootstrap_differences(one, other, score_values, draws=Draws(np.arange(6), 30, seed))
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2], equal_nan=True)


def images_of_a_kind(random, count):
    """Draw images of two classes from a world in which B is somewhat better than A."""
    pixels = random.lognormal(10, 1, (count, 2)).astype(int) + 100
    ease = random.normal(0, 0.8, (count, 2))
    found = []
    for gain in (1.2, 1.35):
        share = 1 / (1 + np.exp(-gain - ease - random.normal(0, 0.3, ease.shape)))
        found.append((pixels * share).astype(int))
    return pixels, *found


def region_sums(pixels, shared):
    none = {field.name: np.zeros((1, 2), dtype=np.int64) for field in fields(Sums)}
    return [
        Sums(**none | {"truth": all_, "predicted": all_, "shared": right})
        for all_, right in zip(pixels, shared, strict=True)
    ]


def miou(sums):
    return Scores(sums).iou.mean(axis=-1, keepdims=True)


def test_intervals_hold_the_true_difference_about_as_often_as_they_say():
    random = np.random.default_rng(7)
    pixels, a, b = images_of_a_kind(random, 500_000)
    a, b = (right.sum(axis=0) / (2 * pixels - right).sum(axis=0) for right in (a, b))
    true = b.mean() - a.mean()
    held = []
    for number in range(200):
        pixels, *both = images_of_a_kind(random, 40)
        one, other = (region_sums(pixels, shared) for shared in both)
        draws = Draws(np.arange(40), resamples=300, seed=number)
        found = bootstrap_differences(one, other, miou, draws=draws)
        low, high = np.quantile(found, [0.1, 0.9])
        held.append(low <= true <= high)
    assert 0.68 < np.mean(held) < 0.88
