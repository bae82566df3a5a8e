"""Losses that the released code was seen to give, and the points that it gave them for."""

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from reference_model import REFERENCE

from massformer.losses import Draw
from massformer.model import Predictions

NAMES = {"loss_cls": "class", "loss_mask": "mask", "loss_dice": "dice", "edge_loss": "edge"}


def loss_reference(name: str) -> tuple[dict, dict]:
    """Give numbers and arrays of a file; skip the test where there is none."""
    if not (REFERENCE / f"{name}.json").is_file():
        pytest.skip(f"{name} is not beside the project")
    return json.loads((REFERENCE / f"{name}.json").read_text()), np.load(REFERENCE / f"{name}.npz")


def unit_predictions(expected: dict, dtype: torch.dtype) -> Predictions:
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


def released_draw(expected: dict, layers: int) -> Draw:
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


def our_term(name: str) -> str:
    """Give our name of a term, such as 0.class for d0.loss_cls."""
    prefix, _, term = re.sub(r"^d(\d+)\.", r"\1.", name).rpartition(".")
    return f"{prefix}.{NAMES[term]}" if prefix else NAMES[term]
