"""Mistakes on the command line of ``python -m massformer.evaluate``."""

import json

import pytest
from click.testing import CliRunner
from lively_networks import lively_network
from tiny_networks import saved_folder

from massformer.checkpoint import save_model
from massformer.evaluate import evaluate


@pytest.fixture
def refused(tmp_path, tiny_dataset):
    network = saved_folder(tmp_path)

    def run(*options):
        words = [str(network), str(tiny_dataset), "--workers=0", *map(str, options)]
        result = CliRunner().invoke(evaluate, words)
        assert result.exit_code == 1, result.output
        assert result.stderr.count("Error: ") == result.stderr.count("\n") == 1, result.stderr
        return result

    return run


@pytest.mark.parametrize("folder", ["annotations", "images"])
def test_predictions_never_replace_files_of_the_data_set(refused, tiny_dataset, folder):
    own = tiny_dataset / folder / "val"
    for path in own.iterdir():  # photos may be PNG as well
        path.rename(path.with_suffix(".png"))
    before = {path: path.read_bytes() for path in own.iterdir()}
    said = refused("--device=cpu", "--predictions", own, "--overwrite").stderr
    assert "is a file of the data set itself; choose another folder" in said
    assert {path: path.read_bytes() for path in own.iterdir()} == before


def test_a_device_that_is_not_there_is_one_line(refused):
    assert "device 'toaster' cannot be used" in refused("--device=toaster").stderr


def test_scores_that_cannot_be_written_are_shown(refused, tmp_path):
    (tmp_path / "scores.json").write_text("older ones")
    result = refused("--device=cpu", "--out", tmp_path, "--json")
    assert "scores.json' is there already" in result.stderr
    assert json.loads(result.stdout)["images"]


def test_views_are_averaged_and_named(tmp_path, tiny_dataset):
    network = tmp_path / "lively"
    save_model(network, lively_network())

    def scores(*options):
        words = [str(network), str(tiny_dataset), "--workers=0", "--device=cpu", "--json", *options]
        return json.loads(CliRunner().invoke(evaluate, words, catch_exceptions=False).stdout)

    plain, mirrored = scores(), scores("--tta", "0.5,flip")
    assert scores("--tta", "") == plain
    assert mirrored.pop("name") == plain.pop("name") + " --tta flip,0.5"
    assert mirrored != plain


def test_views_that_are_none_are_a_mistake(tmp_path, tiny_dataset):
    words = [str(saved_folder(tmp_path)), str(tiny_dataset), "--tta", "upside-down"]
    result = CliRunner().invoke(evaluate, words)
    assert result.exit_code == 2
    assert "'upside-down' is no view" in result.stderr
