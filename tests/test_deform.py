"""Deformable convolution against an obvious slow one, and its gradient against differences."""

import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from massformer import blocks
from massformer.deform import DeformConv, DeformUp, deform_conv2d

KERNELS = (1, 3, 5, 7)


def inputs(kernel, *, size_hw=(5, 6), dtype=torch.float64, spread=2.0, seed=0):
    """Draw an input, offsets that also lead outside, a mask and a weight."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    taps = kernel * kernel
    offset = spread * draw(2, 2 * taps, *size_hw)
    mask = draw(2, taps, *size_hw).sigmoid()
    x, weight = draw(2, 3, *size_hw), draw(4, 3, kernel, kernel)
    return tuple(each.to(dtype) for each in (x, offset, mask, weight))


def pixel(image, y, x):
    """Read all channels of a pixel, which are 0 outside."""
    inside = 0 <= y < image.shape[1] and 0 <= x < image.shape[2]
    return image[:, y, x] if inside else np.zeros(len(image))


def slow_deform_conv2d(x, offset, mask, weight):
    """Loop over images, pixels and taps, four corners each."""
    x, offset, mask, weight = (each.numpy() for each in (x, offset, mask, weight))
    images, _, height, width = x.shape
    kernel = weight.shape[2]
    result = np.zeros((images, len(weight), height, width))
    for image, row, column, tap in np.ndindex(images, height, width, kernel * kernel):
        i, j = divmod(tap, kernel)
        y = row - kernel // 2 + i + offset[image, 2 * tap, row, column]
        z = column - kernel // 2 + j + offset[image, 2 * tap + 1, row, column]
        top, left = int(np.floor(y)), int(np.floor(z))
        down, right = y - top, z - left
        value = (
            (1 - down) * (1 - right) * pixel(x[image], top, left)
            + (1 - down) * right * pixel(x[image], top, left + 1)
            + down * (1 - right) * pixel(x[image], top + 1, left)
            + down * right * pixel(x[image], top + 1, left + 1)
        )
        factor = mask[image, tap, row, column]
        result[image, :, row, column] += factor * (weight[:, :, i, j] @ value)
    return torch.from_numpy(result)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_result_is_that_of_a_loop_over_pixels_and_taps(kernel):
    x, offset, mask, weight = inputs(kernel)
    found = deform_conv2d(x, offset, mask, weight)
    torch.testing.assert_close(found, slow_deform_conv2d(x, offset, mask, weight))


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_are_those_of_small_differences(kernel):
    # At whole numbers the interpolation has a kink, which no random offset hits
    arguments = [each.requires_grad_() for each in inputs(kernel, size_hw=(3, 4), spread=0.7)]
    assert torch.autograd.gradcheck(deform_conv2d, arguments, fast_mode=kernel > 3)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_movement_and_mask_it_is_an_ordinary_convolution(kernel):
    x, offset, mask, weight = inputs(kernel)
    found = deform_conv2d(x, torch.zeros_like(offset), torch.ones_like(mask), weight)
    torch.testing.assert_close(found, F.conv2d(x, weight, padding=kernel // 2))


def test_positions_outside_count_as_zero_and_the_border_fades():
    x, weight, mask = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 1, 1), torch.ones(1, 1, 4, 4)
    for down, expected in ((-0.25, 0.75), (-0.75, 0.25), (-1.0, 0.0), (-1e6, 0.0), (1e6, 0.0)):
        offset = torch.zeros(1, 2, 4, 4)
        offset[:, 0] = down
        top = deform_conv2d(x, offset, mask, weight)[0, 0, 0]
        torch.testing.assert_close(top, torch.full((4,), expected), atol=1e-6, rtol=0)


def test_offsets_lead_down_first_and_right_second():
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    offset = torch.zeros(1, 2, 3, 4)
    offset[:, 0] = 1
    found = deform_conv2d(x, offset, torch.ones(1, 1, 3, 4), torch.ones(1, 1, 1, 1))
    torch.testing.assert_close(found[0, 0, :2], x[0, 0, 1:])


def test_each_image_has_its_own_offsets():
    x, offset, mask, weight = inputs(3)
    both = deform_conv2d(x, offset, mask, weight)
    for image in range(2):
        alone = slice(image, image + 1)
        single = deform_conv2d(x[alone], offset[alone], mask[alone], weight)
        torch.testing.assert_close(both[alone], single)


def test_a_sum_in_strips_of_rows_is_that_of_the_whole(monkeypatch):
    arguments = inputs(3, size_hw=(9, 7), dtype=torch.float32)
    whole = deform_conv2d(*arguments)
    monkeypatch.setattr(blocks, "STRIP_BYTES", 2 * 4 * 2 * 7 * 4)  # two rows at a time
    assert len(blocks.row_strips(whole)) == 5
    assert torch.equal(deform_conv2d(*arguments), whole)


def test_nothing_is_kept_for_the_backward_pass_but_the_arguments():
    arguments = [each.requires_grad_() for each in inputs(7)]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        deform_conv2d(*arguments)
    assert sum(each.numel() for each in kept) == sum(each.numel() for each in arguments)


def test_only_gradients_that_are_asked_for_come_back():
    x, offset, mask, weight = inputs(3)
    deform_conv2d(x, offset.requires_grad_(), mask, weight.requires_grad_()).sum().backward()
    assert offset.grad is not None and weight.grad is not None
    assert x.grad is None and mask.grad is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_close_also_far_from_the_origin(dtype):
    x, offset, mask, weight = inputs(3, size_hw=(2, 700), dtype=dtype, spread=0.3)
    found = deform_conv2d(x, offset, mask, weight)
    exact = deform_conv2d(*(each.double() for each in (x, offset, mask, weight)))
    assert found.dtype == dtype
    error = (found.double() - exact).abs().amax((0, 1, 2))
    assert error.max() < 16 * torch.finfo(dtype).eps * exact.abs().max()
    # Were positions half precision as well, the right end would be whole pixels off
    assert error[-50:].mean() < 3 * error[:50].mean()


def test_autocast_trains():
    layer = DeformConv(3, 4, kernel=3)
    x = torch.randn(2, 3, 6, 5, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    y.float().square().sum().backward()
    for parameter in (x, *layer.parameters()):
        assert parameter.grad.dtype == torch.float32
        assert torch.isfinite(parameter.grad).all()
    assert layer.offset.weight.grad.abs().sum() > 0


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler for torch.compile")
@pytest.mark.filterwarnings("ignore")  # of the compiler itself
@pytest.mark.slow
def test_it_compiles_and_gives_the_same():
    compiled = torch.compile(deform_conv2d, fullgraph=True, dynamic=False)
    results = []
    for function in (compiled, deform_conv2d):
        leaves = [each.requires_grad_() for each in inputs(1, dtype=torch.float32)]
        y = function(*leaves)
        y.square().sum().backward()
        results.append([y.detach(), *(each.grad for each in leaves)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("offsets", "masks"), [(18, 8), (9, 9)])
def test_channels_that_do_not_fit_the_kernel_are_refused(offsets, masks):
    x, weight = torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 3, 3)
    with pytest.raises(ValueError, match="expected 18 and 9 for 9 taps"):
        deform_conv2d(x, torch.zeros(1, offsets, 4, 4), torch.zeros(1, masks, 4, 4), weight)


def test_a_fresh_layer_is_an_ordinary_convolution_at_half_strength():
    layer = DeformConv(3, 4, kernel=5).eval()
    x = torch.randn(1, 3, 7, 8)
    ordinary = F.conv2d(x, layer.weight, padding=2) / 2
    torch.testing.assert_close(layer(x), layer.bn(ordinary).relu())


def test_a_fresh_enlargement_is_bilinear_in_every_channel():
    layer = DeformUp(4).eval()
    x = torch.rand(1, 4, 5, 6)
    bilinear = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    inside = slice(1, -1)  # at the frame a transposed convolution fades to 0
    found = layer.enlarged(x) * (1 + layer.up_bn.eps) ** 0.5
    torch.testing.assert_close(found[..., inside, inside], bilinear[..., inside, inside])
