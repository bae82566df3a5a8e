"""From samples to the statistics of a data set: cached counts first, then the label files."""

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.classes import Taxonomy
from mass13k_tools.layouts import Dataset
from mass13k_tools.ops.complexity import Definition
from mass13k_tools.pool import Workers, run
from mass13k_tools.stats.cache import CountsCache
from mass13k_tools.stats.counts import Metric, count_labels, needed_for
from mass13k_tools.stats.image import ImageStatistics, image_statistics, mipq_values
from mass13k_tools.stats.summary import ClassSummary, Summary, summarise, summarise_classes


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

    @cached_property
    def mipq(self) -> NDArray[np.float64]:
        """MIPQ of every image that has one, shape (n,)."""
        return mipq_values(self.images)

    @cached_property
    def summary(self) -> Summary:
        """All images in one row."""
        return summarise(self.name, self.images)

    @cached_property
    def classes(self) -> list[ClassSummary]:
        """One row per class, in the taxonomy's order."""
        return summarise_classes(self.images, self.taxonomy)


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
    statistics = partial(image_statistics, needed=needed, definition=definition, min_area=min_area)
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
