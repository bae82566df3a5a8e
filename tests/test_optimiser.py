import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from massformer.config import ModelConfig, load_config
from massformer.model import build_model
from massformer.norms import train_affine
from massformer.optimiser import build_optimiser, lr_factor, scaled_lr, set_lr
from massformer.released import released_name
from massformer.run_config import TrainConfig

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


def group_of(model, optimiser) -> dict[str, dict]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: group
        for group in optimiser.param_groups
        for parameter in group["params"]
    }


@pytest.fixture
def tiny():
    return build_model(load_config("tiny").model)


def test_the_backbone_learns_slower_and_norms_and_embeddings_do_not_decay(tiny):
    groups = group_of(tiny, build_optimiser(tiny, TrainConfig(), samples=16))
    backbone = groups["backbone.conv1.weight"]
    assert backbone["peak_lr"] == pytest.approx(3e-5)
    assert backbone["weight_decay"] == 0.05
    for name in ("mask_decoder.query_feat.weight", "mask_decoder.norm.bias"):
        assert (groups[name]["peak_lr"], groups[name]["weight_decay"]) == (3e-4, 0)
    bias = groups["mask_decoder.class_embed.bias"]
    assert (bias["peak_lr"], bias["weight_decay"]) == (3e-4, 0.05)


def test_every_parameter_that_is_not_frozen_is_trained_once(tiny):
    optimiser = build_optimiser(tiny, TrainConfig(), samples=16)
    trained = [id(each) for group in optimiser.param_groups for each in group["params"]]
    wanted = [id(each) for each in tiny.parameters() if each.requires_grad]
    assert sorted(trained) == sorted(wanted)
    train_affine(tiny.backbone, True)
    freed = build_optimiser(tiny, TrainConfig(), samples=16)
    assert "backbone.bn1.weight" in group_of(tiny, freed)


def test_the_learning_rate_follows_the_root_of_the_samples_of_a_step():
    settings = TrainConfig(lr=3e-4, lr_batch=16)
    assert scaled_lr(settings, 16) == 3e-4
    assert scaled_lr(settings, 4) == pytest.approx(1.5e-4)


def test_schedules_rise_over_the_warm_up_and_fall_to_nothing():
    for schedule in ("cosine", "poly"):
        settings = TrainConfig(steps=100, warmup=10, schedule=schedule)
        factors = [lr_factor(settings, step) for step in range(100)]
        assert factors[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
        assert factors[10] == 1
        assert factors[10:] == sorted(factors[10:], reverse=True)
        assert 0 < factors[-1] < 0.03


def test_a_constant_rate_stays_after_the_warm_up():
    settings = TrainConfig(steps=100, warmup=10, schedule="constant")
    assert [lr_factor(settings, step) for step in (4, 9, 10, 50, 99)] == [0.5, 1, 1, 1, 1]


def test_a_step_has_its_learning_rate_in_every_group(tiny):
    settings = TrainConfig(steps=10)
    optimiser = build_optimiser(tiny, settings, samples=16)
    assert set_lr(optimiser, settings, 5) == pytest.approx(1.5e-4)
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx(
        [1.5e-5, 1.5e-4, 1.5e-4]
    )


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("r50", ModelConfig()),
        ("lite_r18", load_config("massformer-lite").model),
        ("r18", replace(ModelConfig(), backbone="resnet18")),
    ],
)
def test_groups_are_those_of_the_released_recipe(name, config):
    file = REFERENCE / f"optimizer_groups_{name}.json"
    if not file.is_file():
        pytest.skip(f"{file.name} is not beside the project")
    with torch.device("meta"):
        model = build_model(config)
    groups = group_of(model, build_optimiser(model, TrainConfig(), samples=16))
    found = {
        released_name(ours): (round(group["peak_lr"], 12), group["weight_decay"])
        for ours, group in groups.items()
    }
    expected = {
        key: (round(lr, 12), decay)
        for key, lr, decay, trained in json.loads(file.read_text())["groups"]
        if trained
    }
    assert found == expected
