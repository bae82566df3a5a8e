"""Small runs of training for tests: the tiny network, narrower still, on crops of 64x64 pixels."""

from pathlib import Path

import torch

from massformer.building import build_run
from massformer.config import Config, load_config
from massformer.data import open_split
from massformer.engine import Run
from massformer.ranks import Ranks

SMALL = (
    "model.backbone_width=8",
    "model.width=16",
    "model.queries=8",
    "model.layers=1",
    "model.feed_forward=16",
    "model.norm=group",
    "loss.points=64",
    "data.batch_size=1",
    "data.workers=0",
    "data.crop_px=[64, 64]",
    "data.short_sides_px=[64, 80]",
    "train.pretrained=none",
    "train.backbone_affine=true",
    "train.steps=6",
    "train.clip=0.1",
)
ALONE = Ranks(0, 1, torch.device("cpu"))


def small_config(root: Path, *overrides: str) -> Config:
    return load_config("tiny", [*SMALL, f"data.root={root}", *overrides])


def small_run(root: Path, *overrides: str, ranks: Ranks = ALONE) -> Run:
    config = small_config(root, *overrides)
    return build_run(config, open_split(config.data, "train"), ranks)


def weights(run: Run) -> torch.Tensor:
    """All parameters and statistics of a run's network in one row."""
    return torch.cat([each.flatten().double() for each in run.model.state_dict().values()])
