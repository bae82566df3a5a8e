"""What a run of training leaves behind: settings, log, checkpoints, the best networks.

=====================  ==========================================================================
``config.toml``        All settings as they were resolved; it also does as a preset
``environment.json``   Versions, machine, command, and the state of the git folder it ran in
``log.csv``            A line every ``train.log_every`` steps
``validation.csv``     A line for every validation: means, then the scores of every class
``tensorboard/``       The same for TensorBoard, where it is installed
``curves.png``         Loss, learning rate and scores over the steps
``panels/``            Images, truth and predictions at every validation
``checkpoints/``       Where a killed run goes on: ``step-000123.pt``, the newest ``train.keep``
``best-miou/``         The network with the best mIoU so far; ``best-biou/`` likewise
``last/``              The network at the end
``README.md``          What was trained, on what, how well it does: written at the end
=====================  ==========================================================================
"""

import csv
import io
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from mass13k_tools.errors import DatasetError
from mass13k_tools.outputs import clear_partial, write_file
from massformer.checkpoint import LoadedModel, checkpoint_table, save_model, write_checkpoint
from massformer.weights import read_pickle

PACKAGES = ("mass13k", "torch", "numpy", "opencv-python-headless", "scipy")
BEST = ("miou", "biou")  # columns of validation.csv by which networks are kept
CHECKPOINT = re.compile(r"step-(\d+)\.pt")


class RunFolder:
    """The folder of one run; only the first rank writes into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def newest(self) -> Path | None:
        """The newest checkpoint, if there is one."""
        return self._checkpoints()[-1] if self._checkpoints() else None

    def begin(self, settings: str, *, again: bool = False) -> None:
        """Write down what is run, and where, and remove what a killed run was about to write.

        Args:
            settings: All of them, as TOML.
            again: The run goes on, perhaps with settings that are free to change.

        Raises:
            DatasetError: Another run with other settings lies there.
        """
        path = self.path / "config.toml"
        if path.is_file():
            for each in (self.path, self.path / "checkpoints", self.path / "panels"):
                clear_partial(each)
        if not again and path.is_file() and path.read_bytes() != settings.encode():
            raise DatasetError(
                f"'{self.path}' holds a run with other settings; choose another folder, or go on "
                "with the same settings and --resume auto"
            )
        write_file(path, settings.encode(), overwrite=True, durable=True)
        content = json.dumps(environment(), indent=2, sort_keys=True) + "\n"
        write_file(self.path / "environment.json", content.encode(), overwrite=True)

    def save(self, loaded: LoadedModel, extra: Mapping[str, Any], *, step: int, keep: int) -> None:
        """Write a checkpoint, then remove those that are too many.

        Args:
            loaded: The network.
            extra: What else it holds: ``config``, all settings, and ``training``, the state of
                the run.
            step: Of the run.
            keep: How many are kept.
        """
        path = self.path / "checkpoints" / f"step-{step:06d}.pt"
        write_checkpoint(path, checkpoint_table(loaded) | dict(extra), overwrite=True)
        for old in self._checkpoints()[:-keep]:
            old.unlink()

    def keep_network(self, name: str, loaded: LoadedModel) -> None:
        """Write a network as a folder, in the place of an older one; other files there stay."""
        save_model(self.path / name, loaded, overwrite=True, among_others=True)

    def log(self, name: str, row: Mapping[str, Any], *, step: int) -> None:
        """Add a row to a table, after those of earlier steps; later ones are of a run that died.

        Args:
            name: File name without ``.csv``.
            row: Columns, the same in every row.
            step: Of the row, its first column.
        """
        path = self.path / f"{name}.csv"
        rows = [each for each in read_rows(path) if int(each["step"]) < step]
        text = io.StringIO()
        writer = csv.DictWriter(text, ["step", *row], lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows([*rows, {"step": step, **row}])
        write_file(path, text.getvalue().encode(), overwrite=True)

    def _checkpoints(self) -> list[Path]:
        files = (self.path / "checkpoints").glob("step-*.pt")
        return sorted((file for file in files if CHECKPOINT.fullmatch(file.name)), key=_step_of)


def read_training(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the part of a checkpoint that training added: the state of the run and its settings.

    Raises:
        DatasetError: There is none, as in a network that only predicts.
    """
    content = read_pickle(path)
    table = content if isinstance(content, Mapping) else {}
    state, settings = table.get("training"), table.get("config")
    if not isinstance(state, dict) or not isinstance(settings, dict):
        raise DatasetError(
            f"'{path}' is no checkpoint of training, expected one of RUN/checkpoints"
        )
    return state, settings


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a table of the run; none where it was not begun.

    Raises:
        DatasetError: It is damaged.
    """
    if not path.is_file():
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        if all(row["step"].isdecimal() and None not in row.values() for row in rows):
            return rows
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError):
        pass
    raise DatasetError(f"'{path}' is damaged, expected a table with steps; move it away to go on")


def best_row(rows: Sequence[dict[str, str]], name: str) -> dict[str, str] | None:
    """Find the highest value of a column, the last of equal ones; None where all are empty.

    Example:
        >>> best_row([{"miou": ""}, {"miou": "0.5"}, {"miou": "0.25"}], "miou")
        {'miou': '0.5'}
    """
    filled = [row for row in rows if row[name]]
    return max(reversed(filled), key=lambda row: float(row[name]), default=None)


def environment() -> dict[str, Any]:
    """Say where and with what a run takes place."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": versions,
        "git": {"commit": _git("rev-parse", "HEAD"), "changed": bool(_git("status", "--short"))},
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _step_of(path: Path) -> int:
    match = CHECKPOINT.fullmatch(path.name)
    return int(match[1]) if match else -1
