"""Dense networks of mmsegmentation, built from its config files.

Such a file is a Python program, and reading it runs it: take only those that you trust. A
checkpoint therefore only says the name of its config; the file is named anew by whoever loads it.
"""

import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from mass13k_tools.errors import DatasetError
from massformer.config import ModelConfig
from massformer.norms import group_norms
from massformer.peers import BUILDERS, MMSEG, DensePredictions, Peer

DROPPED = ("data_preprocessor", "pretrained", "init_cfg", "train_cfg", "test_cfg")


def add_mmseg(path: Path) -> str:
    """Make a network of mmsegmentation known.

    Args:
        path: Its config file, which is run when the network is built.

    Returns:
        Its name, which is that of the file; ``model.network`` takes it.
    """
    name = MMSEG + path.stem
    BUILDERS[name] = partial(_build, path)
    return name


class _Heads(nn.Module):
    """All behind the backbone: neck, heads one after the other, auxiliary heads."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.neck = model.neck if model.with_neck else nn.Identity()
        self.heads = _list(model.decode_head)
        self.auxiliary = _list(model.auxiliary_head if model.with_auxiliary_head else [])

    def forward(self, features: tuple[Tensor, ...]) -> DensePredictions:
        features = self.neck(features)
        said = [self.heads[0](features)]
        for head in self.heads[1:]:
            said.append(head(features, said[-1]))
        if not isinstance(said[-1], Tensor):
            raise DatasetError("this network of mmsegmentation gives several maps in training")
        *auxiliary, logits = said
        auxiliary += [head(features) for head in self.auxiliary] if self.training else []
        return {"logits": logits, "auxiliary_logits": tuple(auxiliary)}


def _build(path: Path, config: ModelConfig) -> Peer:
    _stand_in_for_compiled_operations()
    try:
        import mmseg.models  # noqa: F401  # which adds them to the registry
        from mmengine.config import Config
        from mmengine.registry import init_default_scope
        from mmseg.registry import MODELS
    except (ImportError, AssertionError) as error:  # mmseg asserts which mmcv it is given
        raise DatasetError(
            f"network '{config.network}' is built by mmsegmentation, which cannot be used "
            f"({error}); expected mmsegmentation 1.2.2, mmengine 0.10.7 and mmcv-lite 2.1.0"
        ) from error
    init_default_scope("mmseg")
    settings = _settings(Config.fromfile(str(path)).model.to_dict(), config.classes)
    wanted = torch.get_default_device()
    with torch.device("cpu"):  # some read numbers from tensors while they are built
        model = MODELS.build(settings)
    peer = Peer(model.backbone, _Heads(model))
    if config.norm == "group":
        group_norms(peer.head)
    return peer.to(wanted)


def _settings(table: Any, classes: int) -> Any:
    """Leave out weights and pre-processing, and have our number of classes and plain norms."""
    if isinstance(table, list | tuple):
        return [_settings(each, classes) for each in table]
    if not isinstance(table, dict):
        return "BN" if table == "SyncBN" else table
    kept = {key: _settings(value, classes) for key, value in table.items() if key not in DROPPED}
    return kept | ({"num_classes": classes} if "num_classes" in kept else {})


def _list(heads: Any) -> nn.ModuleList:
    return nn.ModuleList(heads if isinstance(heads, Sequence | nn.ModuleList) else [heads])


def _stand_in_for_compiled_operations() -> None:
    """Let mmseg import mmcv-lite, though it asks for operations that few of its networks use."""
    try:
        if find_spec("mmcv") is None or find_spec("mmcv._ext") is not None:
            return
    except ValueError:  # a module without a specification: the one that was put there before
        return

    def operation(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*arguments: Any, **options: Any) -> None:
            raise NotImplementedError(f"mmcv-lite has no compiled operation '{name}'")

        return missing

    module = ModuleType("mmcv._ext")
    module.__getattr__ = operation  # type: ignore[method-assign]
    sys.modules["mmcv._ext"] = module
