"""A network that learns at all knows four images by heart within seconds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from training_runs import ALONE

from mass13k_tools.ops.scores import mean
from massformer.building import build_run
from massformer.checkpoint import LoadedModel
from massformer.config import load_config
from massformer.data import open_split
from massformer.inference.predictor import Predictor
from massformer.validation import validate

COLOURS = np.array([(90, 90, 90), (220, 60, 60), (240, 200, 60), (50, 130, 50)], np.uint8)


@pytest.fixture
def four_images(tmp_path: Path) -> Path:
    """Root of four images of 64x64 pixels: a disc, a square and a bar of other classes each."""
    for kind in ("images", "annotations"):
        (tmp_path / kind / "train").mkdir(parents=True)
    for number in range(4):
        canvas = Image.new("L", (64, 64), 0)
        draw = ImageDraw.Draw(canvas)
        x, y = 12 * (number % 2), 12 * (number // 2)
        draw.ellipse((4 + x, 4 + y, 24 + x, 24 + y), fill=1)
        draw.rectangle((36 - x, 30 - y, 56 - x, 50 - y), fill=2)
        draw.rectangle((0, 56, 63, 63), fill=3)
        canvas.save(tmp_path / "annotations" / "train" / f"p{number}.png")
        image = Image.fromarray(COLOURS[np.asarray(canvas)])
        image.save(tmp_path / "images" / "train" / f"p{number}.png")
    return tmp_path


def test_four_images_are_learned_by_heart(four_images):
    config = load_config(
        "tiny",
        [
            f"data.root={four_images}",
            *("data.val_split=", "data.batch_size=4", "data.workers=0"),
            *("data.crop_px=[64, 64]", "data.short_sides_px=[64]", "loss.points=512"),
            *("train.steps=64", "train.lr=2e-3", "train.lr_batch=4", "train.backbone_lr=1.0"),
            *(
                "train.clip=0.1",
                "model.norm=group",
                "train.pretrained=none",
                "train.backbone_affine=true",
            ),
        ],
    )
    source = open_split(config.data, "train")
    run = build_run(config, source, ALONE)
    for _ in range(config.train.steps):
        run.advance()
    predictor = Predictor(LoadedModel(run.model.eval(), config.model, source.taxonomy))
    assert mean(validate(predictor, source, ALONE).iou) > 0.95
