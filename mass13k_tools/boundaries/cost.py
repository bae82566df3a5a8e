"""What the weights of a data set take on disk and do to a loss, told before any are written."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mass13k_tools.arrays import IGNORE, value_counts
from mass13k_tools.boundaries.derived import Target
from mass13k_tools.boundaries.weights import CompactSettings, PreviewSettings
from mass13k_tools.boundaries.writing import Work
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_label_map
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.weight_steps import WeightMode
from mass13k_tools.ops.weights import WeightRange, boundary_weights, loss_weight_range
from mass13k_tools.pool import Workers, run
from mass13k_tools.printing import bytes_text

MEASURED = 8  # samples, spread evenly


@dataclass(frozen=True, slots=True)
class Gains:
    """What a loss makes of W; see ``ops.weights.loss_weights``."""

    precise: float
    pseudo: float
    mode: WeightMode


class Cost(NamedTuple):
    """An estimate from some samples."""

    measured: int
    """Samples that it is from."""
    float32_bytes: int
    """One uncompressed float32 map per class of the taxonomy."""
    file_bytes: int
    """In the chosen format."""
    needed_bytes: int
    """Of the disk's free bytes, while old files wait to be replaced and afterwards."""
    free_bytes: int
    """On the disk where it goes."""
    loss: WeightRange
    """Factors of the loss, in the measured samples and of the classes in them."""


class _Measured(NamedTuple):
    pixels: int
    file_bytes: int
    loss: WeightRange


def estimate(
    samples: Sequence[Sample],
    *,
    settings: PreviewSettings | CompactSettings,
    target: Target,
    gains: Gains,
    work: Work,
    workers: Workers,
) -> Cost:
    """Encode a few samples and conclude for all; samples that cannot be read do not count.

    Args:
        samples: All samples.
        settings: What is to be written.
        target: Where to; nothing is written.
        gains: For the factors of the loss.
        work: What will be written.
        workers: Who encodes, and who will write.
    """
    count = min(MEASURED, len(samples))
    chosen = [samples[number * len(samples) // count] for number in range(count)]
    measure = partial(_measure, settings=settings, target=target, gains=gains)
    done = [done.result for done in run(measure, chosen, workers=workers, title="estimate")]
    results = [result for result in done if result is not None]
    pixels = sum(result.pixels for result in results) / max(1, len(results))
    file_bytes = sum(result.file_bytes for result in results) / max(1, len(results))
    return Cost(
        measured=len(results),
        float32_bytes=round(4 * pixels * len(target.taxonomy.classes) * len(samples)),
        file_bytes=round(file_bytes * len(samples)),
        needed_bytes=_needed_bytes(file_bytes, work, workers.jobs),
        free_bytes=_free_bytes(target.out),
        loss=_joined([result.loss for result in results]),
    )


def check_room(cost: Cost, out: Path) -> None:
    """Refuse to begin what will not fit on the disk.

    Raises:
        DatasetError: The files that will be written need more than is free.
    """
    if cost.needed_bytes > cost.free_bytes:
        raise DatasetError(
            f"these files would take about {bytes_text(cost.needed_bytes)}, but only "
            f"{bytes_text(cost.free_bytes)} are free at '{out}'; choose another folder, "
            "or fewer samples with --split"
        )


def _measure(
    sample: Sample,
    *,
    settings: PreviewSettings | CompactSettings,
    target: Target,
    gains: Gains,
) -> _Measured:
    label_map = read_label_map(sample.label_path, target.taxonomy)
    present = np.flatnonzero(value_counts(label_map)[:IGNORE]).tolist()
    ranges = []
    for row in target.taxonomy.classes:
        if row.id in present:  # one by one, as all together would take a third of a GiB
            weights = boundary_weights(
                label_map,
                [row.id],
                mode=gains.mode,
                kernel_px=settings.kernel_px,
                frame=settings.frame,
            )
            precise = row.id in target.taxonomy.precise_ids
            ranges.append(
                loss_weight_range(
                    weights, [precise], precise_gain=gains.precise, pseudo_gain=gains.pseudo
                )
            )
    return _Measured(label_map.size, len(settings.encode(label_map, "")), _joined(ranges))


def _needed_bytes(file_bytes: float, work: Work, at_once: int) -> int:
    """Count new files, what the replaced ones grow by, and the old ones that stand beside new ones.

    Example:
        >>> _needed_bytes(100, Work(new=3, replaced_bytes=(90, 90, 90, 90)), at_once=2)
        540
    """
    replaced = len(work.replaced_bytes)
    growth = max(0, file_bytes * replaced - sum(work.replaced_bytes))
    return round(file_bytes * (work.new + min(replaced, at_once)) + growth)


def _joined(ranges: Sequence[WeightRange]) -> WeightRange:
    """Join the ranges of several classes or images; where there are none, every factor is 1."""
    return WeightRange(
        low=min((one.low for one in ranges), default=1.0),
        high=max((one.high for one in ranges), default=1.0),
        clamped=sum(one.clamped for one in ranges),
        values=sum(one.values for one in ranges),
    )


def _free_bytes(folder: Path) -> int:
    """Ask the disk of the nearest folder that exists."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if place.is_dir():
            return shutil.disk_usage(place).free
    return 0
