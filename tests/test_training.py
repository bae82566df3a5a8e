import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from training_runs import ALONE, SMALL, small_config

from mass13k_tools.cli import main
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.score_sums import pair_sums
from massformer.checkpoint import load_model
from massformer.config import config_from_table, load_config
from massformer.evaluate import evaluate as evaluate_command
from massformer.loop import train
from massformer.run_folder import RunFolder, read_rows, read_training
from massformer.train import train as train_command
from massformer.weights import read_pickle

SHORT = ("train.log_every=2", "train.save_every=2", "train.validate_every=4")


def tensors(network: Path) -> torch.Tensor:
    state = load_model(network).model.state_dict()
    return torch.cat([each.flatten().double() for each in state.values()])


def launched(arguments: list[str], *, ranks: int = 1) -> list[subprocess.Popen]:
    """Start training as one process or several, as torchrun does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "massformer.train", *arguments],
            env=os.environ | {"OMP_NUM_THREADS": "1", "RANK": str(rank)} | together,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for rank in range(ranks)
    ]


def ended(processes: list[subprocess.Popen]) -> list[int]:
    """Wait for processes, at most two minutes."""
    for process in processes:
        process.communicate(timeout=120)
    return [process.returncode for process in processes]


def completed(arguments: list[str], *, ranks: int) -> bool:
    """Train to the end: one process is this one, on one thread as the others are."""
    if ranks > 1:
        return ended(launched(arguments, ranks=ranks)) == [0] * ranks
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return CliRunner().invoke(train_command, arguments, catch_exceptions=False).exit_code == 0
    finally:
        torch.set_num_threads(threads)


def options(root: Path, out: Path, *overrides: str) -> list[str]:
    sets = [*SMALL, *SHORT, f"data.root={root}", *overrides]
    return ["tiny", *(f"--set={each}" for each in sets), f"--out={out}", "--device=cpu"]


def test_a_run_leaves_its_settings_log_scores_checkpoints_and_networks(tiny_dataset, tmp_path):
    config = small_config(tiny_dataset, *SHORT, "train.keep=1")
    train(config, tmp_path / "run", ALONE)
    folder = tmp_path / "run"
    assert [row["step"] for row in read_rows(folder / "log.csv")] == ["2", "4", "6"]
    assert [row["step"] for row in read_rows(folder / "validation.csv")] == ["4", "6"]
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-000006.pt"]
    assert load_model(folder / "last").config == config.model
    assert str(tiny_dataset) not in (folder / "last" / "config.toml").read_text()
    assert load_config(str(folder / "config.toml")) == config
    (checkpoint,) = (folder / "checkpoints").iterdir()
    assert config_from_table(read_pickle(checkpoint)["config"]) == config
    assert {path.name for path in folder.iterdir()} >= {"best-miou", "best-biou", "config.toml"}


def test_a_folder_with_a_run_is_neither_begun_again_nor_mixed_with_another(tiny_dataset, tmp_path):
    config = small_config(tiny_dataset, *SHORT, "data.val_split=")
    train(config, tmp_path, ALONE)
    with pytest.raises(DatasetError, match="pass --resume auto"):
        train(config, tmp_path, ALONE)
    other = small_config(tiny_dataset, *SHORT, "data.val_split=", "train.lr=0.1")
    with pytest.raises(DatasetError, match=r"has train.lr = 0.0003, but now it is 0.1"):
        train(other, tmp_path, ALONE, resume=True)


def test_what_changes_nothing_that_is_learned_may_change_when_a_run_goes_on(tiny_dataset, tmp_path):
    train(small_config(tiny_dataset, *SHORT, "data.val_split="), tmp_path, ALONE)
    moved = tiny_dataset.rename(tiny_dataset.parent / "moved")
    other = small_config(moved, *SHORT, "data.val_split=", "data.workers=1", "train.keep=1")
    train(other, tmp_path, ALONE, resume=True)
    assert load_config(str(tmp_path / "config.toml")) == other


def test_a_damaged_checkpoint_says_what_to_remove(tiny_dataset, tmp_path):
    config = small_config(tiny_dataset, *SHORT, "data.val_split=")
    train(config, tmp_path, ALONE)
    newest, before = RunFolder(tmp_path).newest, tensors(tmp_path / "last")
    newest.write_bytes(b"")
    with pytest.raises(DatasetError, match="remove this file to go on from the one before"):
        train(config, tmp_path, ALONE, resume=True)
    newest.unlink()
    train(config, tmp_path, ALONE, resume=True)
    assert torch.equal(tensors(tmp_path / "last"), before)


def test_a_run_goes_on_without_the_network_that_it_started_from(tiny_dataset, tmp_path):
    train(small_config(tiny_dataset, *SHORT, "data.val_split="), tmp_path / "first", ALONE)
    begun = tmp_path / "first" / "last"
    config = small_config(tiny_dataset, *SHORT, "data.val_split=", f"train.start={begun}")
    train(config, tmp_path / "run", ALONE)
    unbroken = tensors(tmp_path / "run" / "last")
    RunFolder(tmp_path / "run").newest.unlink()
    shutil.rmtree(begun)
    train(config, tmp_path / "run", ALONE, resume=True)
    assert torch.equal(tensors(tmp_path / "run" / "last"), unbroken)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"step,loss\n2\n", b"loss\n1.0\n", b"step\nx\n"])
def test_a_damaged_table_is_named(tmp_path, content):
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=r"log.csv' is damaged, expected a table with steps"):
        read_rows(tmp_path / "log.csv")


def test_a_folder_that_cannot_be_written_is_not_taken_for_another_run(tiny_dataset, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="cannot write"):
        train(small_config(tiny_dataset, "data.val_split="), tmp_path / "file" / "run", ALONE)


def test_a_run_that_died_in_a_validation_begins_with_it(tiny_dataset, tmp_path, monkeypatch):
    def dies(*_, **__):
        raise DatasetError("a photo is damaged")

    config = small_config(tiny_dataset, *SHORT)
    with monkeypatch.context() as patch, pytest.raises(DatasetError, match="a photo is damaged"):
        patch.setattr("massformer.loop.validate", dies)
        train(config, tmp_path, ALONE)
    assert RunFolder(tmp_path).newest.name == "step-000004.pt"
    train(config, tmp_path, ALONE, resume=True)
    assert [row["step"] for row in read_rows(tmp_path / "validation.csv")] == ["4", "6"]


def test_a_run_that_is_told_to_end_in_a_validation_does_not_finish_it(
    tiny_dataset, tmp_path, monkeypatch
):
    scored = []

    def scoring(*arguments):
        scored.append(arguments)
        os.kill(os.getpid(), signal.SIGTERM)
        return pair_sums(*arguments)

    monkeypatch.setattr("massformer.validation.pair_sums", scoring)
    with pytest.raises(DatasetError, match="stopped after step 4; --resume auto"):
        train(small_config(tiny_dataset, *SHORT), tmp_path, ALONE)
    assert len(scored) == 1
    assert read_rows(tmp_path / "validation.csv") == []
    assert RunFolder(tmp_path).newest.name == "step-000004.pt"


def test_other_files_beside_a_network_that_is_kept_stay(tiny_dataset, tmp_path):
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / "scores.json").write_text("{}")
    train(small_config(tiny_dataset, *SHORT, "data.val_split="), tmp_path, ALONE)
    assert (tmp_path / "last" / "scores.json").read_text() == "{}"
    assert load_model(tmp_path / "last").config.queries == 8


def test_a_run_that_is_complete_has_nothing_left_to_do(tiny_dataset, tmp_path):
    config = small_config(tiny_dataset, *SHORT, "data.val_split=")
    train(config, tmp_path, ALONE)
    before = tensors(tmp_path / "last")
    train(config, tmp_path, ALONE, resume=True)
    assert torch.equal(before, tensors(tmp_path / "last"))


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_killed_run_goes_on_and_ends_with_the_weights_of_an_unbroken_one(
    tiny_dataset, tmp_path, ranks
):
    words = options(tiny_dataset, tmp_path / "b", "data.val_split=")
    broken = launched(words, ranks=ranks)
    folder = RunFolder(tmp_path / "b")
    while folder.newest is None and broken[0].poll() is None:
        time.sleep(0.01)
    for process in broken:
        process.kill()
    ended(broken)
    assert folder.newest is not None
    whole = options(tiny_dataset, tmp_path / "a", "data.val_split=")
    for asked in ([*words, "--resume=auto"], whole):
        assert completed(asked, ranks=ranks)
    assert torch.equal(tensors(tmp_path / "a" / "last"), tensors(tmp_path / "b" / "last"))


def test_a_run_that_is_told_to_end_saves_and_says_how_to_go_on(tiny_dataset, tmp_path):
    sets = ("train.steps=5000", "data.workers=1")
    (process,) = launched(options(tiny_dataset, tmp_path / "run", *sets))
    while not (tmp_path / "run" / "log.csv").exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)  # Slurm and timeout tell the workers, too
    _, text = process.communicate(timeout=60)
    assert process.returncode == 1
    last = re.search(r"stopped after step (\d+); --resume auto goes on from there", text)
    assert last is not None, text
    assert read_training(RunFolder(tmp_path / "run").newest)[0]["step"] == int(last[1])


def test_a_network_that_only_predicts_is_no_checkpoint_to_go_on_from(tiny_dataset, tmp_path):
    train(small_config(tiny_dataset, *SHORT, "data.val_split="), tmp_path, ALONE)
    with pytest.raises(DatasetError, match="no checkpoint of training|cannot read"):
        read_training(tmp_path / "last" / "model.safetensors")


def test_all_settings_can_be_printed_and_do_as_a_preset(tmp_path):
    printed = CliRunner().invoke(train_command, ["tiny", "--print-config", "--set=train.lr=0.5"])
    assert printed.exit_code == 0
    preset = tmp_path / "mine.toml"
    preset.write_text(printed.output)
    again = CliRunner().invoke(train_command, [str(preset), "--print-config"])
    assert again.output == printed.output
    assert "lr = 0.5" in again.output


def test_a_trained_network_is_scored_as_its_label_maps_are(tiny_dataset, tmp_path):
    train(small_config(tiny_dataset, *SHORT, "data.val_split="), tmp_path / "run", ALONE)
    kept = str(tmp_path / "kept")
    network = [str(tmp_path / "run" / "last"), str(tiny_dataset), "--split=val", "--device=cpu"]
    scored = CliRunner().invoke(
        evaluate_command, [*network, "--predictions", kept, "--json", "--workers=0"]
    )
    assert scored.exit_code == 0, scored.output
    folders = CliRunner().invoke(
        main, ["evaluate", kept, str(tiny_dataset), "--split", "val", "--json"]
    )
    ours, theirs = json.loads(scored.stdout), json.loads(folders.stdout)
    assert ours.pop("name") != theirs.pop("name")
    assert ours == theirs
