"""The pixel decoder: windows at the border, maps of every stride, stages left out."""

import itertools

import pytest
import torch

from massformer import blocks
from massformer.attention import Attention, sine_encoding, tokens
from massformer.pixel_decoder import (
    EdgeGuidedFusion,
    PixelDecoder,
    SpatialAttention,
    SqueezeExcite,
    Stages,
)
from massformer.window_attention import WINDOW, WindowAttention

STAGES = [Stages(*flags) for flags in itertools.product((True, False), repeat=4)]
CHANNELS = (4, 6, 8, 10)


def stage_maps(height, width, *, images=1):
    """Draw maps of strides 4 to 32 as a backbone gives them."""
    return tuple(
        torch.randn(images, channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    )


def slow_attention(module, coarse, fine, place):
    """Attend among the given tokens alone; all arguments have shape (B, n, C)."""
    x = coarse
    x = x + module.cross_attention(x + place, fine + place, fine)
    x = x + module.feed_forward1(x)
    x = x + module.self_attention(x + place, x + place, x)
    return x + module.feed_forward2(x)


@pytest.mark.parametrize("size_hw", [(16, 32), (20, 37), (3, 5), (17, 1), (33, 16)])
def test_a_window_that_sticks_out_attends_among_its_real_pixels_alone(size_hw):
    torch.manual_seed(0)
    module = WindowAttention(16).double()
    coarse, fine = (torch.randn(2, 16, *size_hw, dtype=torch.float64) for _ in range(2))
    found = module(coarse, fine)
    assert found.shape == coarse.shape
    encoding = sine_encoding(WINDOW, WINDOW, 16, torch.device("cpu")).double()
    for top in range(0, size_hw[0], WINDOW):
        for left in range(0, size_hw[1], WINDOW):
            window = (..., slice(top, top + WINDOW), slice(left, left + WINDOW))
            height, width = coarse[window].shape[2:]
            place = tokens(encoding[None, :, :height, :width])
            alone = slow_attention(module, tokens(coarse[window]), tokens(fine[window]), place)
            torch.testing.assert_close(tokens(found[window]), alone)


def test_attention_is_that_of_torch():
    torch.manual_seed(0)
    ours, theirs = Attention(16, 4), torch.nn.MultiheadAttention(16, 4, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    query, key, value = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.randn(2, 7, 16)
    visible = torch.rand(2, 5, 7) > 0.4
    visible[..., 0] = True
    blocked = ~visible.repeat_interleave(4, dim=0)
    expected, _ = theirs(query, key, value, attn_mask=blocked, need_weights=False)
    torch.testing.assert_close(ours(query, key, value, visible[:, None]), expected)


def test_channels_gain_between_a_half_and_three_quarters_of_themselves():
    module = SqueezeExcite(8).eval()
    for scale in (1, 1000):
        x = scale * torch.rand(2, 8, 5, 6) + 0.1
        factor = module(x) / x
        assert factor.min() > 1.49 and factor.max() < 1.74
        torch.testing.assert_close(factor, factor[..., :1, :1].expand_as(factor))


def test_spatial_attention_gives_each_pixel_one_factor_by_what_is_near():
    module = SpatialAttention()
    x = torch.rand(1, 4, 20, 20) + 0.1
    factor = module(x) / x
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor))
    changed = x.clone()
    changed[..., 0, 0] += 1
    difference = (module(changed) / changed - factor).abs()[0, 0] > 1e-7
    assert difference[:4, :4].all() and not difference[5:].any() and not difference[:, 5:].any()


@pytest.mark.parametrize("size_hw", [(64, 64), (65, 97), (250, 333), (95, 128)])
@pytest.mark.parametrize("stages", [Stages(), Stages(False, False, False, False)])
def test_maps_have_the_rounded_up_size_of_their_stride(size_hw, stages):
    decoder = PixelDecoder(CHANNELS, 8, stages).eval()
    with torch.no_grad():
        projected = decoder.project(stage_maps(*size_hw))
        features = decoder(torch.randn(1, 3, *size_hw), projected)

    def size(stride):
        return tuple(-(-side // stride) for side in size_hw)

    assert [level.shape[1:] for level in features.levels] == [
        (16, *size(stride)) for stride in (32, 16, 8)
    ]
    assert features.fused.shape[1:] == (8, *size(2))
    assert decoder.mask_features(features.fused).shape[1:] == (16, *size(2))
    assert decoder.coarse_mask_features(features.fused).shape[1:] == (16, *size(4))
    if stages.egf:
        assert features.edge_logits.shape[1:] == (1, *size(2))
    else:
        assert features.edge_logits is None


@pytest.mark.parametrize("stages", STAGES, ids=str)
def test_strips_of_rows_give_what_the_whole_gives(stages, monkeypatch):
    torch.manual_seed(0)
    decoder = PixelDecoder(CHANNELS, 8, stages).eval()
    images, maps = torch.randn(2, 3, 75, 66), stage_maps(75, 66, images=2)

    def run():
        with torch.no_grad():
            features = decoder(images, decoder.project(maps))
            coarse = decoder.coarse_mask_features(features.fused)
        return [*features.levels, features.fused, coarse, features.edge_logits]

    whole = run()
    monkeypatch.setattr(blocks, "STRIP_BYTES", 2000)
    for found, expected in zip(run(), whole, strict=True):
        if expected is not None:
            torch.testing.assert_close(found, expected)


def test_edges_are_seen_in_semantics_and_details_and_feed_nothing_else():
    torch.manual_seed(0)
    module = EdgeGuidedFusion(8).eval()
    x, detail = torch.randn(1, 8, 6, 6), torch.randn(1, 8, 6, 6)
    with torch.no_grad():
        guided, edge_logits = module.guide(x, detail)
        torch.testing.assert_close(edge_logits, module.edge_head(x + detail))
        fused = module(x, guided)
        module.edge_head[1].bias += 5
        torch.testing.assert_close(module.guide(x, detail)[1], edge_logits + 5)
        assert torch.equal(module(x, module.guide(x, detail)[0]), fused)


def test_the_context_of_the_whole_image_reaches_every_pixel_of_the_coarsest_map():
    torch.manual_seed(0)
    decoder = PixelDecoder(CHANNELS, 8).eval()
    maps = stage_maps(128, 128)
    *_, s4 = decoder.project(maps)
    maps[-1][..., 0, 0] += 100
    *_, changed = decoder.project(maps)
    assert (changed - s4).abs().amax(1).min() > 0
