"""Maps of any size: how they grow, shrink, are cut, and are worked on in strips of rows."""

import pytest
import torch
import torch.nn.functional as F

from massformer import blocks
from massformer.blocks import PooledBatchNorm, bilinear_kernel, by_rows, doubled, halved, row_strips


def test_a_map_grows_by_two_and_is_cut_at_its_end():
    x = torch.rand(2, 3, 4, 5)
    whole = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    for height, width in ((8, 10), (7, 10), (8, 9), (7, 9)):
        found = doubled(x, like=torch.zeros(height, width))
        assert torch.equal(found, whole[..., :height, :width])


def test_a_map_smaller_than_its_partner_is_an_error():
    with pytest.raises(RuntimeError):
        doubled(torch.rand(1, 1, 2, 2), like=torch.zeros(5, 4))


@pytest.mark.parametrize("size_hw", [(4, 6), (5, 6), (4, 7), (5, 7), (1, 1)])
def test_a_map_shrinks_to_means_of_the_pixels_that_are_there(size_hw):
    x = torch.rand(1, 2, *size_hw)
    found = halved(x)
    assert found.shape[2:] == tuple(-(-side // 2) for side in size_hw)
    for row in range(found.shape[2]):
        for column in range(found.shape[3]):
            square = x[..., 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            torch.testing.assert_close(found[..., row, column], square.mean((2, 3)))


def test_shrinking_an_even_map_is_bilinear_interpolation():
    x = torch.rand(1, 2, 6, 8)
    bilinear = F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
    torch.testing.assert_close(halved(x), bilinear)


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 50])
def test_in_inference_strips_give_what_the_whole_gives(rows, monkeypatch):
    x, y = torch.rand(2, 3, 13, 5), torch.rand(2, 3, 13, 5)
    calls = []

    def function(x, y):
        calls.append(x.shape[2])
        return torch.cat([x - y, x * y], dim=1)

    monkeypatch.setattr(blocks, "STRIP_BYTES", rows * 2 * x[:, :, 0].nbytes)
    with torch.no_grad():
        found = by_rows(function, x, y, training=False)
    assert calls == [min(rows, 13 - top) for top in range(0, 13, rows)]
    assert torch.equal(found, torch.cat([x - y, x * y], dim=1))


@pytest.mark.parametrize("height", [12, 13])
def test_strips_of_what_looks_at_squares_end_between_squares(height, monkeypatch):
    x = torch.rand(1, 2, height, 6)
    monkeypatch.setattr(blocks, "STRIP_BYTES", 5 * x[:, :, 0].nbytes)
    with torch.no_grad():
        assert torch.equal(by_rows(halved, x, training=False, shrink=2), halved(x))


def test_the_whole_is_taken_where_gradients_or_batch_statistics_are_needed(monkeypatch):
    monkeypatch.setattr(blocks, "STRIP_BYTES", 1)
    x = torch.rand(1, 1, 4, 4)
    heights = []

    def function(x):
        heights.append(x.shape[2])
        return x

    with torch.no_grad():
        by_rows(function, x, training=True)
    by_rows(function, x, training=False)
    assert heights == [4, 4]


def test_a_row_larger_than_a_strip_is_a_strip(monkeypatch):
    monkeypatch.setattr(blocks, "STRIP_BYTES", 1)
    assert row_strips(torch.zeros(1, 1, 3, 4)) == [slice(0, 1), slice(1, 2), slice(2, 3)]


def test_pooled_maps_of_one_image_are_normalised_by_running_statistics():
    norm = PooledBatchNorm(4)
    norm.running_mean.copy_(torch.arange(4.0))
    norm.running_var.fill_(4.0)
    norm.weight.data.fill_(3.0)
    before = {key: value.clone() for key, value in norm.state_dict().items()}
    x = torch.rand(1, 4, 1, 1, requires_grad=True)
    y = norm.train()(x)
    torch.testing.assert_close(y, norm.eval()(x))
    y.sum().backward()
    assert x.grad.abs().min() > 0 and norm.weight.grad is not None
    for key, value in norm.state_dict().items():
        assert torch.equal(value, before[key]), f"{key} changed"


def test_pooled_maps_of_several_images_are_normalised_by_their_own_statistics():
    x = torch.rand(3, 4, 1, 1)
    norm, usual = PooledBatchNorm(4), torch.nn.BatchNorm2d(4)
    assert torch.equal(norm(x), usual(x))
    assert torch.equal(norm.running_mean, usual.running_mean)
    assert norm.running_mean.abs().min() > 0


def test_the_bilinear_kernel_enlarges_a_plane_to_a_plane():
    plane = torch.arange(6.0)[:, None] + 10 * torch.arange(5.0)
    kernel = bilinear_kernel(4)[None, None]
    found = F.conv_transpose2d(plane[None, None], kernel, stride=2, padding=1)
    bilinear = F.interpolate(
        plane[None, None], scale_factor=2, mode="bilinear", align_corners=False
    )
    inside = slice(1, -1)
    torch.testing.assert_close(found[..., inside, inside], bilinear[..., inside, inside])
