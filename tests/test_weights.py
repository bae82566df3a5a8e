"""Boundary weights against a slow obvious version, and against the released operations."""

import numpy as np
import pytest
from drawn_label_maps import label_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from usual_ways import own_of, pooled_weights

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.weight_steps import boundary_steps, weights_from_steps
from mass13k_tools.ops.weights import (
    boundary_weights,
    loss_weight_range,
    loss_weights,
    own_weights,
)

CLASSES = [254, 0, 1, 2, 3, 9]  # in an order of its own, with absent ones
STREET = np.array([[0, 0, 5, 5, 5, 255]], dtype=np.uint8)

modes = st.sampled_from(["abs", "signed"])
frames = st.sampled_from(["zeros", "reflect"])
kernels = st.sampled_from([3, 5, 7, 15, 17])
of_any_kind = settings(deadline=None)  # the first call compiles


def mirrored(place, size):
    while size > 1 and not 0 <= place < size:
        place = -place if place < 0 else 2 * (size - 1) - place
    return place if size > 1 else 0


def plain_weights(label_map, class_id, *, kernel_px, frame):
    """Average one mask around every pixel, in float64: G - avg(G)."""
    height, width = label_map.shape
    half, mask = kernel_px // 2, label_map == class_id
    weights = np.zeros(label_map.shape)
    for y, x in np.ndindex(label_map.shape):
        inside = 0
        for v in range(y - half, y + half + 1):
            for u in range(x - half, x + half + 1):
                if frame == "reflect":
                    inside += int(mask[mirrored(v, height), mirrored(u, width)])
                elif 0 <= v < height and 0 <= u < width:
                    inside += int(mask[v, u])
        weights[y, x] = mask[y, x] - inside / kernel_px**2
    return weights


@of_any_kind
@given(label_maps(), modes, frames, st.sampled_from([3, 5, 17]))
def test_weights_are_the_mask_less_its_local_mean(label_map, mode, frame, kernel_px):
    weights = boundary_weights(label_map, CLASSES, mode=mode, kernel_px=kernel_px, frame=frame)
    assert weights.dtype == np.float32
    for weight, class_id in zip(weights, CLASSES, strict=True):
        expected = plain_weights(label_map, class_id, kernel_px=kernel_px, frame=frame)
        expected = np.abs(expected) if mode == "abs" else expected
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-7)


@of_any_kind
@given(label_maps(), kernels)
def test_released_operations_give_the_same_bits(label_map, kernel_px):
    np.testing.assert_array_equal(
        boundary_weights(label_map, CLASSES, kernel_px=kernel_px),
        pooled_weights(label_map, CLASSES, kernel_px=kernel_px),
    )


@of_any_kind
@given(label_maps(), frames, kernels)
def test_own_weights_are_those_of_each_pixels_class(label_map, frame, kernel_px):
    own = own_weights(label_map, kernel_px=kernel_px, frame=frame)
    present = sorted({int(value) for value in label_map.flat} - {255})
    for mode in ("abs", "signed"):
        weights = boundary_weights(label_map, present, mode=mode, kernel_px=kernel_px, frame=frame)
        np.testing.assert_array_equal(own, own_of(weights, label_map, present))


@of_any_kind
@given(label_maps(), modes, frames, kernels)
def test_whole_numbers_hold_all_of_the_weights(label_map, mode, frame, kernel_px):
    steps = boundary_steps(label_map, CLASSES, kernel_px=kernel_px, frame=frame)
    assert steps.dtype == (np.uint8 if kernel_px <= 15 else np.uint16)
    weights = boundary_weights(label_map, CLASSES, mode=mode, kernel_px=kernel_px, frame=frame)
    np.testing.assert_array_equal(
        weights_from_steps(steps, label_map, CLASSES, mode=mode, kernel_px=kernel_px), weights
    )
    np.testing.assert_allclose(steps / kernel_px**2, np.abs(weights), rtol=0, atol=1e-7)


def test_a_straight_edge_weighs_two_fifths_and_one_fifth_and_a_speck_almost_all():
    label_map = np.zeros((9, 12), dtype=np.uint8)
    label_map[:, 6:] = 1
    weights = boundary_weights(label_map, [1], frame="reflect")[0]
    rows = [0, 0, 0, 0, 0.2, 0.4, 0.4, 0.2, 0, 0, 0, 0]
    np.testing.assert_allclose(weights, [rows] * 9, atol=1e-7)
    signed = boundary_weights(label_map, [1], mode="signed", frame="reflect")[0]
    np.testing.assert_allclose(signed, [[-w for w in rows[:6]] + rows[6:]] * 9, atol=1e-7)
    speck = np.zeros((5, 5), dtype=np.uint8)
    speck[2, 2] = 1
    assert own_weights(speck)[2, 2] == np.float32(1) - np.float32(1) / np.float32(25)


def test_a_mask_that_touches_the_frame_has_weight_there_only_as_released():
    label_map = np.full((9, 9), 3, dtype=np.uint8)
    assert own_weights(label_map)[4, 0] == pytest.approx(0.4)
    assert not own_weights(label_map, frame="reflect").any()


def test_ignore_has_no_own_weight_but_the_released_weights_of_its_neighbours():
    assert own_weights(STREET, kernel_px=3)[0, 5] == 0
    assert boundary_weights(STREET, [5], kernel_px=3)[0, 0, 5] == pytest.approx(1 / 9)


def test_losses_weigh_precise_boundaries_more_and_pseudo_ones_less():
    weights = np.array([[[0.0, 0.4]], [[0.0, 0.4]]], dtype=np.float32)
    factors = loss_weights(weights, [True, False], precise_gain=5, pseudo_gain=2)
    np.testing.assert_allclose(factors, [[[1, 3]], [[1, 0.2]]], rtol=1e-6)
    assert factors.dtype == np.float32
    np.testing.assert_allclose(loss_weights(weights, [True, False])[:, 0, 1], [3, 0.6], rtol=1e-6)


@of_any_kind
@given(label_maps(), modes, st.lists(st.booleans(), min_size=6, max_size=6), st.floats(0, 20))
def test_the_range_is_that_of_the_factors_and_counts_the_clamped(label_map, mode, precise, gain):
    weights = boundary_weights(label_map, CLASSES, mode=mode)
    gains = {"precise_gain": gain, "pseudo_gain": gain / 3}
    factors = loss_weights(weights, precise, **gains)
    found = loss_weight_range(weights, precise, **gains)
    assert (found.low, found.high) == (factors.min(), factors.max())
    assert found.values == factors.size
    signs = np.array([1 if it else -1 / 3 for it in precise]) * gain
    unclamped = 1 + weights.astype(np.float64) * signs[:, None, None]
    assert (unclamped < -1e-5).sum() <= found.clamped <= (unclamped < 1e-5).sum()


def test_the_papers_sign_would_make_half_of_a_boundary_negative():
    label_map = np.zeros((9, 12), dtype=np.uint8)
    label_map[:, 6:] = 1
    weights = boundary_weights(label_map, [1], mode="signed", frame="reflect")
    found = loss_weight_range(weights, [True])
    assert (found.low, found.high) == (0, 3)
    assert found.clamped == 9  # one column of 9, at -0.4; the next is at -0.2 and just 0


@pytest.mark.parametrize("class_ids", [[255], [0, 300], [-1], [0, 5, 0]])
def test_class_ids_that_no_label_map_can_hold_are_refused(class_ids):
    steps = np.zeros((len(class_ids), *STREET.shape), np.uint8)
    for call in (
        lambda: boundary_weights(STREET, class_ids),
        lambda: boundary_steps(STREET, class_ids),
        lambda: weights_from_steps(steps, STREET, class_ids, mode="abs", kernel_px=5),
    ):
        with pytest.raises(DatasetError, match="expected ids of 0..254, each once"):
            call()


def test_no_classes_have_no_weights():
    assert boundary_weights(STREET, []).shape == (0, *STREET.shape)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: loss_weight_range(np.zeros((0, 3, 4), np.float32), []), "expected at least one"),
        (lambda: boundary_weights(STREET, [0], mode="absolute"), "no weight mode 'absolute'"),
        (lambda: boundary_weights(STREET, [0], kernel_px=4), "window of 4 px, expected an odd"),
        (lambda: boundary_steps(STREET, [0], kernel_px=1), "window of 1 px"),
        (lambda: own_weights(STREET, kernel_px=257), "window of 257 px, .* 3 to 255"),
        (lambda: own_weights(STREET, frame="zero"), "no frame 'zero', known are: zeros, reflect"),
        (lambda: own_weights(STREET[0]), r"of shape \(6,\)"),
        (lambda: boundary_weights(STREET.astype(int), [0]), "label map is int64"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    with pytest.raises(DatasetError, match=message):
        call()
