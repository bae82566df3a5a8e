"""Distorted colours are the release's, on the host and in batches, to the bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loader_data import released_colours

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader import photometric, torch_photometric
from mass13k_tools.loader.photometric import Distortion, DistortionRanges, draw_distortion

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
on_devices = pytest.mark.parametrize("device", DEVICES)

distortions = st.builds(
    Distortion,
    brightness=st.none() | st.floats(-32, 32),
    contrast=st.none() | st.floats(0.5, 1.5),
    contrast_last=st.booleans(),
    saturation=st.none() | st.floats(0.5, 1.5),
    hue=st.none() | st.integers(-18, 17),
)


def noise(*shape, seed=3):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def batch_of(images, device="cpu"):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device)


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 140), distortions)
def test_the_host_does_what_the_release_does_at_any_width(height, width, distortion):
    image = noise(height, width, 3)
    kept = image.copy()
    found = photometric.distorted(image, distortion)
    expected = released_colours(np.ascontiguousarray(image[:, :, ::-1]), distortion)[:, :, ::-1]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(image, kept)


@on_devices
@settings(deadline=None)
@given(st.lists(distortions, min_size=1, max_size=4), st.integers(0, 99))
def test_batches_are_what_the_host_makes_of_each(device, drawn, seed):
    images = noise(len(drawn), 9, 128, 3, seed=seed)
    kept = images.copy()
    batch = batch_of(images, device)
    found = torch_photometric.distorted(batch, drawn)
    assert found.device.type == device
    expected = [photometric.distorted(one, done) for one, done in zip(images, drawn, strict=True)]
    np.testing.assert_array_equal(found.cpu().numpy(), batch_of(np.stack(expected)).numpy())
    np.testing.assert_array_equal(batch.cpu().numpy(), batch_of(kept).numpy())


@on_devices
@pytest.mark.parametrize(
    "distortion", [Distortion(hue=0), Distortion(saturation=1.0), Distortion(hue=-18)]
)
def test_every_colour_goes_to_hsv_and_back_as_on_the_host(device, distortion):
    levels = np.arange(256, dtype=np.uint8)
    for red in range(0, 256, 15):
        image = np.stack(np.broadcast_arrays(np.uint8(red), levels[:, None], levels), axis=2)
        found = torch_photometric.distorted(batch_of(image[None], device), [distortion])
        expected = photometric.distorted(image, distortion)
        np.testing.assert_array_equal(found[0].cpu().numpy(), expected.transpose(2, 0, 1))


@settings(deadline=None)
@given(st.integers(1, 140), distortions)
def test_batches_of_other_widths_differ_in_the_last_columns_at_most(width, distortion):
    image = noise(4, width, 3)
    found = torch_photometric.distorted(batch_of(image[None]), [distortion])[0].numpy()
    expected = photometric.distorted(image, distortion).transpose(2, 0, 1)
    whole = width - width % 64
    np.testing.assert_array_equal(found[:, :, :whole], expected[:, :, :whole])


def test_an_image_that_nothing_is_done_to_is_itself():
    image = noise(3, 4, 3)
    assert photometric.distorted(image, Distortion()) is image


def test_draws_keep_the_ranges_and_the_chances_of_the_release():
    rng = np.random.default_rng(5)
    drawn = [draw_distortion(DistortionRanges(), rng) for _ in range(4000)]
    for name, least, largest in (
        ("brightness", -32, 32),
        ("contrast", 0.5, 1.5),
        ("saturation", 0.5, 1.5),
        ("hue", -18, 17),
    ):
        values = [value for one in drawn if (value := getattr(one, name)) is not None]
        assert abs(len(values) / len(drawn) - 0.5) < 0.04
        assert least <= min(values) < least + (largest - least) / 30
        assert largest - (largest - least) / 30 < max(values) <= largest
        assert abs(np.mean(values) - (least + largest) / 2) < (largest - least) / 30
    assert {one.hue for one in drawn} == {None, *range(-18, 18)}
    assert abs(np.mean([one.contrast_last for one in drawn]) - 0.5) < 0.04


def test_a_draw_takes_as_many_random_numbers_whatever_it_decides():
    after = []
    for ranges in (DistortionRanges(chance=0.0), DistortionRanges(chance=1.0, hue=0)):
        rng = np.random.default_rng(1)
        draw_distortion(ranges, rng)
        after.append(rng.random())
    rng = np.random.default_rng(1)
    assert after == [rng.random(10)[9]] * 2


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"chance": 1.5}, "chance is 1.5"),
        ({"brightness": -1.0}, "brightness is -1.0"),
        ({"contrast": (1.5, 0.5)}, "contrast is 1.5 to 0.5"),
        ({"saturation": (-0.5, 0.5)}, "saturation is -0.5 to 0.5"),
        ({"hue": 181}, "hue is 181"),
        ({"brightness": float("nan")}, "brightness is nan"),
        ({"brightness": "32"}, "brightness is '32', expected a number"),
        ({"chance": None}, "chance is None, expected a number"),
        ({"contrast": 1.5}, "contrast is 1.5, expected numbers in brackets"),
        ({"saturation": (0.5, 1.0, 1.5)}, "saturation has 3 values, expected 2"),
        ({"hue": 18.5}, "hue is 18.5, expected a whole number"),
    ],
)
def test_impossible_ranges_are_named(ranges, message):
    with pytest.raises(DatasetError, match=message):
        DistortionRanges(**ranges)


@on_devices
def test_normalised_as_the_release_and_padding_is_zero(device):
    images = noise(2, 6, 5, 3)
    found = torch_photometric.normalised(batch_of(images, device), [(6, 5), (4, 3)]).cpu().numpy()
    mean = np.array([123.675, 116.28, 103.53], dtype=np.float32)
    std = np.array([58.395, 57.12, 57.375], dtype=np.float32)
    expected = ((images.astype(np.float32) - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1, :, :4, :3], expected[1, :, :4, :3])
    assert not found[1, :, 4:].any()
    assert not found[1, :, :, 3:].any()
    whole = torch_photometric.normalised(batch_of(images, device)).cpu().numpy()
    np.testing.assert_array_equal(whole, expected)


def test_what_is_no_batch_is_refused():
    for images in (torch.zeros(1, 3, 4, 4), torch.zeros(3, 4, 4, dtype=torch.uint8)):
        with pytest.raises(DatasetError, match=r"expected uint8 \(B, 3, H, W\)"):
            torch_photometric.normalised(images)
        with pytest.raises(DatasetError, match=r"expected uint8 \(B, 3, H, W\)"):
            torch_photometric.distorted(images, [Distortion()])
    with pytest.raises(DatasetError, match="1 distortions for 2 images"):
        torch_photometric.distorted(batch_of(noise(2, 4, 4, 3)), [Distortion()])
