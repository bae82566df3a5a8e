"""Training that starts from a whole network, also one of other classes."""

from dataclasses import replace

import pytest
import torch
from training_runs import ALONE, small_config, small_run, weights

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from massformer.building import build_run
from massformer.checkpoint import LoadedModel, save_model
from massformer.data import open_split
from massformer.starting import CLASS_ROWS


@pytest.fixture
def earlier(tiny_dataset, tmp_path):
    """Folder of a network that took two steps, and its run."""
    run = small_run(tiny_dataset)
    run.advance(), run.advance()
    folder = tmp_path / "earlier"
    save_model(folder, LoadedModel(run.model, run.config.model, run.loader.source.taxonomy))
    return folder, run


def test_a_run_starts_with_the_weights_of_another_network(tiny_dataset, earlier):
    folder, before = earlier
    run = small_run(tiny_dataset, f"train.start={folder}", "train.seed=7")
    assert torch.equal(weights(run), weights(before))
    assert run.step == 0
    run.advance()
    assert not torch.equal(weights(run), weights(before))


def test_weights_of_the_backbone_are_not_asked_for_beside(tiny_dataset, earlier):
    settings = (f"train.start={earlier[0]}", "train.pretrained=imagenet")
    fixed = ("train.backbone_affine=false", "train.backbone_norm=frozen")
    run = small_run(tiny_dataset, *settings, *fixed)
    assert torch.equal(weights(run), weights(earlier[1]))


def test_classes_keep_what_was_learned_by_name(tiny_dataset, earlier):
    folder, before = earlier
    source = open_split(small_config(tiny_dataset).data, "train")
    rows = source.taxonomy.classes
    new = replace(rows[0], id=7, name="bicycle", aliases=(), colour=(9, 9, 9))
    source.taxonomy = Taxonomy("eight", (*reversed(rows), new))
    overrides = (f"train.start={folder}", "model.classes=8", "train.seed=7")
    run = build_run(small_config(tiny_dataset, *overrides), source, ALONE)
    fresh = build_run(small_config(tiny_dataset, *overrides[1:]), source, ALONE).model.state_dict()
    now, then = run.model.state_dict(), before.model.state_dict()
    for key in CLASS_ROWS:
        assert torch.equal(now[key][7], fresh[key][7])
        assert torch.equal(now[key][:7], then[key][:7].flip(0))
        assert torch.equal(now[key][8], then[key][7])  # no object
    assert all(torch.equal(now[key], then[key]) for key in now if key not in CLASS_ROWS)


def test_a_class_is_known_by_an_alias_unless_another_has_its_name(tiny_dataset, earlier):
    folder, before = earlier
    source = open_split(small_config(tiny_dataset).data, "train")
    config = small_config(tiny_dataset, f"train.start={folder}", "train.seed=7")
    first, second, *others = source.taxonomy.classes

    alias = replace(first, name="rest", aliases=(first.name.upper(),))
    source.taxonomy = Taxonomy("an alias", (alias, second, *others))
    assert torch.equal(weights(build_run(config, source, ALONE)), weights(before))

    new = replace(first, name="rest", aliases=())
    source.taxonomy = Taxonomy("both", (new, replace(second, aliases=(first.name,)), *others))
    now = build_run(config, source, ALONE).model.state_dict()
    for key in CLASS_ROWS:
        then = before.model.state_dict()[key]
        assert torch.equal(now[key][1:], then[1:])
        assert not torch.equal(now[key][0], then[0])


def test_classes_that_differ_in_case_alone_are_not_mixed_up(tiny_dataset, tmp_path):
    source = open_split(small_config(tiny_dataset).data, "train")
    first, second, *others = source.taxonomy.classes
    second = replace(second, name=first.name.upper(), aliases=())
    source.taxonomy = Taxonomy("upper and lower case", (first, second, *others))
    before = build_run(small_config(tiny_dataset), source, ALONE)
    folder = tmp_path / "earlier"
    save_model(folder, LoadedModel(before.model, before.config.model, source.taxonomy))
    config = small_config(tiny_dataset, f"train.start={folder}", "train.seed=7")
    assert torch.equal(weights(build_run(config, source, ALONE)), weights(before))


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.layers=2", "has model.layers = 1, expected 2; pass --set model.layers=1"),
        ("model.network=upernet", 'has model.network = "massformer", expected "upernet"'),
        ("model.cst=false", "has model.cst = true, expected false; pass --set model.cst=true"),
        ("train.start=/no/such", "/no/such"),
    ],
)
def test_a_network_of_another_make_is_one_line(tiny_dataset, earlier, override, expected):
    with pytest.raises(DatasetError, match=expected):
        small_run(tiny_dataset, f"train.start={earlier[0]}", override)
