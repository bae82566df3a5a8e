"""What is done on the device is what the host would have done."""

import numpy as np
import pytest
import torch
from loader_data import folder_source, write_dataset

from mass13k_tools.loader.device import DeviceSteps, device_batch
from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.recipe import Recipe
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.ops.weights import own_weights

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
# Never padded at the right, where OpenCV would treat the last columns in its own way
RECIPE = Recipe(short_sides_px=(66, 120), most_long_side_px=500, crop_hw=(90, 64))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return folder_source(write_dataset(tmp_path_factory.mktemp("device") / "photos", 10, seed=8))


def batches_of(source, **options):
    return list(CropLoader(source, RECIPE, batch_size=5, seed=2, **options))


def whole_parts(batch, name):
    """Cut the padding away."""
    return [
        (number, batch[name][number, ..., :height, :width].cpu().numpy())
        for number, (height, width) in enumerate(batch["size_hw"])
    ]


@pytest.mark.parametrize("device", DEVICES)
def test_colours_distorted_there_or_here_are_the_same(source, device):
    here, there = (batches_of(source, photometrics=where) for where in ("host", "device"))
    differing = 0
    for one, other in zip(here, there, strict=True):
        assert len(other["distortion"]) == 5
        differing += not torch.equal(one["image"], other["image"])
        found, expected = device_batch(other, device), device_batch(one, device)
        assert found["image"].device.type == device
        assert torch.equal(found["image"], expected["image"])
        assert torch.equal(found["label"].cpu(), one["label"])
        assert found["key"] == one["key"]
    assert differing


@pytest.mark.parametrize("device", DEVICES)
def test_images_are_normalised_and_padded_with_zeros(source, device):
    padded = 0
    for batch in batches_of(source):
        images = device_batch(batch, device)["image"]
        assert images.dtype == torch.float32
        for number, (height, width) in enumerate(batch["size_hw"]):
            image = batch["image"][number, :, :height, :width].numpy().transpose(1, 2, 0)
            expected = (image - np.array([123.675, 116.28, 103.53])) / [58.395, 57.12, 57.375]
            found = images[number].cpu()
            np.testing.assert_allclose(
                found[:, :height, :width].permute(1, 2, 0), expected, atol=1e-6
            )
            assert not found[:, height:].any() and not found[:, :, width:].any()
            padded += height < 90
    assert 0 < padded < 10


@pytest.mark.parametrize("device", DEVICES)
def test_edges_and_weights_are_those_of_the_crops_without_padding(source, device):
    steps = DeviceSteps(weights=True)
    for batch in batches_of(source):
        made = device_batch(batch, device, steps)
        assert made["edge"].dtype == torch.uint8
        for number, label_map in whole_parts(batch, "label"):
            label_map = np.ascontiguousarray(label_map)
            (height, width), edge, weight = label_map.shape, made["edge"], made["weight"]
            np.testing.assert_array_equal(
                edge[number, :height, :width].cpu(), edge_map(label_map, mode="released")
            )
            assert (edge[number, height:] == 255).all() and (edge[number, :, width:] == 255).all()
            np.testing.assert_array_equal(
                weight[number, :height, :width].cpu(), own_weights(label_map)
            )
            assert not weight[number, height:].any() and not weight[number, :, width:].any()


def test_other_edges_and_weights_or_none(source):
    (batch, *_) = batches_of(source)
    assert device_batch(batch, "cpu", DeviceSteps(edges=None)).keys() == {"image", "label", "key"}
    steps = DeviceSteps(edges="inner", edge_width_px=3, weights=True, weight_kernel_px=5)
    made = device_batch(batch, "cpu", steps)
    number, label_map = whole_parts(batch, "label")[0]
    label_map = np.ascontiguousarray(label_map)
    height, width = label_map.shape
    np.testing.assert_array_equal(
        made["edge"][number, :height, :width], edge_map(label_map, mode="inner", width_px=3)
    )
    np.testing.assert_array_equal(
        made["weight"][number, :height, :width], own_weights(label_map, kernel_px=5)
    )
