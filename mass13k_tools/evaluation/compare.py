"""How far apart two sets of predictions are, and how sure that is."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from mass13k_tools.captures import group_of
from mass13k_tools.evaluation.scored_set import ScoredImage, ScoredSet, aligned
from mass13k_tools.ops.bootstrap import Draws, Units, bootstrap_differences
from mass13k_tools.ops.score_sums import TOLERANCES, Sums
from mass13k_tools.ops.scores import Scores, Values, mean

Unit = Literal["image", "capture"]
FEW = 20  # units; intervals from fewer are too narrow, as docs/compare.md measures

METRICS = (
    "miou",
    "biou",
    *(f"bf1_{name}" for name in TOLERANCES),
    *(f"bf1_per_image_{name}" for name in TOLERANCES),
    "accuracy",
)


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made."""

    resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0
    unit: Unit = "image"
    """What is drawn: images, or all images shot together."""
    pattern: str | None = None
    """Regular expression that names a key's capture, see ``captures.group_of``."""


class Paired(NamedTuple):
    """One number of two sets of predictions, fractions of 1, nan where undefined."""

    a: float
    b: float
    low: float
    """Lower end of the interval of the difference."""
    high: float
    defined: float
    """Share of the resamples in which the difference is defined, the interval is of those."""

    @property
    def difference(self) -> float:
        """B minus A."""
        return self.b - self.a

    @property
    def excludes_zero(self) -> bool:
        """Whether all of the interval is on one side of 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """Two sets of predictions of the same images."""

    a: ScoredSet
    b: ScoredSet
    """Images in the order of ``a``."""
    resampling: Resampling
    units: int
    """How many there are to draw from."""
    metrics: dict[str, Paired]
    """By the names of ``METRICS``."""
    iou: list[Paired]
    """By class."""
    biou: list[Paired]
    """By class."""

    @property
    def pairs(self) -> list[tuple[ScoredImage, ScoredImage]]:
        """Every image as A and as B have it."""
        return list(zip(self.a.images, self.b.images, strict=True))

    def is_clear(self, value: Paired) -> bool:
        """Tell whether a difference is to be marked: a single unit shows no spread at all."""
        return value.excludes_zero and self.units > 1


def compare(a: ScoredSet, b: ScoredSet, *, resampling: Resampling) -> Comparison:
    """Compare two sets of predictions, number by number.

    Args:
        a: Predictions.
        b: Other predictions of the same images, in any order.
        resampling: How intervals are made.

    Returns:
        Differences B - A with percentile intervals of a paired bootstrap over images.

    Raises:
        DatasetError: The two are not of the same classes, images or label maps.
    """
    b = aligned(a, b)
    units = units_of(a.images, unit=resampling.unit, pattern=resampling.pattern)
    differences = bootstrap_differences(
        [image.sums for image in a.images],
        [image.sums for image in b.images],
        score_values,
        draws=Draws(units, resampling.resamples, resampling.seed),
    )
    found = [
        Paired(of_a, of_b, *_interval(column, resampling.confidence))
        for of_a, of_b, column in zip(
            score_values(a.sums).tolist(), score_values(b.sums).tolist(), differences.T, strict=True
        )
    ]
    first, classes = len(METRICS), len(a.taxonomy.ids)
    return Comparison(
        a,
        b,
        resampling,
        units=int(units.max()) + 1,
        metrics=dict(zip(METRICS, found[:first], strict=True)),
        iou=found[first : first + classes],
        biou=found[first + classes :],
    )


def score_values(sums: Sums) -> Values:
    """Give every number that is compared, for sums of one data set or of many draws of it.

    Args:
        sums: With axes before the last one or not, such as (T, K) or (T, B, K).

    Returns:
        Shape (V,) or (B, V), float64: ``METRICS``, IoU by class, BIoU by class.
    """
    scores = Scores(sums)
    biou = scores.biou[0]
    means = [*map(mean, (scores.iou, biou, *scores.bf1, *scores.bf1_per_image)), scores.accuracy]
    return np.concatenate([np.stack(means, axis=-1), scores.iou, biou], axis=-1)


def _interval(differences: Values, confidence: float) -> tuple[float, float, float]:
    """Take quantiles of what is defined: low, high and the share that is."""
    defined = differences[np.isfinite(differences)]
    if not defined.size:
        return np.nan, np.nan, 0.0
    outside = (1 - confidence) / 2
    low, high = np.quantile(defined, [outside, 1 - outside])
    return float(low), float(high), defined.size / differences.size


def units_of(images: Sequence[ScoredImage], *, unit: Unit, pattern: str | None) -> Units:
    """Number what is drawn together, shape (N,), from 0 in the order of the images.

    Images whose name tells of no capture are drawn alone.
    """
    numbers: dict[Hashable, int] = {}
    found = []
    for image in images:
        capture = group_of(image.key, pattern=pattern) if unit == "capture" else None
        name: Hashable = capture if capture is not None else (image.split, image.key)
        found.append(numbers.setdefault(name, len(numbers)))
    return np.array(found, dtype=np.intp)
