import math

import pytest
import torch
from training_runs import small_run, weights

from mass13k_tools.errors import DatasetError
from massformer.engine import NotFiniteError
from massformer.ranks import Ranks


def test_steps_change_the_weights_and_bring_the_loss_down(tiny_dataset):
    run = small_run(tiny_dataset, "train.steps=24", "train.lr=0.02", "train.clip=1.0")
    before = weights(run)
    losses = [run.advance().loss for _ in range(24)]
    assert run.step == 24
    assert not torch.equal(before, weights(run))
    assert sum(losses[-6:]) < 0.92 * sum(losses[:6])


def test_the_same_seed_gives_the_same_run_and_another_one_another(tiny_dataset):
    runs = [small_run(tiny_dataset, f"train.seed={seed}") for seed in (1, 1, 2)]
    for run in runs:
        run.advance()
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(weights(runs[0]), weights(runs[2]))


@pytest.mark.parametrize("extra", [(), ("train.ema=0.9",), ("train.accumulate=2",)])
def test_a_run_that_goes_on_ends_where_an_unbroken_one_does(tiny_dataset, extra):
    unbroken = small_run(tiny_dataset, *extra)
    for _ in range(4):
        unbroken.advance()

    first = small_run(tiny_dataset, *extra)
    for _ in range(2):
        first.advance()
    state, model = first.state(), first.model.state_dict()
    torch.manual_seed(99)
    second = small_run(tiny_dataset, *extra)
    second.model.load_state_dict(model)
    second.go_on_from(state)
    for _ in range(2):
        second.advance()
    assert second.step == 4
    assert torch.equal(weights(second), weights(unbroken))


def test_gradients_are_clipped_and_their_norm_is_told(tiny_dataset):
    run = small_run(tiny_dataset, "train.clip=1e-6", "train.weight_decay=0.0")
    before = weights(run)
    step = run.advance()
    assert step.gradient > 1e-6
    assert step.lr == pytest.approx(3e-4 * math.sqrt(1 / 16))
    assert not torch.equal(before, weights(run))


def test_a_loss_that_is_no_number_stops_the_run_and_names_its_samples(tiny_dataset):
    run = small_run(tiny_dataset)
    with torch.no_grad():
        run.model.mask_decoder.class_embed.weight.fill_(float("nan"))
    before = weights(run)
    with pytest.raises(NotFiniteError, match=r"loss '.*class' is not finite at step 0") as caught:
        run.advance()
    assert caught.value.keys
    assert all(key in str(caught.value) for key in caught.value.keys)
    assert torch.equal(before.isnan(), weights(run).isnan())


@pytest.mark.parametrize("compat", ["corrected", "released"])
def test_edges_that_are_no_number_stop_the_run_whatever_the_loss(tiny_dataset, compat):
    run = small_run(tiny_dataset, f"loss.compat={compat}")
    with torch.no_grad():
        run.model.pixel_decoder.egf.edge_head[1].bias.fill_(float("nan"))
    with pytest.raises(NotFiniteError, match="is not finite at step 0"):
        run.advance()


def test_samples_of_all_ranks_are_named(tiny_dataset, monkeypatch):
    run = small_run(tiny_dataset)
    monkeypatch.setattr(Ranks, "gathered", lambda _, value: [value, ["of another rank"]])
    with torch.no_grad():
        run.model.mask_decoder.class_embed.weight.fill_(float("nan"))
    with pytest.raises(NotFiniteError, match="of another rank"):
        run.advance()


def test_a_run_that_goes_on_on_other_ranks_has_their_learning_rate(tiny_dataset):
    one = small_run(tiny_dataset)
    one.advance()
    four = small_run(tiny_dataset, "train.accumulate=4")
    four.go_on_from(one.state())
    assert four.advance().lr == pytest.approx(2 * one.advance().lr)


def test_norms_over_all_ranks_are_refused_on_a_cpu(tiny_dataset):
    small_run(tiny_dataset, "train.head_norm=sync")
    two = Ranks(0, 2, torch.device("cpu"))
    with pytest.raises(DatasetError, match=r"norms over all ranks \(sync\) are for GPUs"):
        small_run(tiny_dataset, "train.head_norm=sync", ranks=two)


def test_the_average_of_the_weights_lags_behind_them(tiny_dataset):
    run = small_run(tiny_dataset, "train.ema=0.9", "train.lr=0.01")
    for _ in range(3):
        run.advance()
    own = run.model.mask_decoder.class_embed.weight
    lagging = run.average.module.mask_decoder.class_embed.weight
    assert not torch.equal(own, lagging)


@pytest.mark.gpu
def test_half_precision_trains_too(tiny_dataset):
    gpu = Ranks(0, 1, torch.device("cuda"))
    run = small_run(tiny_dataset, "train.precision=bf16", ranks=gpu)
    assert math.isfinite(run.advance().loss)
    assert run.model.backbone.conv1.weight.dtype == torch.float32


def test_half_precision_is_refused_on_a_cpu(tiny_dataset):
    with pytest.raises(DatasetError, match="half precision is for GPUs"):
        small_run(tiny_dataset, "train.precision=bf16")


def test_a_fresh_backbone_with_norms_that_are_not_learned_is_refused(tiny_dataset):
    with pytest.raises(DatasetError, match="must learn its norms"):
        small_run(tiny_dataset, "train.backbone_affine=false")


def test_a_network_of_other_classes_is_refused(tiny_dataset):
    with pytest.raises(DatasetError, match="the network has 5 classes"):
        small_run(tiny_dataset, "model.classes=5")
