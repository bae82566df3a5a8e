"""The loop of a training run: steps, log, validation, checkpoints."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import torch

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.sources import Source
from mass13k_tools.ops.scores import mean
from massformer.building import build_run
from massformer.checkpoint import LoadedModel, load_model, settings_toml
from massformer.config import Config
from massformer.data import open_split
from massformer.engine import NotFiniteError, Run, Step
from massformer.inference.predictor import Predictor
from massformer.ranks import Ranks
from massformer.run_folder import RunFolder, read_rows, read_training
from massformer.validation import validate


@dataclass
class Progress:
    """Means since the last line of the log."""

    steps: list[Step] = field(default_factory=list)

    def row(self, run: Run) -> dict[str, float]:
        """Give a line of the log, and begin anew."""
        took = sum(step.took_s for step in self.steps)
        samples = run.config.data.batch_size * run.config.train.accumulate * run.ranks.count
        row = {
            "loss": float(np.mean([step.loss for step in self.steps])),
            "lr": self.steps[-1].lr,
            "gradient": float(np.mean([step.gradient for step in self.steps])),
            "images_per_s": samples * len(self.steps) / took,
            "waiting_share": sum(step.waited_s for step in self.steps) / took,
        }
        for name in self.steps[-1].losses:
            row[name] = float(np.mean([step.losses[name] for step in self.steps]))
        self.steps.clear()
        return row


def train(config: Config, out: Path, ranks: Ranks, *, resume: bool = False) -> None:
    """Train a network.

    Args:
        config: All settings.
        out: Folder of the run; see :mod:`massformer.run_folder`.
        ranks: This process among those that train together.
        resume: Go on where a run in the folder stopped, if there is one.

    Raises:
        DatasetError: Data, settings and weights do not fit each other; a loss is no number.
    """
    source = open_split(config.data, config.data.train_split)
    val = config.data.val_split
    truth = open_split(config.data, val, source.taxonomy) if val else None
    folder = RunFolder(out)
    newest = folder.newest
    if newest and not resume:
        raise DatasetError(f"'{out}' holds a run; pass --resume auto to go on, or another folder")
    run = build_run(config, source, ranks)
    if ranks.first:
        folder.begin(settings_toml(config))
    if newest:
        run.model.load_state_dict(load_model(newest).model.state_dict())
        run.go_on_from(read_training(newest))
    with run.loader, _stop_signals() as stopped:
        _loop(run, folder, truth, source, stopped)


def _loop(
    run: Run, folder: RunFolder, truth: Source | None, source: Source, stopped: list[int]
) -> None:
    settings, progress = run.config.train, Progress()
    started, first = time.perf_counter(), run.step
    while run.step < settings.steps:
        try:
            progress.steps.append(run.advance())
        except NotFiniteError as error:
            if run.ranks.first:
                folder.log("not_finite", {"samples": " ".join(error.keys)}, step=run.step)
            raise
        last = run.step == settings.steps
        if run.step % settings.log_every == 0 or last:
            row = progress.row(run)
            seconds = (time.perf_counter() - started) / (run.step - first)
            _tell(run, folder, row, seconds * (settings.steps - run.step))
        if truth is not None and (run.step % settings.validate_every == 0 or last):
            _validate(run, folder, truth, source)
        stop = run.ranks.any(bool(stopped))
        if run.step % settings.save_every == 0 or last or stop:
            state = run.state()
            if run.ranks.first:
                folder.save(_loaded(run, source), state, step=run.step, keep=settings.keep)
        if stop:
            raise DatasetError(f"stopped after step {run.step}; --resume auto goes on from there")
    if run.ranks.first:
        folder.keep_network("last", _kept(run, source))


def _tell(run: Run, folder: RunFolder, row: dict[str, float], left_s: float) -> None:
    if not run.ranks.first:
        return
    folder.log("log", {name: f"{value:.6g}" for name, value in row.items()}, step=run.step)
    memory = ""
    if run.ranks.device.type == "cuda":
        memory = f"  {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
    print(
        f"step {run.step}/{run.config.train.steps}  loss {row['loss']:.3f}  lr {row['lr']:.2e}  "
        f"{row['images_per_s']:.2f} images/s  waiting {row['waiting_share']:.0%}{memory}  "
        f"left {left_s / 3600:.1f} h",
        file=sys.stderr,
        flush=True,
    )


def _validate(run: Run, folder: RunFolder, truth: Source, source: Source) -> None:
    kept = _kept(run, source)
    predictor = Predictor(kept, device=str(run.ranks.device))
    scores = validate(predictor, truth, run.ranks)
    run.model.train()
    if not run.ranks.first:
        return
    miou, biou = mean(scores.iou), mean(scores.biou[0])
    rows = [row for row in read_rows(folder.path / "validation.csv") if int(row["step"]) < run.step]
    row = {"miou": f"{miou:.6f}", "biou": f"{biou:.6f}", "bf1": f"{mean(scores.bf1[0]):.6f}"}
    folder.log("validation", row, step=run.step)
    for name, value in (("miou", miou), ("biou", biou)):
        if value >= max((float(row[name]) for row in rows), default=0.0):
            folder.keep_network(f"best-{name}", kept)
    print(f"step {run.step}  mIoU {miou:.2%}  BIoU {biou:.2%}", file=sys.stderr, flush=True)


def _loaded(run: Run, source: Source) -> LoadedModel:
    return LoadedModel(run.model, run.config, source.taxonomy)


def _kept(run: Run, source: Source) -> LoadedModel:
    """Give the network that is validated and kept: the average of the weights, if there is one."""
    model = run.model if run.average is None else run.average.module
    return LoadedModel(model, run.config, source.taxonomy)  # type: ignore[arg-type]


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGTERM, so that the step that is under way is finished and saved."""
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, remember)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
