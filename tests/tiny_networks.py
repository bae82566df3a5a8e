"""Networks small enough for tests of files, and checkpoints as other programs write them."""

import sys
from types import ModuleType

import numpy as np
import torch

from mass13k_tools.classes import MASS13K
from massformer.checkpoint import LoadedModel, checkpoint_table, save_model, write_checkpoint
from massformer.config import load_config
from massformer.model import build_model
from massformer.released import released_name
from massformer.weights import read_pickle

OVERRIDES = (
    *("model.backbone_width=8", "model.width=8", "model.queries=5", "model.layers=2"),
    "model.feed_forward=16",
)


def tiny_network(*overrides, taxonomy=MASS13K, seed=0):
    """Give a network of random weights, running statistics included."""
    config = load_config("tiny", [*OVERRIDES, *overrides])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_model(config.model).eval()
        for buffer in model.buffers():
            buffer.copy_(torch.rand(buffer.shape) * 9 + 1)
    return LoadedModel(model, config.model, taxonomy)


def released_state(loaded):
    """Give the tensors of a network by their released names."""
    return {released_name(key): tensor for key, tensor in loaded.model.state_dict().items()}


def same_tensors(first, second):
    """Tell whether two networks are the same, bit by bit."""
    left, right = first.model.state_dict(), second.model.state_dict()
    return list(left) == list(right) and all(torch.equal(left[key], right[key]) for key in left)


def saved_folder(tmp_path):
    path = tmp_path / "network"
    save_model(path, tiny_network())
    return path


def saved_file(tmp_path):
    path = tmp_path / "last.pt"
    write_checkpoint(path, checkpoint_table(tiny_network()))
    return path


def rewritten(file, **entries):
    """Change entries of a training checkpoint."""
    write_checkpoint(file, read_pickle(file) | entries, overwrite=True)
    return file


def with_tensors(file, **tensors):
    """Change tensors of a training checkpoint; None takes one away. Dots are written as __."""
    model = dict(read_pickle(file)["model"])
    model |= {key.replace("__", "."): tensor for key, tensor in tensors.items()}
    kept = {key: tensor for key, tensor in model.items() if tensor is not None}
    return rewritten(file, model=kept)


def save_like_mmengine(path, state, monkeypatch):
    """Write a training checkpoint with the kinds of objects that mmengine leaves in one."""
    names = ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer")
    with monkeypatch.context() as patch:
        for name in names:
            patch.setitem(sys.modules, name, ModuleType(name))

        class HistoryBuffer:
            def __init__(self):
                self._log_history = np.array([0.5, 0.25])
                self._count_history = np.array([1, 1])
                self._last = np.float64(0.25)
                self._statistics_methods = {"mean": HistoryBuffer.mean}

            def mean(self):
                return 0.0

        HistoryBuffer.__module__, HistoryBuffer.__qualname__ = names[-1], "HistoryBuffer"
        HistoryBuffer.mean.__module__ = names[-1]
        HistoryBuffer.mean.__qualname__ = "HistoryBuffer.mean"
        sys.modules[names[-1]].HistoryBuffer = HistoryBuffer
        hub = {"log_scalars": {"train/loss": HistoryBuffer()}, "runtime_info": {"iter": 80000}}
        table = {"meta": {"epoch": 1, "cfg": "model = dict()"}, "message_hub": hub}
        torch.save(table | {"state_dict": state, "optimizer": {"state": {}}}, path)
