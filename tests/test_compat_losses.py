"""Losses as the release has them, by one switch, and means over however a step is cut."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from reference_model import reference_model
from released_losses import loss_reference, our_term, released_draw, unit_predictions
from training_runs import ALONE, small_config

from mass13k_tools.errors import DatasetError
from massformer.building import build_run
from massformer.config import config_table, load_config, settings_toml
from massformer.data import open_split
from massformer.losses import Criterion
from massformer.pixel_losses import edge_loss
from massformer.released import released_name
from massformer.run_config import SWITCHES, LossConfig

RELEASED = LossConfig(compat="released")
GAINS = torch.full((7,), 5.0)


@pytest.mark.parametrize("name", ["a", "b_firstimage_all_ignore"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_released_losses_are_reproduced(name: str, precision: str):
    expected, arrays = loss_reference(f"loss_unit_{name}")
    made = unit_predictions(expected, getattr(torch, precision))
    criterion = Criterion(RELEASED, GAINS, released_draw(expected, 2))
    found = criterion(made, torch.from_numpy(arrays["gt"]), torch.from_numpy(arrays["edge"]))
    for theirs, value in expected[f"losses_{precision}"].items():
        assert float(found[our_term(theirs)]) == pytest.approx(value, rel=1e-6), theirs


@pytest.mark.slow
def test_the_released_networks_losses_and_gradients_are_reproduced():
    expected, arrays = loss_reference("loss_lite_r18")
    model = copy.deepcopy(reference_model("lite_r18")).double()
    drawn = np.random.default_rng(expected["input_seed"]).standard_normal(expected["input_shape"])
    predictions = model(torch.from_numpy(drawn.astype(np.float32)).double())
    criterion = Criterion(RELEASED, GAINS, released_draw(expected, 7))
    found = criterion(predictions, *(torch.from_numpy(arrays[name]) for name in ("gt", "edge")))
    for theirs, value in expected["losses_float64"].items():
        assert float(found[our_term(theirs)].detach()) == pytest.approx(value, rel=1e-6), theirs
    sum(found.values()).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            norm = expected["grad_norm"][released_name(name)]
            assert float(parameter.grad.norm()) == pytest.approx(norm, rel=1e-5, abs=1e-8), name


def test_one_switch_means_all_that_the_release_does_and_without_it_all_is_corrected():
    for name, (corrected, released) in SWITCHES.items():
        assert getattr(LossConfig(), name) == corrected
        assert getattr(RELEASED, name) == released


@pytest.mark.parametrize("name", SWITCHES)
def test_each_correction_is_a_switch_of_its_own(name):
    single = LossConfig(**{name: SWITCHES[name][1]})
    others = {other: getattr(single, other) for other in SWITCHES if other != name}
    assert others == {other: SWITCHES[other][0] for other in others}


@pytest.mark.parametrize("name", SWITCHES)
def test_all_released_and_yet_one_correction_is_refused(name):
    value = {True: "true"}.get(SWITCHES[name][0], SWITCHES[name][0])
    with pytest.raises(DatasetError, match=rf"loss\.{name} is .*leave one of the two out"):
        load_config("tiny", ["loss.compat=released", f"loss.{name}={value}"])


def test_settings_of_a_released_run_are_written_and_read_again(tmp_path):
    config = load_config("tiny", ["loss.compat=released"])
    file = tmp_path / "config.toml"
    file.write_text(settings_toml(config_table(config)))
    assert load_config(str(file)) == config
    with pytest.raises(DatasetError, match=r"loss\.edge_target is 'edges', expected 'released'"):
        load_config(str(file), ["loss.edge_target=edges"])


@pytest.mark.parametrize(("setting", "gain"), [("paper", -1.0), ("released", 5.0), ("off", 0.0)])
def test_pseudo_labelled_classes_count_less_but_in_the_release(tiny_dataset, setting, gain):
    config = small_config(tiny_dataset, f"loss.reweight={setting}")
    source = open_split(config.data, "train")
    *precise, last = source.taxonomy.classes
    classes = (*precise, replace(last, quality="pseudo"))
    source.taxonomy = replace(source.taxonomy, classes=classes)
    gains = build_run(config, source, ALONE).criterion.gains
    assert gains[-1] == gain
    assert gains[0] == gain  # the class for all else holds what pseudo-labels missed
    assert gains[1] == (0 if setting == "off" else 5)


def test_edges_by_their_sigmoid_end_where_logits_go_on():
    def loss_and_gradient(settings: LossConfig) -> tuple[float, float]:
        logits = torch.full((1, 1, 4, 4), 200.0, requires_grad=True)
        edge_maps = torch.zeros(1, 4, 4, dtype=torch.uint8)
        loss = edge_loss(logits, edge_maps, edge_maps, settings, torch.tensor(16.0))
        loss.backward()
        return float(loss.detach()), float(logits.grad.sum())

    assert loss_and_gradient(LossConfig()) == pytest.approx((2000.0, 10.0))
    assert loss_and_gradient(LossConfig(edge_entropy="sigmoid")) == pytest.approx((1000.0, 0.0))
