"""Measures the photos one after another beside the viewer: what a gallery filters and sorts by."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import numpy as np

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Predictions
from mass13k_tools.ops.complexity import Definition, quotients
from mass13k_tools.ops.mistakes import wrong_pixels
from mass13k_tools.printing import finite
from mass13k_tools.stats.cache import CountsCache, open_cache
from mass13k_tools.stats.counts import (
    LabelCounts,
    by_id,
    count_labels,
    label_counts,
    needed_for,
    read_perimeters,
)
from mass13k_tools.viewer.layers import PREDICTION, Layers
from mass13k_tools.viewer.photos import FolderPhotos

DEFINITION: Definition = "contour"
NEEDED = needed_for("mipq", DEFINITION)


class Measured(NamedTuple):
    """What is known of a photo. Lists by class follow the taxonomy, lists by prediction --pred."""

    height: int | None = None
    width: int | None = None
    mipq: float | None = None
    boundary: float | None = None
    """Length of all boundaries by area, pixels of line a thousand pixels."""
    shares: list[float] = []  # noqa: RUF012  tuples of JSON are lists; never changed
    """Of 1, by class."""
    ipqs: list[float | None] = []  # noqa: RUF012
    wrong: list[float | None] = []  # noqa: RUF012
    """Share of labelled pixels that are wrong, by prediction; None without one."""
    error: str | None = None
    """Why it cannot be measured."""


class Measuring:
    """Knows more photos the longer it runs, in their order."""

    def __init__(self, layers: Layers, *, cache_path: Path | None = None) -> None:
        """Take photos and predictions.

        Args:
            layers: Of the photos.
            cache_path: Where 'mass13k stats' keeps its counts; None: in the user's cache folder.
        """
        self.layers = layers
        self.cache_path = cache_path
        self.rows: list[Measured] = []
        self._stop = Event()

    @property
    def complete(self) -> bool:
        """Whether all photos are known."""
        return len(self.rows) == len(self.layers.photos.samples)

    def run(self) -> None:
        """Measure all that are left."""
        with open_cache(self.cache_path, self.layers.photos.taxonomy) as cache:
            for number in range(len(self.rows), len(self.layers.photos.samples)):
                if self._stop.is_set():
                    return
                self.rows.append(self._measured(number, cache))

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Measure in a thread of its own while the block runs."""
        thread = Thread(target=self.run, name="measuring", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(timeout=5)

    def _measured(self, number: int, cache: CountsCache) -> Measured:
        try:
            counts = self._counts(number, cache)
        except DatasetError as error:
            return Measured(error=str(error))
        taxonomy = self.layers.photos.taxonomy
        areas, lengths = by_id(counts["pixels"]), read_perimeters(counts, DEFINITION)
        complexity = quotients(areas, lengths)
        pixels = counts["height"] * counts["width"]
        return Measured(
            counts["height"],
            counts["width"],
            finite(complexity.mipq),
            1000 * float(lengths.sum()) / 2 / pixels,
            [round(float(areas[each]) / pixels, 6) for each in taxonomy.ids],
            [finite(float(complexity.ipq[each])) for each in taxonomy.ids],
            [
                self._wrong(number, index, each)
                for index, each in enumerate(self.layers.predictions)
            ],
        )

    def _counts(self, number: int, cache: CountsCache) -> LabelCounts:
        photos = self.layers.photos
        if not isinstance(photos, FolderPhotos) or not photos.near:
            return label_counts(photos.label_map(number), needed=NEEDED)
        path = photos.samples[number].label_path
        known = cache.find(path)
        if not known.keys() >= NEEDED:
            known = known | count_labels(path, taxonomy=photos.taxonomy, needed=NEEDED)
            cache.add(path, known)
        return known

    def _wrong(self, number: int, index: int, predictions: Predictions) -> float | None:
        sample = self.layers.photos.samples[number]
        if (sample.split, sample.key) not in predictions.paths:
            return None
        try:
            truth = self.layers.whole(number, "labels")
            wrong = wrong_pixels(self.layers.whole(number, f"{PREDICTION}{index}"), truth)
        except DatasetError:
            return None  # the photo's own page says why
        return round(float(np.count_nonzero(wrong)) / truth.size, 6)
