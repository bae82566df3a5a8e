import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from massformer.losses import Criterion, Draw, dice_losses, edge_loss, random_points
from massformer.model import Predictions
from massformer.run_config import LossConfig

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
RELEASED = LossConfig(edge_target="released", clamp_weights=False)
NAMES = {"loss_cls": "class", "loss_mask": "mask", "loss_dice": "dice", "edge_loss": "edge"}


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


def test_every_prediction_has_its_three_terms_and_edges_have_one():
    assert list(losses()) == ["0.class", "0.mask", "0.dice", "class", "mask", "dice", "edge"]


def test_boundary_weights_count_more_for_precise_classes_and_less_for_pseudo_ones():
    precise, none, pseudo = (losses(gain=gain)["mask"] for gain in (5.0, 0.0, -1.0))
    assert precise > none > pseudo > 0


def test_no_pixel_counts_less_than_nothing_when_weights_are_clamped():
    wild = replace(RELEASED, clamp_weights=True)
    assert losses(wild, gain=-50.0)["mask"] > 0 > losses(gain=-50.0)["mask"]


def test_the_edge_target_is_the_edge_map_and_padding_does_not_count():
    settings = LossConfig()
    logits = torch.zeros(2, 1, 16, 16)
    assert float(edge_loss(logits, edge_maps(), settings)) == pytest.approx(10 * math.log(2))
    certain = torch.full((2, 1, 32, 32), -20.0)
    certain[:, :, 10], certain[:, :, :4] = 20.0, 20.0  # wrong only where padded
    assert float(edge_loss(certain, edge_maps(), settings)) < 1e-6


def test_the_released_edge_target_is_every_pixel_that_is_not_padding():
    everywhere = torch.full((2, 1, 32, 32), 20.0)
    everywhere[:, :, :4] = -20.0
    assert float(edge_loss(everywhere, edge_maps(), RELEASED)) < 1e-6


def test_edges_of_nothing_but_padding_cost_nothing():
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    loss = edge_loss(logits, torch.full((1, 16, 16), 255, dtype=torch.uint8), LossConfig())
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


@pytest.mark.parametrize("name", ["a", "b_firstimage_all_ignore"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_released_losses_are_reproduced(name: str, precision: str):
    expected, arrays = _reference(f"loss_unit_{name}")
    made = _unit_predictions(expected, getattr(torch, precision))
    criterion = Criterion(RELEASED, torch.full((7,), 5.0), _released_draw(expected, 2))
    found = criterion(made, torch.from_numpy(arrays["gt"]), torch.from_numpy(arrays["edge"]))
    for theirs, value in expected[f"losses_{precision}"].items():
        assert float(found[_ours(theirs)]) == pytest.approx(value, rel=1e-6), theirs


def _reference(name: str) -> tuple[dict, dict]:
    if not (REFERENCE / f"{name}.json").is_file():
        pytest.skip(f"{name} is not beside the project")
    return json.loads((REFERENCE / f"{name}.json").read_text()), np.load(REFERENCE / f"{name}.npz")


def _unit_predictions(expected: dict, dtype: torch.dtype) -> Predictions:
    """Draw what the README of the reference says, in its order."""
    rng = np.random.default_rng(expected["seed"])
    coarse, fine = expected["pred_shape_layer0"], expected["pred_shape_last"]
    shapes = [(2, 100, 8), (2, 100, 8), coarse, fine, (2, 1, *fine[2:])]
    scales = [np.float32(1.5), np.float32(1.5), 3, 3, 2]
    drawn = []
    for shape, scale in zip(shapes, scales, strict=True):
        values = rng.standard_normal(shape)
        if scale == 1.5:
            values = values.astype(np.float32)
        drawn.append(torch.from_numpy((values * scale).astype(np.float32)).to(dtype))
    return {
        "class_logits": tuple(drawn[:2]),
        "mask_logits": tuple(drawn[2:4]),
        "edge_logits": drawn[4],
    }


def _released_draw(expected: dict, layers: int) -> Draw:
    """Give the points of the reference: ours are drawn for all matchings first, then for losses."""

    def calls() -> Iterator[int]:
        per_layer = 4  # two images, candidates, random points
        for layer in range(layers):
            yield from (layer * per_layer, layer * per_layer + 1)
        for layer in range(layers):
            yield from (layer * per_layer + 2, layer * per_layer + 3)

    numbers = calls()

    def draw(rows: int, count: int) -> torch.Tensor:
        rng = np.random.default_rng(expected["rand_base"] + next(numbers))
        return torch.from_numpy(rng.random((rows, count, 2)).astype(np.float32))

    return draw


def _ours(name: str) -> str:
    prefix, _, term = re.sub(r"^d(\d+)\.", r"\1.", name).rpartition(".")
    return f"{prefix}.{NAMES[term]}" if prefix else NAMES[term]
