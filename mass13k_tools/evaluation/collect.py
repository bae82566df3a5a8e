"""From pairs of label maps to the scores of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from operator import add

import numpy as np

from mass13k_tools.arrays import Counts
from mass13k_tools.classes import Taxonomy
from mass13k_tools.evaluation.image import ImageScores, Settings, score_image
from mass13k_tools.evaluation.pairs import Pair
from mass13k_tools.evaluation.scored_set import ScoredSet
from mass13k_tools.ops.bands import band_width
from mass13k_tools.ops.mistakes import Mistakes, Window
from mass13k_tools.ops.score_sums import Sums, tolerances_px
from mass13k_tools.ops.scores import Scores
from mass13k_tools.pool import Workers, run


@dataclass(frozen=True)
class Evaluation:
    """The scores of a folder of predictions, images in the order of their pairs."""

    name: str
    """Of the predictions."""
    taxonomy: Taxonomy
    settings: Settings
    images: tuple[ImageScores, ...]
    confusion: Counts
    """Labelled pixels, shape (K, K + 1): true class by predicted class, last: none."""
    failures: tuple[tuple[str, str], ...] = ()
    """Prediction and reason, for what could not be scored."""

    @cached_property
    def scored(self) -> ScoredSet:
        """What every image adds to the scores."""
        return ScoredSet(self.name, self.taxonomy, tuple(image.scored for image in self.images))

    @property
    def sums(self) -> Sums:
        """All images together."""
        return self.scored.sums

    @cached_property
    def scores(self) -> Scores:
        """The scores of the data set."""
        return Scores(self.sums)

    @cached_property
    def mistakes(self) -> Mistakes:
        """Wrong pixels of all images by kind."""
        return reduce(add, (image.mistakes for image in self.images))

    @property
    def splits(self) -> list[str]:
        """Splits of the images, in their order."""
        return list(dict.fromkeys(image.scored.split for image in self.images))

    def band_widths_px(self, ratio: float) -> list[int]:
        """The band widths that a ratio comes to, from the narrowest to the widest."""
        return sorted({band_width(size_hw, ratio) for size_hw in self._sizes})

    def tolerances_px(self) -> list[list[float]]:
        """The pixels that each boundary F1 tolerance comes to, from the fewest to the most."""
        of_sizes = [tolerances_px(size_hw) for size_hw in self._sizes]
        return [sorted({*column}) for column in zip(*of_sizes, strict=True)]

    @cached_property
    def _sizes(self) -> set[tuple[int, int]]:
        return {image.scored.size_hw for image in self.images}

    def worst_windows(self) -> list[tuple[ImageScores, Window]]:
        """Of all images, the windows with the most wrong pixels."""
        windows = [(image, window) for image in self.images for window in image.windows]
        return sorted(windows, key=lambda row: -row[1].wrong)[: self.settings.windows]


def evaluate(
    name: str,
    pairs: Sequence[Pair],
    taxonomy: Taxonomy,
    *,
    settings: Settings,
    workers: Workers,
) -> Evaluation:
    """Score every pair.

    Args:
        name: What the predictions are called in tables.
        pairs: Label maps and their predictions, at least one.
        taxonomy: The classes that are scored.
        settings: What is counted besides the protocol's own scores.
        workers: Where the work is done.

    Returns:
        The same for any workers. Pairs that could not be read are in ``failures``.
    """
    done: dict[Pair, ImageScores] = {}
    failures = []
    confusion = np.zeros((len(taxonomy.ids), len(taxonomy.ids) + 1), dtype=np.int64)
    score = partial(score_image, taxonomy=taxonomy, settings=settings)
    for outcome in run(score, pairs, workers=workers, title="scoring"):
        if outcome.result is None:
            failures.append((str(outcome.item.prediction_path), outcome.failure or ""))
        else:
            done[outcome.item] = outcome.result.scores
            confusion += outcome.result.confusion
    images = tuple(done[pair] for pair in pairs if pair in done)
    return Evaluation(name, taxonomy, settings, images, confusion, tuple(sorted(failures)))
