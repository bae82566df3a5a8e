import json

import pytest
from click.testing import CliRunner
from tiny_networks import tiny_network

from massformer.checkpoint import save_model
from massformer.config import load_config
from massformer.info import SIZES_HW, info
from massformer.macs import Macs, added, count_macs


def run(*arguments: str):
    return CliRunner().invoke(info, list(arguments))


def test_multiply_adds_are_those_of_the_released_network():
    """Figures of the released code at 3072x4096 in G; but for pooled maps they follow the area."""
    blocks = count_macs(load_config("massformer").model, (256, 512))
    scale = 3072 * 4096 / (256 * 512) / 1e9
    plain = {name: scale * (macs.plain + macs.attention) for name, macs in blocks.items()}
    expected = {
        "backbone": 1024.954,
        "projections": 48.318,
        "cst": 56.672,
        "rfb": 353.831,
        "lse": 116.861,
        "egf": 6.493 + 100.462,
        "out": 111.535,
        "masks": 201.327,
    }
    for name, value in expected.items():
        assert plain[name] == pytest.approx(value, rel=1e-4), name
    everything = added(*blocks.values())
    assert scale * everything.deformable == pytest.approx(314.07, rel=1e-4)


def test_counts_add_up_kind_by_kind():
    assert added(Macs(1, 2, 3), Macs(10, 20, 30)) == Macs(11, 22, 33)
    assert Macs(1, 2, 3).total == 6


def test_stages_that_are_left_out_are_not_counted():
    config = load_config("tiny", ["model.cst=false", "model.lse=false", "model.rfb=false"]).model
    assert not {"cst", "lse", "rfb"} & set(count_macs(config, (64, 64)))


def test_the_object_for_machines_has_what_is_promised(monkeypatch):
    assert SIZES_HW == ((3072, 4096), (4096, 4096))
    monkeypatch.setattr("massformer.info.SIZES_HW", ())
    found = json.loads(run("tiny", "--size", "96x64", "--measure", "--json").stdout)
    assert set(found["macs"]) == {"96x64"}
    assert found["parameters"] > found["trainable"] > 0
    counts = found["macs"]["96x64"]
    kinds = counts["blocks"].values()
    assert counts["total"] == sum(sum(macs.values()) for macs in kinds)
    assert counts["total"] - counts["without_deformable"] == sum(m["deformable"] for m in kinds)
    assert found["measured"]["peak_memory_bytes"] > 0
    assert found["measured"]["size"] == "96x64"


def test_parameters_are_those_of_the_release(monkeypatch):
    monkeypatch.setattr("massformer.info.SIZES_HW", ())
    counted = {name: json.loads(run(name, "--json").stdout) for name in ("massformer-lite",)}
    assert counted["massformer-lite"]["parameters"] == 15_080_864
    assert counted["massformer-lite"]["trainable"] == 15_071_264
    assert counted["massformer-lite"]["paper_gmacs"] == 771


def test_tables_name_every_block(monkeypatch):
    monkeypatch.setattr("massformer.info.SIZES_HW", ((64, 64),))
    printed = run("tiny")
    assert printed.exit_code == 0, printed.output
    for word in ("backbone", "cst", "mask_decoder", "masks", "deformable", "64x64"):
        assert word in printed.output


@pytest.mark.parametrize("size", ["4096", "axb", "32x64", "64x32769"])
def test_sizes_that_are_none_are_refused(size):
    refused = run("tiny", "--size", size)
    assert refused.exit_code == 2
    assert size in refused.output


def test_a_checkpoint_is_counted_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("massformer.info.SIZES_HW", ())
    network = tiny_network()
    save_model(tmp_path / "network", network)
    found = json.loads(run(str(tmp_path / "network"), "--json").stdout)
    assert found["parameters"] == sum(each.numel() for each in network.model.parameters())
    refused = run(str(tmp_path / "network"), "--set", "model.queries=7")
    assert refused.exit_code == 2
    assert "the settings of a checkpoint are those of its weights" in refused.output


def test_a_network_that_is_none_is_one_line():
    refused = run("nonsense")
    assert refused.exit_code == 1
    assert "no preset 'nonsense'" in refused.output


@pytest.mark.slow
def test_what_is_measured_is_the_size_that_was_asked_for(monkeypatch):
    monkeypatch.setattr("massformer.info.SIZES_HW", ((64, 80), (96, 96)))
    found = json.loads(run("tiny", "--size", "80x64", "--measure", "--json").stdout)
    assert found["measured"]["size"] == "80x64"


def test_the_papers_count_is_not_shown_beside_another_network(monkeypatch):
    monkeypatch.setattr("massformer.info.SIZES_HW", ())
    found = json.loads(run("massformer-lite", "--set", "model.layers=1", "--json").stdout)
    assert found["paper_gmacs"] is None
