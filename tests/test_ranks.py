"""The processes that train together, and their devices."""

import pytest
import torch

from mass13k_tools.errors import DatasetError
from massformer import ranks
from massformer.ranks import device_of_rank, joined


def test_every_process_of_a_machine_has_a_gpu_of_its_own():
    assert [device_of_rank("cuda", local=each, here=3) for each in range(3)] == [
        *("cuda:0", "cuda:1", "cuda:2")
    ]
    assert device_of_rank("cpu", local=1, here=3) == "cpu"
    assert device_of_rank("cuda:2", local=0, here=1) == "cuda:2"


def test_one_gpu_for_several_processes_is_refused():
    with pytest.raises(DatasetError, match="'cuda:0' is one GPU for all 2 .* --device cuda, or"):
        device_of_rank("cuda:0", local=1, here=2)


def test_a_process_takes_the_device_of_its_number(monkeypatch):
    asked = []

    def found(name):
        asked.append(name)
        return torch.device("cpu")

    monkeypatch.setattr(ranks, "usable_device", found)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with joined("cuda"), joined("cuda:1"):
        pass
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(DatasetError, match="one for each"), joined("cuda:1"):
        pass
    assert asked == ["cuda:1", "cuda:1"]
