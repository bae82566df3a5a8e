"""The whole network: images of any size, single images, and every stage on or off."""

import itertools

import pytest
import torch
from tiny_networks import same_tensors, tiny_network
from torch import Tensor

from massformer.checkpoint import load_model, save_model, unfilled_model
from massformer.config import load_config
from massformer.model import MassFormer, semantic_scores

STAGES = ("cst", "rfb", "lse", "egf")
SWITCHED = [dict(zip(STAGES, on, strict=True)) for on in itertools.product([True, False], repeat=4)]


def named(stages: dict[str, bool]) -> str:
    return "+".join(name for name, on in stages.items() if on) or "none"


def overrides(stages: dict[str, bool]) -> list[str]:
    return [f"model.{name}={str(on).lower()}" for name, on in stages.items()]


def images(*size_hw: int, batch: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, *size_hw, generator=generator)


def loss_of(model: MassFormer, batch: Tensor) -> Tensor:
    """Let every output count."""
    predictions = model(batch)
    outputs = [*predictions["class_logits"], *predictions["mask_logits"]]
    if predictions["edge_logits"] is not None:
        outputs.append(predictions["edge_logits"])
    return torch.stack([each.square().mean() for each in outputs]).sum()


@pytest.mark.parametrize(
    ("preset", "parameters"), [("massformer", 37_578_176), ("massformer-lite", 15_080_864)]
)
def test_networks_have_as_many_parameters_as_the_released_ones(preset, parameters):
    model = unfilled_model(load_config(preset).model)
    assert sum(each.numel() for each in model.parameters()) == parameters


# Sizes


@pytest.mark.parametrize("size_hw", [(64, 64), (65, 97), (257, 64), (333, 500)])
@torch.no_grad()
def test_images_of_any_size_give_maps_of_the_rounded_up_size(size_hw):
    model, config, _ = tiny_network()
    predictions = model(images(*size_hw, batch=2))
    half, quarter = ([-(-side // stride) for side in size_hw] for stride in (2, 4))
    assert [each.shape for each in predictions["class_logits"]] == [
        (2, config.queries, config.classes + 1)
    ] * (config.layers + 1)
    *coarse, last = predictions["mask_logits"]
    assert [each.shape for each in coarse] == [(2, config.queries, *quarter)] * config.layers
    assert last.shape == (2, config.queries, *half)
    assert predictions["edge_logits"].shape == (2, 1, *half)
    scores = semantic_scores(predictions["class_logits"][-1], last, size_hw)
    assert scores.shape == (2, config.classes, *size_hw)
    assert scores.isfinite().all() and scores.min() >= 0


@pytest.mark.parametrize("size_hw", [(63, 64), (64, 63), (1, 1)])
def test_images_that_are_too_small_are_refused_with_what_to_do(size_hw):
    said = f"images are {size_hw[0]}x{size_hw[1]}, expected 64 pixels or more each way; enlarge"
    with pytest.raises(ValueError, match=said):
        tiny_network().model(images(*size_hw))


@torch.no_grad()
def test_images_of_a_batch_do_not_see_each_other():
    model, batch = tiny_network().model, images(70, 90, batch=3)
    together = model(batch)
    for number in range(3):
        alone = model(batch[number : number + 1])
        for name in ("class_logits", "mask_logits"):
            torch.testing.assert_close(
                alone[name][-1][0], together[name][-1][number], rtol=1e-3, atol=1e-3
            )


# Training and stages


@pytest.mark.parametrize("stages", SWITCHED, ids=named)
def test_with_any_stages_a_single_image_trains_and_the_network_is_kept(stages, tmp_path):
    network = tiny_network("model.layers=3", *overrides(stages))  # one for each level
    model = network.model.train()
    loss_of(model, images(65, 97)).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
    assert all(each.isfinite().all() for each in model.state_dict().values())

    save_model(tmp_path / "network", network)
    read = load_model(tmp_path / "network")
    assert same_tensors(read, network)
    assert {name: getattr(read.config, name) for name in STAGES} == stages


def test_without_edge_guided_fusion_nothing_is_said_of_edges():
    assert tiny_network("model.egf=false").model(images(64, 64))["edge_logits"] is None


def test_each_stage_adds_parameters():
    whole = set(tiny_network().model.state_dict())
    for name in STAGES:
        without = set(tiny_network(f"model.{name}=false").model.state_dict())
        assert without < whole
        assert all(key.startswith(f"pixel_decoder.{name}.") for key in whole - without)


# Ways to compute


@torch.no_grad()
def test_autocast_stays_near_float32():
    torch.manual_seed(0)
    model, batch = tiny_network().model, images(96, 64)
    for buffer in model.buffers():  # as of a network that has seen images
        buffer.fill_(1)
    exact = model(batch)
    with torch.autocast("cpu", torch.bfloat16):
        found = model(batch)
    for name in ("class_logits", "mask_logits"):
        for ours, theirs in zip(found[name], exact[name], strict=True):
            assert (ours.float() - theirs).norm() < 0.1 * theirs.norm(), name


@pytest.mark.slow
@torch.no_grad()
def test_the_network_is_one_graph_without_breaks_for_torch_compile():
    """The default compiler makes C++ of it, which takes a CPU more than six minutes."""
    model, batch = tiny_network().model, images(64, 96)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    expected, found = model(batch), compiled(batch)
    for name in ("class_logits", "mask_logits"):
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-3)
