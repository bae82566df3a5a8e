"""Error maps against a plain loop, and what a person would say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_bands import slow_class_bands

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.error_map import (
    BOUNDARY,
    CONFUSED,
    ERROR_KINDS,
    INVENTED,
    MISSED,
    class_error_map,
    error_map,
)

VALUES = st.sampled_from([0, 1, 2, 255])
pairs = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda shape: st.tuples(*[arrays.arrays(np.uint8, shape, elements=VALUES) for _ in range(2)])
)


def slow_error_map(prediction, label_map, band_px, rest_id):
    errors, band = np.zeros(label_map.shape, int), slow_class_bands(label_map, band_px)
    for (y, x), true in np.ndenumerate(label_map):
        predicted = prediction[y, x]
        if true == 255:
            errors[y, x] = 255
        elif predicted == true:
            pass
        elif band[y, x]:
            errors[y, x] = BOUNDARY.value
        elif predicted == 255 or predicted == rest_id:
            errors[y, x] = MISSED.value
        elif true == rest_id:
            errors[y, x] = INVENTED.value
        else:
            errors[y, x] = CONFUSED.value
    return errors


@settings(max_examples=200, deadline=None)
@given(pairs, st.sampled_from([0, 2, None]))
def test_any_small_pair_has_the_errors_of_a_plain_loop(pair, rest_id):
    found = error_map(*pair, band_px=1, rest_id=rest_id)
    np.testing.assert_array_equal(found, slow_error_map(*pair, 1, rest_id))


@settings(max_examples=200, deadline=None)
@given(pairs, st.sampled_from([0, 2]))
def test_errors_of_one_class_are_those_of_its_mask(pair, class_id):
    prediction, label_map = pair
    truth = np.where(label_map == 255, 255, label_map == class_id).astype(np.uint8)
    mask = (prediction == class_id).astype(np.uint8)
    found = class_error_map(prediction, label_map, class_id=class_id, band_px=1)
    np.testing.assert_array_equal(found, slow_error_map(mask, truth, 1, 0))
    assert CONFUSED.value not in found


def test_kinds_of_error_are_told_apart_on_a_scene():
    truth = np.zeros((60, 200), np.uint8)
    truth[:, 100:] = 3
    prediction = truth.copy()
    prediction[20:40, 20:40] = 5  # invented
    prediction[20:40, 120:140] = 0  # missed
    prediction[20:40, 160:180] = 5  # confused
    prediction[:, 100:104] = 0  # the outline is off
    errors = error_map(prediction, truth, band_px=5)
    for kind, y, x in ((INVENTED, 30, 30), (MISSED, 30, 130), (CONFUSED, 30, 170)):
        assert errors[y, x] == kind.value
        assert (errors == kind.value).sum() == 400
    assert (errors == BOUNDARY.value).sum() == 240


def test_colours_of_errors_differ_for_colour_blind_eyes():
    # What is left of the differences between cones, after Machado et al. 2009, in linear light
    kinds_of_sight = np.array(
        [
            np.eye(3),
            [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
            [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
            [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
        ]
    )
    colours = (np.array([kind.colour for kind in ERROR_KINDS]) / 255) ** 2.2
    for sight in kinds_of_sight:
        seen = np.clip(colours @ sight.T, 0, 1) ** (1 / 2.2)
        for one in range(4):
            for other in range(one):
                assert np.abs(seen[one] - seen[other]).max() > 0.25


def test_sizes_must_agree():
    for function in (
        error_map,
        lambda *pair, band_px: class_error_map(*pair, class_id=1, band_px=1),
    ):
        with pytest.raises(DatasetError, match="prediction is 3x4 but the truth is 3x5"):
            function(np.zeros((3, 4), np.uint8), np.zeros((3, 5), np.uint8), band_px=1)
