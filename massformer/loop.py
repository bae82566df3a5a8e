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
from massformer.checkpoint import LoadedModel
from massformer.config import Config, config_table, settings_toml
from massformer.engine import NotFiniteError, Run, kept_network
from massformer.ranks import Ranks
from massformer.resuming import go_on, newest_checkpoint, read_broken_off
from massformer.run_data import RunData, check_data, open_data
from massformer.run_folder import BEST, RunFolder, best_row, read_rows
from massformer.validation import check_validation, validate, validating
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
    newest = newest_checkpoint(folder, ranks)
    if newest and not resume:
        raise DatasetError(f"'{out}' holds a run; pass --resume auto to go on, or another folder")
    broken_off = read_broken_off(newest, config) if newest else None
    run = build_run(config, data.source, ranks, goes_on=broken_off is not None)
    check_validation(run, data, check_data(data, config.data, ranks))
    if ranks.first:
        folder.begin(settings_toml(config_table(config)), again=newest is not None)
    if broken_off:
        go_on(run, broken_off)
    with (
        run.loader,
        watch_run(run, folder, data.source, data.truth, wandb=wandb) as watch,
        _stop_signals() as stopped,
    ):
        _loop(run, folder, data, watch, stopped)


def _loop(run: Run, folder: RunFolder, data: RunData, watch: Watch, stopped: list[int]) -> None:
    settings, progress = run.config.train, Progress()
    started, first = time.perf_counter(), run.step
    while True:
        if data.truth is not None and _validation_is_due(run, folder):
            _validate(run, folder, data.truth, watch, stopped)
        if run.step == settings.steps:
            break
        try:
            progress.steps.append(run.advance())
        except NotFiniteError as error:
            if run.ranks.first:
                folder.log("not_finite", {"samples": " ".join(error.keys)}, step=run.step)
            raise
        if run.step % settings.log_every == 0 or run.step == settings.steps:
            seconds = (time.perf_counter() - started) / (run.step - first)
            left_s = seconds * (settings.steps - run.step)
            watch.logged(Line(run.step, progress.row(run), left_s))
        stop = run.ranks.any(bool(stopped))
        if stop or _ends(run, settings.save_every) or _ends(run, settings.validate_every):
            _save(run, folder, data.source)
        if stop:
            raise _stopped(run)
    if run.ranks.first:
        folder.keep_network("last", kept_network(run, data.source.taxonomy))
    watch.ended()


def _ends(run: Run, every: int) -> bool:
    """Tell whether so many steps end here, or all of them do."""
    return run.step % every == 0 or run.step == run.config.train.steps


def _validation_is_due(run: Run, folder: RunFolder) -> bool:
    """Tell whether the network is to be scored: also where a run died before it was."""
    if not run.step or not _ends(run, run.config.train.validate_every):
        return False
    rows = read_rows(folder.path / "validation.csv")
    return run.ranks.any(run.ranks.first and all(int(row["step"]) != run.step for row in rows))


def _validate(run: Run, folder: RunFolder, truth: Source, watch: Watch, stopped: list[int]) -> None:
    """Score the network, show what it does, and keep it if none before did better."""
    kept, settings = kept_network(run, truth.taxonomy), run.config.train
    run.ranks.copy_first([*kept.model.buffers()])  # statistics of norms, each rank has its own
    predictor = validating(run, truth.taxonomy)
    scores = validate(
        predictor, truth, run.ranks, workers=run.config.data.workers, stop=lambda: bool(stopped)
    )
    if scores is None:
        raise _stopped(run)
    if run.ranks.first:
        title = f"step {run.step}: mIoU {mean(scores.iou):.2%}, BIoU {mean(scores.biou[0]):.2%}"
        picture = panel_sheet(predictor, truth, images=settings.panels, title=title)
        watch.validated(Validation(run.step, scores, truth.taxonomy, picture))
        rows = read_rows(folder.path / "validation.csv")
        for name in BEST:
            if best_row(rows, name) == rows[-1]:
                folder.keep_network(f"best-{name}", kept)


def _save(run: Run, folder: RunFolder, source: Source) -> None:
    """Write a checkpoint; all ranks have a part in it."""
    state = {"training": run.state(), "config": config_table(run.config)}
    if run.ranks.first:
        loaded = LoadedModel(run.model, run.config.model, source.taxonomy)
        folder.save(loaded, state, step=run.step, keep=run.config.train.keep)


def _stopped(run: Run) -> DatasetError:
    return DatasetError(f"stopped after step {run.step}; --resume auto goes on from there")


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGTERM, so that the step that is under way is finished and saved.

    It is looked at after every step and every image of a validation.
    """
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, remember)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
