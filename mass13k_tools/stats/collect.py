"""From samples to the statistics of each image: cached counts first, then the label files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Counts
from mass13k_tools.classes import Taxonomy
from mass13k_tools.layouts import Dataset, Sample
from mass13k_tools.ops.census import Census
from mass13k_tools.ops.complexity import Complexity, Definition, quotients
from mass13k_tools.pool import Workers, run
from mass13k_tools.stats.cache import CountsCache
from mass13k_tools.stats.counts import (
    LabelCounts,
    Metric,
    by_id,
    count_labels,
    needed_for,
    read_census,
    read_perimeters,
)


@dataclass(frozen=True)
class ImageStatistics:
    """The statistics of one image; what the metric did not ask for is None."""

    sample: Sample
    size_hw: tuple[int, int]
    pixels: Counts | None = None
    complexity: Complexity | None = None
    census: Census | None = None

    @property
    def diagonal(self) -> float:
        """Length of the diagonal in pixels."""
        return float(np.hypot(*self.size_hw))


@dataclass(frozen=True)
class Statistics:
    """The statistics of a data set, images in the order of its samples."""

    name: str
    taxonomy: Taxonomy
    definition: Definition
    images: tuple[ImageStatistics, ...]
    failures: tuple[tuple[str, str], ...]
    """Label file and reason, for what could not be measured."""
    measured: int
    """Label files that were read; the others were known from an earlier run."""

    @property
    def mipq(self) -> NDArray[np.float64]:
        """MIPQ of every image that has one, shape (n,)."""
        return mipq_values(self.images)


def collect(
    dataset: Dataset,
    *,
    metric: Metric,
    definition: Definition,
    min_area: int,
    workers: Workers,
    cache: CountsCache,
) -> Statistics:
    """Measure every label map of a data set that the cache does not know.

    Args:
        dataset: The samples and their taxonomy.
        metric: What is wanted.
        definition: How perimeters are measured.
        min_area: Classes with fewer pixels have no IPQ.
        workers: Who reads the files.
        cache: What is known already; new counts are added one by one.
    """
    needed = needed_for(metric, definition)
    known: dict[Path, LabelCounts] = {}
    failures: list[tuple[str, str]] = []
    unknown: list[Path] = []
    partly_known: dict[Path, LabelCounts] = {}
    for path in dict.fromkeys(sample.label_path for sample in dataset.samples):
        counts = cache.find(path)
        if needed <= counts.keys():
            known[path] = counts
        else:
            unknown.append(path)
            partly_known[path] = counts
    count = partial(count_labels, taxonomy=dataset.taxonomy, needed=needed)
    for done in run(count, unknown, workers=workers, title="measure" if unknown else ""):
        if done.result is not None:
            known[done.item] = partly_known.get(done.item, {}) | done.result
            cache.add(done.item, known[done.item])
        else:
            failures.append((str(done.item), str(done.failure)))
    statistics = partial(_statistics, definition=definition, min_area=min_area)
    for path, counts in known.items():  # what else happens to be known must not show
        known[path] = {name: counts[name] for name in needed}
    return Statistics(
        dataset.root.absolute().name,
        dataset.taxonomy,
        definition,
        images=tuple(
            statistics(sample, known[sample.label_path])
            for sample in dataset.samples
            if sample.label_path in known
        ),
        failures=tuple(sorted(failures)),
        measured=len(unknown) - len(failures),
    )


def _statistics(
    sample: Sample, counts: LabelCounts, *, definition: Definition, min_area: int
) -> ImageStatistics:
    size_hw = counts["height"], counts["width"]
    if not counts.keys() >= needed_for("mipq", definition):
        return ImageStatistics(sample, size_hw)
    pixels = by_id(counts["pixels"])
    lengths = read_perimeters(counts, definition)
    complexity = quotients(pixels, lengths, min_area=min_area)
    return ImageStatistics(sample, size_hw, pixels, complexity, read_census(counts))


def mipq_values(images: Sequence[ImageStatistics]) -> NDArray[np.float64]:
    """Give the mIPQ of every image that has one, shape (n,)."""
    values = [image.complexity.mipq for image in images if image.complexity]
    array = np.array(values, dtype=np.float64)
    return array[np.isfinite(array)]
