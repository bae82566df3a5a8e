"""What a step learns does not depend on how its samples are cut into batches and ranks."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_runs import ALONE, small_config
from whole_steps import whole_step

from massformer.peers import build_network


@pytest.fixture
def sets(tmp_path):
    """Settings under which no sample depends on others of its batch."""
    torch.manual_seed(0)
    backbone = build_network(small_config(tmp_path).model).backbone
    torch.save(backbone.state_dict(), tmp_path / "backbone.pth")
    frozen = ("train.backbone_norm=frozen", "train.backbone_affine=false")
    return [f"train.pretrained={tmp_path / 'backbone.pth'}", *frozen]


def test_two_ranks_learn_what_one_does_of_twice_the_batch(tiny_dataset, sets, tmp_path):
    whole = whole_step(tiny_dataset, ALONE, *sets, "data.batch_size=2")
    found = done_by_two(tiny_dataset, tmp_path / "two.pt", *sets)
    same(found, whole)
    assert found["copied"] == [[1.0, 1.0], [1.0, 1.0]]  # what the first rank has


def test_batches_that_make_one_step_teach_what_one_large_batch_does(tiny_dataset, sets):
    whole = whole_step(tiny_dataset, ALONE, *sets, "data.batch_size=3")
    same(whole_step(tiny_dataset, ALONE, *sets, "train.accumulate=3"), whole)


def test_as_released_every_batch_is_normalised_by_itself(tiny_dataset, sets):
    sets = [*sets, "loss.normalise=batch"]
    whole = whole_step(tiny_dataset, ALONE, *sets, "data.batch_size=3")["losses"]
    parts = whole_step(tiny_dataset, ALONE, *sets, "train.accumulate=3")["losses"]
    for name in ("dice", "edge"):
        assert abs(parts[name] / whole[name] - 1) > 1e-3


def same(found: dict, expected: dict) -> None:
    assert found["losses"] == pytest.approx(expected["losses"], rel=1e-4)
    assert found["norm"] == pytest.approx(expected["norm"], rel=1e-3)
    assert found["gradient"].keys() == expected["gradient"].keys()
    for name, gradient in expected["gradient"].items():
        far = float((found["gradient"][name] - gradient).norm())
        assert far <= 1e-3 * float(gradient.norm()) + 1e-9, name


def done_by_two(root: Path, out: Path, *overrides: str) -> dict:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).parent / "whole_steps.py"
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    together |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(script.parents[1])}
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(root), str(out), *overrides],
            env=os.environ | together | {"RANK": str(rank)},
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    return torch.load(out)
