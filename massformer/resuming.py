"""Where a run that was broken off goes on, and with which settings it may."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from mass13k_tools.errors import DatasetError
from massformer.checkpoint import load_model
from massformer.config import Config, config_from_table, config_table
from massformer.engine import Run
from massformer.ranks import Ranks
from massformer.run_folder import RunFolder, read_training

FREE = {  # settings that change nothing, or no more than rounding, of what is learned
    *(f"data.{name}" for name in ("root", "val_split", "workers")),
    *(f"train.{name}" for name in ("save_every", "keep", "log_every", "panels")),
    *(f"train.{name}" for name in ("validate_every", "validation_gb")),
    *(f"train.{name}" for name in ("compile", "checkpointing", "channels_last")),
}


class BrokenOff(NamedTuple):
    """A run as its newest checkpoint has it."""

    network: dict[str, Tensor]
    """Tensors of the network by name."""
    state: dict[str, Any]
    """All else, from :meth:`massformer.engine.Run.state`."""


def newest_checkpoint(folder: RunFolder, ranks: Ranks) -> Path | None:
    """Find the checkpoint that all ranks go on from, if there is one.

    Raises:
        DatasetError: Some ranks see another one than others do.
    """
    newest = folder.newest
    if len(set(ranks.gathered(newest and newest.name))) > 1:
        raise DatasetError(
            f"not all ranks see the same checkpoints in '{folder.path}'; "
            "expected a folder that all machines share"
        )
    return newest


def read_broken_off(path: Path, config: Config) -> BrokenOff:
    """Read a checkpoint and make sure that it is of the same run.

    Args:
        path: The checkpoint.
        config: Of the run that is to go on.

    Raises:
        DatasetError: It is damaged, or its run had other settings.
    """
    try:
        state, settings = read_training(path)
        network = load_model(path).model.state_dict()
    except DatasetError as error:
        raise DatasetError(f"{error}; remove this file to go on from the one before it") from error
    before, now = (dict(_named(each)) for each in (config_from_table(settings), config))
    changed = [name for name in now if now[name] != before[name] and name not in FREE]
    if changed:
        name = changed[0]
        raise DatasetError(
            f"the run of '{path}' has {name} = {before[name]}, but now it is {now[name]}; "
            "go on with the same settings, or choose another folder"
        )
    return BrokenOff(network, state)


def go_on(run: Run, broken_off: BrokenOff) -> None:
    """Take up a run where it was broken off."""
    run.model.load_state_dict(broken_off.network)
    run.go_on_from(broken_off.state)


def _named(config: Config) -> Iterator[tuple[str, Any]]:
    for section, table in config_table(config).items():
        for name, value in table.items():
            yield f"{section}.{name}", value
