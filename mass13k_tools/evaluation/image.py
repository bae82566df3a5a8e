"""The scores of one image, from its two files."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mass13k_tools.arrays import IGNORE, Counts, LabelMap
from mass13k_tools.classes import Taxonomy
from mass13k_tools.evaluation.pairs import Pair
from mass13k_tools.evaluation.scored_set import ScoredImage
from mass13k_tools.images import read_label_map
from mass13k_tools.ops.bands import band_width
from mass13k_tools.ops.census import THIN_PX
from mass13k_tools.ops.hce import hce
from mass13k_tools.ops.mba import mba
from mass13k_tools.ops.mistakes import (
    SMALL_PX,
    Mistakes,
    Window,
    mistakes,
    worst_windows,
    wrong_pixels,
)
from mass13k_tools.ops.score_sums import BAND_RATIO, confusion, pair_sums

WINDOW_PX = 512


@dataclass(frozen=True, slots=True)
class Settings:
    """What is counted besides the protocol's own scores."""

    other_ratios: tuple[float, ...] = ()
    """Further widths of BIoU bands, as shares of the diagonal."""
    thin_px: int = THIN_PX
    """Structures that no square of this side fits into count as thin."""
    small_px: int = SMALL_PX
    """Components with fewer pixels count as small."""
    windows: int = 20
    """How many of the worst windows are listed, of an image and of all."""
    binary: int | None = None
    """Class that HCE and mBA are measured of, against everything else."""

    @property
    def band_ratios(self) -> tuple[float, ...]:
        """The protocol's ratio, then the others."""
        return (BAND_RATIO, *self.other_ratios)


class BinaryScores(NamedTuple):
    """Scores of one class against everything else."""

    hce: int
    """Human correction effort, in clicks; less is better."""
    mba: float
    """Mean boundary accuracy, 0..1; nan without a boundary."""


@dataclass(frozen=True)
class ImageScores:
    """One image's part of every score."""

    scored: ScoredImage
    mistakes: Mistakes
    windows: tuple[Window, ...]
    """Those with the most wrong pixels, the worst first."""
    binary: BinaryScores | None = None


class Outcome(NamedTuple):
    """What comes back from a worker."""

    scores: ImageScores
    confusion: Counts
    """Labelled pixels, shape (K, K + 1): true class by predicted class, last: none."""


def score_image(pair: Pair, taxonomy: Taxonomy, settings: Settings) -> Outcome:
    """Read a pair of label maps and count what the scores are made of.

    Raises:
        DatasetError: A file cannot be read, holds a value that is no class, or the sizes differ.
    """
    truth = read_label_map(pair.truth_path, taxonomy)
    prediction = read_label_map(pair.prediction_path, taxonomy)
    return score_label_maps(
        prediction, truth, taxonomy, settings=settings, key=pair.key, split=pair.split
    )


def score_label_maps(
    prediction: LabelMap,
    truth: LabelMap,
    taxonomy: Taxonomy,
    *,
    settings: Settings,
    key: str,
    split: str,
) -> Outcome:
    """Count what the scores of a prediction are made of.

    Args:
        prediction: Class ids, shape (H, W), uint8, 255 = no class.
        truth: Class ids, shape (H, W), uint8, 255 = ignore.
        taxonomy: The classes that are scored.
        settings: What is counted besides the protocol's own scores.
        key: Of the sample.
        split: Of the sample.

    Raises:
        DatasetError: A map holds a value that is no class, or the sizes differ.
    """
    ids = taxonomy.ids
    wrong = wrong_pixels(prediction, truth)
    counts = confusion(prediction, truth)
    sums = pair_sums(prediction, truth, ids, band_ratios=settings.band_ratios, counts=counts)
    scores = ImageScores(
        ScoredImage(key, split, (truth.shape[0], truth.shape[1]), sums),
        mistakes(
            prediction,
            truth,
            band_px=band_width(truth.shape, BAND_RATIO),
            thin_px=settings.thin_px,
            small_px=settings.small_px,
            rest_id=taxonomy.rest_id,
        ),
        tuple(worst_windows(wrong, side_px=WINDOW_PX, most=settings.windows)),
        _binary_scores(prediction, truth, settings.binary),
    )
    return Outcome(scores, counts[np.ix_(ids, [*ids, IGNORE])])


def _binary_scores(
    prediction: LabelMap, truth: LabelMap, class_id: int | None
) -> BinaryScores | None:
    """Compare one class with the rest; nothing is predicted where the truth is ignored."""
    if class_id is None:
        return None
    predicted = (prediction == class_id) & (truth != IGNORE)
    true = truth == class_id
    return BinaryScores(hce(predicted, true).total, mba(predicted, true))
