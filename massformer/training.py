"""The loop of a training run: steps, log, validation, checkpoints."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.sources import Source
from mass13k_tools.ops.scores import mean
from massformer.building import build_run
from massformer.checkpoint import LoadedModel, load_model
from massformer.config import Config, config_table, settings_toml
from massformer.engine import NotFiniteError, Run
from massformer.inference.predictor import Predictor
from massformer.ranks import Ranks
from massformer.run_data import RunData, check_data, open_data
from massformer.run_folder import BEST, RunFolder, best_row, read_rows, read_training
from massformer.validation import validate
from massformer.watch.panels import panel_sheet
from massformer.watch.progress import Progress
from massformer.watch.seam import Line, Validation, Watch
from massformer.watch.watchers import watch_run
from massformer.watch.weights_and_biases import check_wandb


def train(
    config: Config, out: Path, ranks: Ranks, *, resume: bool = False, wandb: bool = False
) -> None:
    """Train a network.

    Args:
        config: All settings.
        out: Folder of the run; see :mod:`massformer.run_folder`.
        ranks: This process among those that train together.
        resume: Go on where a run in the folder stopped, if there is one.
        wandb: Also send logs and pictures to Weights & Biases.

    Raises:
        DatasetError: Data, settings and weights do not fit each other; a loss is no number.
    """
    if wandb:
        check_wandb()
    data = open_data(config.data)
    folder = RunFolder(out)
    newest = folder.newest
    if newest and not resume:
        raise DatasetError(f"'{out}' holds a run; pass --resume auto to go on, or another folder")
    run = build_run(config, data.source, ranks)
    check_data(data, config.data, ranks)
    if ranks.first:
        folder.begin(settings_toml(config_table(config)))
    if newest:
        run.model.load_state_dict(load_model(newest).model.state_dict())
        run.go_on_from(read_training(newest))
    with (
        run.loader,
        watch_run(run, folder, data.source, data.truth, wandb=wandb) as watch,
        _stop_signals() as stopped,
    ):
        _loop(run, folder, data, watch, stopped)


def _loop(run: Run, folder: RunFolder, data: RunData, watch: Watch, stopped: list[int]) -> None:
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
            seconds = (time.perf_counter() - started) / (run.step - first)
            left_s = seconds * (settings.steps - run.step)
            watch.logged(Line(run.step, progress.row(run), left_s))
        if data.truth is not None and (run.step % settings.validate_every == 0 or last):
            _validate(run, folder, data.truth, watch)
        stop = run.ranks.any(bool(stopped))
        if run.step % settings.save_every == 0 or last or stop:
            state = {"training": run.state(), "config": config_table(run.config)}
            if run.ranks.first:
                folder.save(_loaded(run, data.source), state, step=run.step, keep=settings.keep)
        if stop:
            raise DatasetError(f"stopped after step {run.step}; --resume auto goes on from there")
    if run.ranks.first:
        folder.keep_network("last", _kept(run, data.source))
    watch.ended()


def _validate(run: Run, folder: RunFolder, truth: Source, watch: Watch) -> None:
    """Score the network, show what it does, and keep it if none before did better."""
    kept = _kept(run, truth)
    predictor = Predictor(kept, device=str(run.ranks.device))
    scores = validate(predictor, truth, run.ranks)
    if run.ranks.first:
        title = f"step {run.step}: mIoU {mean(scores.iou):.2%}, BIoU {mean(scores.biou[0]):.2%}"
        picture = panel_sheet(predictor, truth, images=run.config.train.panels, title=title)
        watch.validated(Validation(run.step, scores, truth.taxonomy, picture))
        rows = read_rows(folder.path / "validation.csv")
        for name in BEST:
            if best_row(rows, name) == rows[-1]:
                folder.keep_network(f"best-{name}", kept)
    run.model.train()


def _loaded(run: Run, source: Source) -> LoadedModel:
    return LoadedModel(run.model, run.config.model, source.taxonomy)


def _kept(run: Run, source: Source) -> LoadedModel:
    """Give the network that is validated and kept: the average of the weights, if there is one."""
    model = run.model if run.average is None else run.average.module
    return LoadedModel(model, run.config.model, source.taxonomy)  # type: ignore[arg-type]


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
