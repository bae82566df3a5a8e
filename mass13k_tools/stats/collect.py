"""From samples to the statistics of each image: cached counts first, then the label files."""

from collections.abc import Sequence, Set
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
    paths = list(dict.fromkeys(sample.label_path for sample in dataset.samples))
    found = {path: cache.find(path) for path in paths}
    missing = [path for path in paths if not needed <= found[path].keys()]
    count = partial(count_labels, taxonomy=dataset.taxonomy, needed=needed)
    failures: dict[Path, str] = {}
    for done in run(count, missing, workers=workers, title="measure" if missing else ""):
        if done.result is None:
            failures[done.item] = str(done.failure)
        else:
            found[done.item] |= done.result
            cache.add(done.item, found[done.item])
    statistics = partial(_statistics, needed=needed, definition=definition, min_area=min_area)
    return Statistics(
        dataset.root.absolute().name,
        dataset.taxonomy,
        definition,
        images=tuple(
            statistics(sample, found[sample.label_path])
            for sample in dataset.samples
            if sample.label_path not in failures
        ),
        failures=tuple(sorted((str(path), reason) for path, reason in failures.items())),
        measured=len(missing) - len(failures),
    )


def _statistics(
    sample: Sample,
    counts: LabelCounts,
    *,
    needed: Set[str],
    definition: Definition,
    min_area: int,
) -> ImageStatistics:
    counts = {name: counts[name] for name in needed}  # what else is known must not show
    size_hw = counts["height"], counts["width"]
    if "pixels" not in needed:
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
