"""Deformable convolution and sine encoding: slow, obvious versions, and the official ones."""

import math

import numpy as np
import pytest
import torch
from reference_model import REFERENCE
from reference_parts import (
    DEFORM_TOLERANCE,
    ENCODINGS,
    KERNELS,
    SINE_TOLERANCE,
    deform_deviations,
    sine_deviation,
)

from massformer.attention import sine_encoding
from massformer.deform import deform_conv2d

here = pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no stored outputs at {REFERENCE}")


def bilinear(plane, y, x):
    """Interpolate a plane, whose surroundings are 0, at one place."""
    total = 0.0
    top, left = math.floor(y), math.floor(x)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]:
                total += (1 - abs(y - row)) * (1 - abs(x - column)) * plane[row, column]
    return total


def slow_deform_conv2d(x, offset, mask, weight):
    """Convolve pixel by pixel and tap by tap, as the paper defines it."""
    batch, _, height, width = x.shape
    kernel = weight.shape[2]
    y = np.zeros((batch, len(weight), height, width))
    for image, row, column in np.ndindex(batch, height, width):
        for tap in range(kernel * kernel):
            i, j = divmod(tap, kernel)
            place_y = row - kernel // 2 + i + offset[image, 2 * tap, row, column]
            place_x = column - kernel // 2 + j + offset[image, 2 * tap + 1, row, column]
            sampled = [bilinear(plane, place_y, place_x) for plane in x[image]]
            y[image, :, row, column] += mask[image, tap, row, column] * (
                weight[:, :, i, j] @ sampled
            )
    return y


def drawn(kernel, *, height=5, width=4, spread=1.5):
    """Draw inputs; many of their positions lie outside the image."""
    rng = np.random.default_rng(kernel)
    taps = kernel * kernel
    return (
        rng.standard_normal((2, 3, height, width)),
        spread * rng.standard_normal((2, 2 * taps, height, width)),
        rng.random((2, taps, height, width)),
        rng.standard_normal((2, 3, kernel, kernel)),
    )


def fast(*inputs):
    return deform_conv2d(*map(torch.from_numpy, inputs)).numpy()


@pytest.mark.parametrize("spread", [0.3, 1.5, 20])
@pytest.mark.parametrize("kernel", KERNELS)
def test_every_pixel_is_what_the_definition_says(kernel, spread):
    inputs = drawn(kernel, spread=spread)
    np.testing.assert_allclose(fast(*inputs), slow_deform_conv2d(*inputs), atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 6), (7, 1)])
def test_maps_of_one_row_or_column_are_convolved_too(height, width):
    inputs = drawn(3, height=height, width=width)
    np.testing.assert_allclose(fast(*inputs), slow_deform_conv2d(*inputs), atol=1e-12)


@pytest.mark.parametrize("shift", [-6, -1, -0.5, 0, 0.5, 1, 4, 5, 6])
def test_positions_at_and_beyond_the_border_fade_to_nothing(shift):
    x, offset, mask, weight = drawn(3)
    offset = np.full_like(offset, shift)
    np.testing.assert_allclose(
        fast(x, offset, mask, weight), slow_deform_conv2d(x, offset, mask, weight), atol=1e-12
    )


def test_without_offsets_it_is_an_ordinary_convolution():
    x, offset, mask, weight = map(torch.from_numpy, drawn(5))
    found = deform_conv2d(x, 0 * offset, torch.ones_like(mask), weight)
    assert torch.allclose(found, torch.nn.functional.conv2d(x, weight, padding=2))


@pytest.mark.parametrize("kernel", KERNELS)
def test_all_four_gradients_are_those_of_finite_differences(kernel):
    height, width = (4, 3) if kernel < 5 else (2, 2)
    inputs = [
        torch.from_numpy(array[:1]).requires_grad_()
        for array in drawn(kernel, height=height, width=width)
    ]
    assert torch.autograd.gradcheck(deform_conv2d, inputs, fast_mode=kernel > 3)


@here
@pytest.mark.parametrize("kernel", KERNELS)
def test_result_and_gradients_are_those_of_the_official_kernel(kernel):
    found = deform_deviations(kernel)
    assert set(found) == {"y", "grad_x", "grad_offset", "grad_mask", "grad_weight"}
    assert max(found.values()) <= DEFORM_TOLERANCE, found


def slow_sine_encoding(height, width, channels):
    encoding = np.zeros((channels, height, width))
    half = channels // 2
    for channel, row, column in np.ndindex(channels, height, width):
        place, length = (row, height) if channel < half else (column, width)
        angle = (place + 1) / (length + 1e-6) * 2 * math.pi
        angle /= 10000 ** (2 * (channel % half // 2) / half)
        encoding[channel, row, column] = (math.sin, math.cos)[channel % 2](angle)
    return encoding


@pytest.mark.parametrize(("height", "width", "channels"), [(16, 16, 128), (3, 7, 64), (1, 1, 4)])
def test_every_channel_of_the_sine_encoding_is_what_the_formula_says(height, width, channels):
    found = sine_encoding(height, width, channels, torch.device("cpu"))
    assert found.dtype == torch.float32
    expected = slow_sine_encoding(height, width, channels)
    np.testing.assert_allclose(found.numpy(), expected, atol=SINE_TOLERANCE)


@here
@pytest.mark.parametrize("name", ENCODINGS)
def test_sine_encodings_are_the_stored_ones(name):
    assert sine_deviation(name) <= SINE_TOLERANCE
