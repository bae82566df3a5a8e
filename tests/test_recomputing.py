"""Computing activations twice changes neither results nor gradients nor statistics."""

import copy

import pytest
import torch
from torch import nn
from training_runs import small_run, weights

from mass13k_tools.errors import DatasetError
from massformer.config import load_config
from massformer.model import MassFormer, build_model
from massformer.peers import BUILDERS, Peer
from massformer.recomputing import checkpoint_activations


def network(*overrides: str) -> MassFormer:
    sets = ["model.backbone_width=8", "model.width=16", "model.queries=8", "model.layers=3"]
    torch.manual_seed(0)
    return build_model(load_config("tiny", [*sets, *overrides]).model).train()


def total(model: MassFormer) -> torch.Tensor:
    said = model(torch.randn(2, 3, 64, 72, generator=torch.Generator().manual_seed(1)))
    maps = [*said["class_logits"], *said["mask_logits"], said["edge_logits"]]
    return sum(each.square().mean() for each in maps if each is not None)


def kept_bytes(model: MassFormer) -> int:
    """Count what is kept for going backward, beside the parameters."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = total(model)
    del loss
    return sum(kept.values())


@pytest.mark.parametrize(
    "ablation", [(), ("model.egf=false", "model.cst=false"), ("model.norm=group",)]
)
def test_loss_gradients_and_statistics_are_the_same(ablation):
    plain = network(*ablation)
    twice = copy.deepcopy(plain)
    checkpoint_activations(twice)
    first, second = total(plain), total(twice)
    assert torch.equal(first, second)
    first.backward()
    second.backward()
    for (name, own), other in zip(plain.named_parameters(), twice.parameters(), strict=True):
        assert (own.grad is None) == (other.grad is None), name
        assert own.grad is None or torch.equal(own.grad, other.grad), name
    for (name, own), other in zip(plain.named_buffers(), twice.buffers(), strict=True):
        assert torch.equal(own, other), name


def test_much_less_is_kept_for_going_backward():
    plain, twice = network(), network()
    checkpoint_activations(twice)
    assert kept_bytes(twice) < 0.6 * kept_bytes(plain)


def test_a_copy_computes_with_its_own_weights():
    model = network()
    checkpoint_activations(model)
    copied = copy.deepcopy(model)
    before = total(copied)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(total(copied), before)
    assert list(copied.state_dict()) == list(network().state_dict())


def test_a_run_with_it_learns_what_one_without_does(tiny_dataset):
    runs = [
        small_run(tiny_dataset, "train.ema=0.9", "model.norm=batch", f"train.checkpointing={flag}")
        for flag in ("true", "false")
    ]
    for run in runs:
        for _ in range(2):
            run.advance()
    assert torch.equal(weights(runs[0]), weights(runs[1]))


def test_other_networks_are_refused(tiny_dataset, monkeypatch):
    monkeypatch.setitem(
        BUILDERS, "mine", lambda config: Peer(nn.Identity(), nn.Conv2d(3, config.classes, 1))
    )
    with pytest.raises(DatasetError, match=r"train\.checkpointing is for massformer alone"):
        small_run(tiny_dataset, "train.checkpointing=true", "model.network=mine")
