"""A run in small: all of it is read and built, steps are taken and timed, nothing is written."""

import math
import time
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from mass13k_tools.loader.sources import Source
from mass13k_tools.ops.score_sums import pair_sums
from massformer.building import build_run
from massformer.config import Config
from massformer.engine import Run
from massformer.ranks import Ranks
from massformer.run_data import Looked, Pixels, RunData, check_data, open_data
from massformer.validation import check_validation, predicted, validating
from massformer.watch.progress import duration, peak_memory_gib

TIMED_STEPS = 3


class Size(NamedTuple):
    """How much is learned, and from how much."""

    samples: dict[str, int]
    """Of every split."""
    class_shares: dict[str, dict[str, float]]
    """Of every split, how much of the labelled pixels of some samples each class has."""
    parameters: int
    """Of the network."""
    trained: int
    """Those of them that are trained."""
    step_samples: int
    """Crops of a step, over all batches and ranks."""


@dataclass(frozen=True)
class DryRun:
    """What was found out."""

    size: Size
    computing_s: float
    """Of a step, all but the data."""
    loading_s: float
    """What the data of a step take; beside the computing where there are workers."""
    image_s: float
    """Of a validation, reading, predicting and scoring one image; 0 without validation."""
    peak_memory_gib: float | None
    """What the hungriest rank held at most; None where the system does not tell."""
    config: Config
    ranks: int

    @property
    def step_s(self) -> float:
        """Seconds of a step."""
        if self.config.data.workers:
            return max(self.computing_s, self.loading_s)
        return self.computing_s + self.loading_s

    @property
    def waiting_share(self) -> float:
        """Share of a step that goes into waiting for data."""
        return 1 - self.computing_s / self.step_s

    @property
    def training_h(self) -> float:
        """Hours that all steps would take."""
        return self.config.train.steps * self.step_s / 3600

    @property
    def validations(self) -> int:
        """How often all images of the split for validation would be scored."""
        train = self.config.train
        return math.ceil(train.steps / train.validate_every) if self._images else 0

    @property
    def validation_h(self) -> float:
        """Hours that all validations would take."""
        return self.validations * math.ceil(self._images / self.ranks) * self.image_s / 3600

    @property
    def _images(self) -> int:
        return self.size.samples.get(self.config.data.val_split, 0)


def dry_run(config: Config, ranks: Ranks) -> DryRun:
    """Do all that a run does, for a few steps and one image of validation.

    Args:
        config: Of the run.
        ranks: This process among those that train together.

    Raises:
        DatasetError: Whatever would end the run before its first step, or at it.
    """
    data = open_data(config.data)
    run = build_run(config, data.source, ranks)
    looked = check_data(data, config.data, ranks)
    check_validation(run, data, looked)
    with run.loader:
        run.advance()  # which starts workers, reserves memory, compiles
        steps = [run.advance() for _ in range(TIMED_STEPS)]
        waited_s = median(step.waited_s for step in steps)
        loading_s = waited_s if not config.data.workers else _loading_s(run)
    computing_s = median(step.took_s - step.waited_s for step in steps)
    times = ranks.gathered((computing_s, loading_s, _image_s(run, data)))
    computing_s, loading_s, image_s = (max(each) for each in zip(*times, strict=True))
    size = _size(run, data, looked)
    memory_gib = peak_memory_gib(run)
    return DryRun(size, computing_s, loading_s, image_s, memory_gib, config, ranks.count)


def report(found: DryRun) -> list[str]:
    """Tell people what was found out, line by line."""
    size, config = found.size, found.config
    crop = "x".join(map(str, config.data.crop_px[::-1]))
    lines = [
        *(_split_line(name, size) for name in size.samples),
        f"network: {size.parameters:,} parameters, {size.trained:,} trained",
        f"step: {size.step_samples} crops of {crop} in {found.step_s:.3g} s, "
        f"{found.waiting_share:.0%} of it waiting for data "
        f"(computing {found.computing_s:.3g} s, loading {found.loading_s:.3g} s)",
    ]
    if found.peak_memory_gib is not None:
        lines.append(f"memory: {found.peak_memory_gib:.1f} GiB at most")
    if found.validations:
        lines.append(
            f"validation: {found.image_s:.3g} s an image, {found.validations} times all of them"
        )
    hours = found.training_h + found.validation_h
    lines.append(
        f"{config.train.steps:,} steps would take {duration(3600 * hours)}, of which validation "
        f"{duration(3600 * found.validation_h)}; nothing was written"
    )
    return lines


def report_json(found: DryRun) -> dict[str, object]:
    """Tell machines the same."""
    return {
        **found.size._asdict(),
        "step_s": found.step_s,
        "computing_s": found.computing_s,
        "loading_s": found.loading_s,
        "waiting_share": found.waiting_share,
        "peak_memory_gib": found.peak_memory_gib,
        "validation_image_s": found.image_s,
        "validations": found.validations,
        "hours": found.training_h + found.validation_h,
    }


def _loading_s(run: Run) -> float:
    """Say how long workers take for the data of a step, once what they made ahead is gone."""
    ahead = 2 * run.config.data.workers
    for _ in range(ahead):
        next(run.batches)
    started = time.perf_counter()
    for _ in range(ahead):
        next(run.batches)
    return (time.perf_counter() - started) / ahead * run.config.train.accumulate


def _image_s(run: Run, data: RunData) -> float:
    if data.truth is None:
        return 0.0
    started = time.perf_counter()
    images = predicted(validating(run, data.truth.taxonomy), data.truth, run.ranks)
    for each in images:
        pair_sums(each.label_map, each.truth, data.truth.taxonomy.ids)
        break
    return time.perf_counter() - started


def _size(run: Run, data: RunData, looked: dict[str, Looked]) -> Size:
    settings = run.config.data
    parameters = [*run.model.parameters()]
    sources = {settings.train_split: data.source}
    if data.truth is not None:
        sources[settings.val_split] = data.truth
    return Size(
        {name: len(source) for name, source in sources.items()},
        {name: _shares(looked[name].pixels, source) for name, source in sources.items()},
        sum(each.numel() for each in parameters),
        sum(each.numel() for each in parameters if each.requires_grad),
        settings.batch_size * run.config.train.accumulate * run.ranks.count,
    )


def _shares(pixels: Pixels, source: Source) -> dict[str, float]:
    known = {row.name: int(pixels[row.id]) for row in source.taxonomy.classes}
    whole = sum(known.values())
    return {name: count / whole for name, count in known.items()}


def _split_line(name: str, size: Size) -> str:
    shares = size.class_shares[name]
    seen = ", ".join(f"{each} {share:.1%}" for each, share in shares.items() if share)
    missing = [each for each, share in shares.items() if not share]
    absent = f"; not seen: {', '.join(missing)}" if missing else ""
    return f"{name}: {size.samples[name]:,} samples; of some of them {seen}{absent}"
