"""Batches on a device give what single label maps give on the host."""

from typing import get_args

import numpy as np
import pytest
import torch
from drawn_label_maps import batches
from hypothesis import given, settings
from hypothesis import strategies as st

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops import torch_edges, torch_weights, weights
from mass13k_tools.ops.edges import EdgeMode, edge_map, signed_distance

CLASSES = [254, 0, 1, 2, 3, 9]
STREET = torch.tensor([[[0, 0, 5, 5, 5, 255]]], dtype=torch.uint8)
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]

on_devices = pytest.mark.parametrize("device", DEVICES)
of_any_kind = settings(deadline=None)
kernels = st.sampled_from([3, 5, 7, 15, 17])
frames = st.sampled_from(["zeros", "reflect"])


def check(found, expected, device):
    assert found.device.type == device
    np.testing.assert_array_equal(found.cpu().numpy(), expected)
    assert found.cpu().numpy().dtype == expected.dtype


@on_devices
@of_any_kind
@given(batches(), st.sampled_from(get_args(EdgeMode)), st.integers(1, 6))
def test_edges_of_batches(device, label_maps, mode, width_px):
    found = torch_edges.edge_map(
        torch.from_numpy(label_maps).to(device), mode=mode, width_px=width_px
    )
    expected = [edge_map(one, mode=mode, width_px=width_px) for one in label_maps]
    check(found, np.stack(expected), device)


@on_devices
@of_any_kind
@given(batches(), st.sampled_from([1, 2, 3, 7, 64, 4095]))
def test_distances_of_batches(device, label_maps, limit_px):
    found = torch_edges.signed_distance(torch.from_numpy(label_maps).to(device), limit_px=limit_px)
    expected = [signed_distance(one, limit_px=limit_px) for one in label_maps]
    check(found, np.stack(expected), device)


@on_devices
@of_any_kind
@given(batches(), st.sampled_from(["abs", "signed"]), frames, kernels)
def test_weights_of_batches(device, label_maps, mode, frame, kernel_px):
    found = torch_weights.boundary_weights(
        torch.from_numpy(label_maps).to(device),
        CLASSES,
        mode=mode,
        kernel_px=kernel_px,
        frame=frame,
    )
    expected = [
        weights.boundary_weights(one, CLASSES, mode=mode, kernel_px=kernel_px, frame=frame)
        for one in label_maps
    ]
    check(found, np.stack(expected), device)


@on_devices
@of_any_kind
@given(batches(), frames, kernels)
def test_own_weights_of_batches(device, label_maps, frame, kernel_px):
    found = torch_weights.own_weights(
        torch.from_numpy(label_maps).to(device), kernel_px=kernel_px, frame=frame
    )
    expected = [weights.own_weights(one, kernel_px=kernel_px, frame=frame) for one in label_maps]
    check(found, np.stack(expected), device)


@on_devices
@of_any_kind
@given(batches(), st.lists(st.booleans(), min_size=6, max_size=6), st.floats(0, 20))
def test_loss_weights_of_batches(device, label_maps, precise, gain):
    given_weights = torch_weights.boundary_weights(
        torch.from_numpy(label_maps).to(device), CLASSES, mode="signed"
    )
    gains = {"precise_gain": gain, "pseudo_gain": gain / 3}
    found = torch_weights.loss_weights(given_weights, precise, **gains)
    expected = [weights.loss_weights(one, precise, **gains) for one in given_weights.cpu().numpy()]
    check(found, np.stack(expected), device)


@on_devices
def test_large_label_maps_agree_too(device):
    rng = np.random.default_rng(8)
    label_maps = rng.integers(0, 5, (2, 16, 20), dtype=np.uint8).repeat(9, axis=1).repeat(13, 2)
    label_maps[:, ::17, 3::5] = 255
    batch = torch.from_numpy(label_maps).to(device)
    for mode, width_px in (("inner", 20), ("released", 3), ("symmetric", 5)):
        found = torch_edges.edge_map(batch, mode=mode, width_px=width_px)
        expected = [edge_map(one, mode=mode, width_px=width_px) for one in label_maps]
        check(found, np.stack(expected), device)
    check(
        torch_edges.signed_distance(batch),
        np.stack([signed_distance(one) for one in label_maps]),
        device,
    )


def test_an_empty_batch_gives_an_empty_batch():
    empty = torch.zeros((0, 4, 5), dtype=torch.uint8)
    assert torch_edges.edge_map(empty).shape == (0, 4, 5)
    assert torch_edges.signed_distance(empty).shape == (0, 4, 5)
    assert torch_weights.own_weights(empty).shape == (0, 4, 5)
    assert torch_weights.boundary_weights(empty, [0, 1, 2]).shape == (0, 3, 4, 5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: torch_edges.edge_map(STREET[0]), r"of shape \(1, 6\), expected torch.uint8"),
        (lambda: torch_edges.signed_distance(STREET.long()), "torch.int64 of shape"),
        (lambda: torch_edges.edge_map(STREET, mode="both"), "no edge mode 'both'"),
        (lambda: torch_edges.edge_map(STREET, width_px=0), "width 0 px"),
        (lambda: torch_edges.signed_distance(STREET, limit_px=0), "up to 0 px"),
        (lambda: torch_weights.own_weights(STREET[0]), "expected torch.uint8"),
        (lambda: torch_weights.boundary_weights(STREET, [255]), "ids of 0..254, each once"),
        (lambda: torch_weights.boundary_weights(STREET, [300]), "ids of 0..254, each once"),
        (lambda: torch_weights.boundary_weights(STREET, [-1]), "ids of 0..254, each once"),
        (lambda: torch_weights.boundary_weights(STREET, [5, 0, 5]), "ids of 0..254, each once"),
        (lambda: torch_weights.own_weights(STREET, kernel_px=4), "window of 4 px"),
        (lambda: torch_weights.own_weights(STREET, frame="zero"), "no frame 'zero'"),
        (lambda: torch_weights.boundary_weights(STREET, [0], mode="x"), "no weight mode 'x'"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    with pytest.raises(DatasetError, match=message):
        call()


def test_no_classes_have_no_weights():
    weights = torch_weights.boundary_weights(torch.zeros(2, 4, 5, dtype=torch.uint8), [])
    assert weights.shape == (2, 0, 4, 5)
