"""The scores of the released evaluation code: its stored results, a case by hand, and its order."""

import json
import operator
from functools import reduce
from math import hypot
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from plain_scores import slow_matches
from usual_ways import released_sums

from mass13k_tools.ops.bands import band_width
from mass13k_tools.ops.score_sums import BAND_RATIO, pair_sums, tolerances_px
from mass13k_tools.ops.scores import Scores, mean

REFERENCE = Path(__file__).parent.parent.parent / "shared" / "reference"
NAMES = (
    "a_300x400",
    "b_300x400_missing_classes",
    "c_1024x768",
    "d_3072x4096",
    "e_noignore_256x384",
)
CLASS_IDS = range(7)
COUNTED = ("intersect", "union", "pred_area", "label_area", "boundary_intersect", "boundary_union")

stored = pytest.mark.skipif(
    not (REFERENCE / "metric_expected.json").is_file(),
    reason=f"results of the released code are not at {REFERENCE}",
)


def reference_pair(name):
    """Read prediction and truth."""
    if (REFERENCE / f"metric_{name}.npz").is_file():
        with np.load(REFERENCE / f"metric_{name}.npz") as arrays:
            return arrays["pred"], arrays["gt"]
    return tuple(
        np.asarray(PillowImage.open(REFERENCE / f"metric_{name}_{kind}.png"))
        for kind in ("pred", "gt")
    )


@pytest.fixture(scope="module")
def expected():
    return json.loads((REFERENCE / "metric_expected.json").read_text())


@pytest.fixture(scope="module")
def sums():
    return {name: pair_sums(*reference_pair(name), CLASS_IDS) for name in NAMES}


def released_counts(sums):
    """Put our sums in the released code's terms."""
    union = sums.truth + sums.predicted - sums.shared
    band_union = (sums.band_truth + sums.band_predicted - sums.band_shared)[0]
    counted = (sums.shared, union, sums.predicted, sums.truth, sums.band_shared[0], band_union)
    return {name: count.tolist() for name, count in zip(COUNTED, counted, strict=True)}


def assert_released_scores(scores, expected):
    """Compare to the last bit of the released code's float32, and its rounded per cent."""
    found = {
        "aAcc": [scores.accuracy],
        "IoU": scores.iou,
        "Acc": scores.class_accuracy,
        "BIoU": scores.biou[0],
    }
    for name, values in found.items():
        of_classes = np.array(expected["per_class"][name], dtype=np.float32)
        np.testing.assert_array_equal(np.float32(values), of_classes, err_msg=name)
        kind = name if name == "aAcc" else f"m{name}"
        assert mean(np.asarray(values)) == pytest.approx(expected["mean_unrounded"][kind], abs=1e-7)
        percent = round(100 * mean(np.asarray(values)), 2)
        assert percent == pytest.approx(expected["official_rounded_percent"][kind], abs=1e-5)


@stored
@pytest.mark.parametrize("name", NAMES)
def test_sums_and_scores_of_an_image_are_those_of_the_released_code(name, sums, expected):
    image = expected["images"][name]
    assert band_width(image["shape"], BAND_RATIO) == image["dilation"]
    assert released_counts(sums[name]) == image["counts"]
    assert_released_scores(Scores(sums[name]), image["single_image_metrics"])


@stored
def test_scores_of_the_data_set_are_those_of_the_released_code(sums, expected):
    assert set(NAMES) == set(expected["images"])
    assert_released_scores(Scores(reduce(operator.add, sums.values())), expected["dataset"])


@stored
@pytest.mark.parametrize("name", ["a_300x400", "b_300x400_missing_classes"])
def test_boundaries_of_reference_images_are_matched_as_all_pairs_are(name, sums):
    prediction, truth = (label_map[:150, :200] for label_map in reference_pair(name))
    found = pair_sums(prediction, truth, CLASS_IDS)
    known = np.where(truth == 255, truth, prediction)
    boundary, near = slow_matches(truth, known, tolerances_px(truth.shape))
    np.testing.assert_array_equal(found.boundary_truth, boundary[:7])
    np.testing.assert_array_equal(found.near_truth, near[:, :7])


def drawn(rows):
    """Turn a drawing into a label map; a dot is ignore."""
    digits = [[255 if letter == "." else int(letter) for letter in row] for row in rows.split()]
    return np.array(digits, dtype=np.uint8)


def test_a_case_by_hand_has_the_sums_of_the_released_rule():
    truth = drawn("00000111 00000111 00000111 00000111 00000... 22222...")
    prediction = drawn("00001111 00001111 00001111 00001111 00003333 00003333")
    sums = pair_sums(prediction, truth, CLASS_IDS)
    assert released_counts(sums) == {
        "intersect": [20, 12, 0, 0, 0, 0, 0],
        "union": [29, 16, 5, 2, 0, 0, 0],
        "pred_area": [24, 16, 0, 2, 0, 0, 0],
        "label_area": [25, 12, 5, 0, 0, 0, 0],
        # Class 0: 16 of 5x5 against 16 of 4x6, both with the frame; class 3 also where ignored
        "boundary_intersect": [9, 8, 0, 0, 0, 0, 0],
        "boundary_union": [23, 14, 5, 8, 0, 0, 0],
    }
    assert mean(Scores(sums).iou) == pytest.approx((20 / 29 + 12 / 16) / 4)
    by_rule = released_sums(prediction, truth, classes=len(CLASS_IDS))
    assert list(released_counts(sums).values()) == [counts.tolist() for counts in by_rule]


def foliage(shape):
    noise = cv2.GaussianBlur(np.random.default_rng(0).random(shape), (0, 0), 4)
    return (noise > np.median(noise)).astype(np.uint8)


def skyline(shape):
    """Stand blocks side by side, 24 px wide and of any height."""
    heights = np.random.default_rng(0).integers(30, shape[0] - 30, shape[1] // 24 + 1)
    return (np.arange(shape[0])[:, None] >= heights.repeat(24)[: shape[1]]).astype(np.uint8)


def quarter_size(mask):
    """Let the majority of every 4x4 block stand for it."""
    blocks = mask.reshape(mask.shape[0] // 4, 4, mask.shape[1] // 4, 4)
    return (blocks.mean(axis=(1, 3)) > 0.5).repeat(4, axis=0).repeat(4, axis=1).astype(np.uint8)


def changed_scores(draw, height, width):
    """Score four changes of a mask: IoU, BIoU in 5-px bands, and boundary F1 at 1, 2, 3, 5 px."""
    large = draw((height, width + 8))
    mask = large[:, 8:]
    changes = {
        "2 px": large[:, 6:-2],
        "8 px": large[:, :-8],
        "quarter": quarter_size(mask),
        "blur": cv2.medianBlur(np.ascontiguousarray(mask), 31),
    }
    ratios = (5 / hypot(height, width),)
    scores = {
        name: Scores(pair_sums(change, mask, (0, 1), band_ratios=ratios))
        for name, change in changes.items()
    }
    return {
        name: np.array([found.iou[1], found.biou[0, 1], *found.bf1[:4, 1]])
        for name, found in scores.items()
    }


def order(scores, column):
    """Name the changes from the best score to the worst."""
    return sorted(scores, key=lambda name: -scores[name][column])


def test_changes_of_foliage_rank_as_at_full_size_with_about_the_same_values():
    scores = changed_scores(foliage, 320, 400)
    assert order(scores, 0) == ["quarter", "2 px", "blur", "8 px"]
    assert order(scores, 1) == ["quarter", "2 px", "8 px", "blur"]
    assert order(scores, 2) == ["quarter", "2 px", "8 px", "blur"]
    assert order(scores, 4) == ["2 px", "quarter", "8 px", "blur"]
    # IoU, BIoU, boundary F1 at 1, 2, 3 and 5 px measured at 3072x4096
    full_size = {
        "2 px": (0.796, 0.710, 0.608, 1.0, 1.0, 1.0),
        "8 px": (0.441, 0.321, 0.261, 0.406, 0.569, 0.824),
        "quarter": (0.843, 0.754, 0.825, 0.983, 0.995, 0.997),
        "blur": (0.511, 0.221, 0.193, 0.302, 0.422, 0.623),
    }
    for name, values in full_size.items():
        np.testing.assert_allclose(scores[name], values, atol=0.05)


def test_changes_of_a_skyline_hardly_show_in_iou_but_in_the_other_scores():
    scores = changed_scores(skyline, 640, 480)
    for name in ("2 px", "8 px", "quarter"):
        assert scores[name][0] > 0.85
    for column in (0, 1, 2):
        assert order({name: scores[name] for name in ("2 px", "8 px", "quarter")}, column) == [
            *("quarter", "2 px", "8 px")
        ]
    assert scores["8 px"][1] < 0.4 < scores["2 px"][1] < scores["quarter"][1] - 0.1
    assert scores["2 px"][3] > 0.99
    assert scores["quarter"][3] > 0.9
    assert scores["8 px"][5] < 0.5
