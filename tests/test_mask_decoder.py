"""The mask decoder: what queries look at, one layer after another."""

import pytest
import torch
import torch.nn.functional as F

from massformer.attention import sine_encoding
from massformer.mask_decoder import LEVEL_STRIDES, MaskDecoder, _visible, mask_logits_of

WIDTH = 16


def decoder(*, layers=3, seed=0):
    torch.manual_seed(seed)
    module = MaskDecoder(WIDTH, queries=5, layers=layers, feed_forward=8, classes=7)
    return module.eval()


def maps(height, width, *, images=1):
    """Draw maps of strides 32, 16 and 8, and coarse mask features."""

    def draw(stride):
        return torch.randn(images, WIDTH, -(-height // stride), -(-width // stride))

    return tuple(draw(stride) for stride in LEVEL_STRIDES), draw(4)


def test_there_is_a_prediction_before_the_first_layer_and_after_each():
    levels, features = maps(65, 97, images=2)
    predictions = list(decoder(layers=4)(levels, features))
    assert len(predictions) == 5
    for number, prediction in enumerate(predictions):
        assert prediction.class_logits.shape == (2, 5, 8)
        assert prediction.mask_embedding.shape == (2, 5, WIDTH)
        if number < 4:
            expected = mask_logits_of(prediction.mask_embedding, features)
            assert torch.equal(prediction.coarse_mask_logits, expected)
    assert predictions[-1].coarse_mask_logits is None


def test_layers_take_the_levels_in_turn():
    levels, features = maps(96, 64)
    module = decoder(layers=4)
    with torch.no_grad():
        before = [each.class_logits for each in module(levels, features)]
        for turn in range(3):
            changed = [level.clone() for level in levels]
            changed[turn] += 1
            after = [each.class_logits for each in module(tuple(changed), features)]
            same = [torch.equal(*pair) for pair in zip(before, after, strict=True)]
            assert same == [True] * (turn + 1) + [False] * (4 - turn)


def test_mask_logits_are_products_of_embeddings_and_features():
    embedding, features = torch.randn(2, 5, 4), torch.randn(2, 4, 3, 6)
    found = mask_logits_of(embedding, features)
    assert found.shape == (2, 5, 3, 6)
    torch.testing.assert_close(found[1, 2, 0, 4], embedding[1, 2] @ features[1, :, 0, 4])


@pytest.mark.parametrize("stride", LEVEL_STRIDES)
def test_queries_look_where_their_mask_is_and_everywhere_if_it_is_nowhere(stride):
    height, width = 256, 128
    mask_logits = -torch.ones(1, 3, height // 4, width // 4)
    mask_logits[:, 0, : height // 8] = 1  # the upper half
    mask_logits[:, 2] = 0  # exactly undecided counts as inside
    level = torch.zeros(1, 1, height // stride, width // stride)
    visible = _visible(mask_logits, level, stride).reshape(3, *level.shape[2:])
    rows = level.shape[2]
    assert visible[0, : rows // 2].all() and not visible[0, rows // 2 :].any()
    assert visible[1].all()
    assert visible[2].all()


@pytest.mark.parametrize("size_hw", [(256, 512), (96, 160)])
@pytest.mark.parametrize("stride", LEVEL_STRIDES)
def test_at_sizes_of_the_release_masks_are_resized_as_there(size_hw, stride):
    mask_logits = torch.randn(2, 3, size_hw[0] // 4, size_hw[1] // 4)
    level = torch.zeros(2, 1, size_hw[0] // stride, size_hw[1] // stride)
    resized = F.interpolate(mask_logits, level.shape[2:], mode="bilinear", align_corners=False)
    seen = resized.flatten(2).sigmoid() >= 0.5
    assert seen.any(-1).all()
    assert torch.equal(_visible(mask_logits, level, stride)[:, 0], seen)


def test_at_odd_sizes_each_pixel_still_looks_at_its_own_place():
    # One pixel of the coarsest map is 8x8 mask logits; of the last row and column a part is there
    mask_logits = -torch.ones(1, 1, 19, 27)
    mask_logits[..., 16:, 24:] = 1
    visible = _visible(mask_logits, torch.zeros(1, 1, 3, 4), 32).reshape(3, 4)
    expected = torch.zeros(3, 4, dtype=torch.bool)
    expected[2, 3] = True
    assert torch.equal(visible, expected)


def test_masks_choose_where_to_look_but_carry_no_gradient():
    mask_logits = torch.randn(1, 2, 16, 16, requires_grad=True)
    assert not _visible(mask_logits, torch.zeros(1, 1, 2, 2), 32).requires_grad


def test_images_of_a_batch_do_not_see_each_other():
    levels, features = maps(64, 96, images=2)
    module = decoder()
    with torch.no_grad():
        together = list(module(levels, features))
        for image in range(2):
            alone = slice(image, image + 1)
            single = list(module(tuple(level[alone] for level in levels), features[alone]))
            for one, both in zip(single, together, strict=True):
                torch.testing.assert_close(one.class_logits, both.class_logits[alone])


def test_the_encoding_of_a_place_depends_on_nothing_but_its_row_and_column():
    encoding = sine_encoding(5, 9, 16, torch.device("cpu"))
    assert encoding.shape == (16, 5, 9)
    assert torch.equal(encoding[:8], encoding[:8, :, :1].expand(-1, -1, 9))
    assert torch.equal(encoding[8:], encoding[8:, :1].expand(-1, 5, -1))
    places = encoding.flatten(1).T
    assert (torch.cdist(places, places) + 9 * torch.eye(45)).min() > 0.01
