import math
from dataclasses import replace

import pytest
import torch

from massformer.batch_counts import batch_counts
from massformer.losses import Criterion, dice_losses, random_points
from massformer.model import Predictions
from massformer.pixel_losses import edge_loss
from massformer.run_config import LossConfig

RELEASED = LossConfig(compat="released")


def predictions(seed: int = 0, *, batch: int = 2) -> Predictions:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(batch, *shape, generator=generator).requires_grad_()

    return {
        "class_logits": (drawn(6, 4), drawn(6, 4)),
        "mask_logits": (drawn(6, 8, 8), drawn(6, 16, 16)),
        "edge_logits": drawn(1, 16, 16),
    }


def label_maps() -> torch.Tensor:
    maps = torch.zeros(2, 32, 32, dtype=torch.uint8)
    maps[0, 10:, 5:20], maps[0, :4], maps[1, 8:20, 8:20] = 1, 255, 2
    return maps


def edge_maps() -> torch.Tensor:
    edges = torch.zeros(2, 32, 32, dtype=torch.uint8)
    edges[:, 10], edges[:, :4] = 1, 255
    return edges


def losses(
    settings: LossConfig = RELEASED, gain: float = 5.0, ranks: float = 1.0
) -> dict[str, float]:
    criterion = Criterion(
        replace(settings, points=200),
        torch.full((3,), gain),
        random_points(torch.Generator().manual_seed(0)),
        lambda count: count * ranks,
    )
    found = criterion(predictions(), label_maps(), edge_maps())
    return {name: float(value.detach()) for name, value in found.items()}


def edges(logits: torch.Tensor, maps: torch.Tensor, settings: LossConfig) -> torch.Tensor:
    labels = torch.where(maps == 255, 255, 0).to(torch.uint8)
    return edge_loss(logits, labels, maps, settings, batch_counts(labels, classes=3).pixels)


def test_every_prediction_has_its_three_terms_and_edges_have_one():
    assert list(losses()) == ["0.class", "0.mask", "0.dice", "class", "mask", "dice", "edge"]


def test_boundary_weights_count_more_for_precise_classes_and_less_for_pseudo_ones():
    precise, none, pseudo = (losses(gain=gain)["mask"] for gain in (5.0, 0.0, -1.0))
    assert precise > none > pseudo > 0


def test_no_pixel_counts_less_than_nothing_when_weights_are_clamped():
    assert losses(LossConfig(), gain=-50.0)["mask"] > 0 > losses(gain=-50.0)["mask"]


def test_the_edge_target_is_the_edge_map_and_padding_does_not_count():
    settings = LossConfig()
    logits = torch.zeros(2, 1, 16, 16)
    assert float(edges(logits, edge_maps(), settings)) == pytest.approx(10 * math.log(2))
    certain = torch.full((2, 1, 32, 32), -20.0)
    certain[:, :, 10], certain[:, :, :4] = 20.0, 20.0  # wrong only where padded
    assert float(edges(certain, edge_maps(), settings)) < 1e-6


def test_edges_are_not_learned_where_nothing_is_labelled():
    maps = torch.zeros(1, 8, 8, dtype=torch.uint8)
    labels = maps.clone()
    labels[:, :5] = 255
    logits = torch.full((1, 1, 8, 8), -20.0)
    logits[:, :, :5] = 20.0
    pixels = batch_counts(labels, classes=3).pixels
    assert float(edge_loss(logits, labels, maps, LossConfig(), pixels)) < 1e-6


def test_the_released_edge_target_is_every_pixel_that_is_not_padding():
    everywhere = torch.full((2, 1, 32, 32), 20.0)
    everywhere[:, :, :4] = -20.0
    assert float(edges(everywhere, edge_maps(), RELEASED)) < 1e-6


def test_edges_of_nothing_but_padding_cost_nothing():
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    loss = edges(logits, torch.full((1, 16, 16), 255, dtype=torch.uint8), LossConfig())
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(logits.grad).all()


def test_masks_are_averaged_over_what_all_ranks_matched():
    one, two = losses(), losses(ranks=2.0)
    assert two["mask"] == pytest.approx(one["mask"] / 2)
    assert two["dice"] == pytest.approx(one["dice"] / 2)
    assert two["class"] == one["class"]


def test_images_without_labels_leave_masks_alone_and_every_gradient_defined():
    criterion = Criterion(
        replace(RELEASED, points=50), torch.ones(3), random_points(torch.Generator())
    )
    made = predictions()
    found = criterion(made, torch.full_like(label_maps(), 255), edge_maps())
    assert float(found["mask"].detach()) == float(found["dice"].detach()) == 0
    sum(found.values()).backward()
    for logits in (*made["class_logits"], *made["mask_logits"]):
        assert torch.isfinite(logits.grad).all()


def test_dice_of_equal_masks_is_nothing_and_of_strangers_nearly_one():
    masks = torch.tensor([[1.0, 1, 0, 0], [1, 1, 0, 0]])
    assert dice_losses(masks, masks).tolist() == [0, 0]
    assert dice_losses(1 - masks, masks).tolist() == pytest.approx([0.8, 0.8])


def test_a_network_without_edges_has_no_edge_loss():
    made = predictions()
    made["edge_logits"] = None
    criterion = Criterion(
        replace(RELEASED, points=50), torch.ones(3), random_points(torch.Generator())
    )
    assert "edge" not in criterion(made, label_maps(), edge_maps())
