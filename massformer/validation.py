"""Scores of a network on whole images, as ``mass13k evaluate`` gives them for label maps."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from mass13k_tools.arrays import LabelMap
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.evaluation.collect import Evaluation
from mass13k_tools.evaluation.image import Outcome, Settings, score_label_maps
from mass13k_tools.loader.sources import Source
from mass13k_tools.loader.whole import WholeLoader
from mass13k_tools.ops.score_sums import pair_sums
from mass13k_tools.ops.scores import Scores
from massformer.engine import Run, kept_network
from massformer.inference.predictor import Predictor
from massformer.inference.predictor import Settings as HowToPredict
from massformer.ranks import Ranks
from massformer.run_data import Looked, RunData


class Predicted(NamedTuple):
    """A sample and what the network makes of it."""

    key: str
    label_map: LabelMap
    """Predicted class ids, shape (H, W), uint8."""
    truth: LabelMap
    """Class ids, shape (H, W), uint8, 255 = ignore."""


def validating(run: Run, taxonomy: Taxonomy) -> Predictor:
    """Give the network of a run as it is validated: within the memory that the settings allow."""
    how = HowToPredict(memory_gb=run.config.train.validation_gb or None)
    return Predictor(kept_network(run, taxonomy), how, device=str(run.ranks.device))


def check_validation(run: Run, data: RunData, looked: Mapping[str, Looked]) -> None:
    """Make sure before the first step that images can be validated in the memory allowed.

    Args:
        run: About to begin.
        data: Of the run.
        looked: What some samples of every split hold.

    Raises:
        DatasetError: The largest of them cannot.
    """
    if data.truth is None:
        return
    settings = run.config
    try:
        validating(run, data.truth.taxonomy).grid(looked[settings.data.val_split].largest_hw)
    except DatasetError as error:
        raise DatasetError(f"train.validation_gb: {error}") from error


def predicted(
    predictor: Predictor, source: Source, ranks: Ranks, *, workers: int = 0
) -> Iterator[Predicted]:
    """Predict this rank's samples, one after the other; workers read ahead.

    Raises:
        DatasetError: A sample cannot be read, or its classes are not those of the network.
    """
    if source.taxonomy.ids != predictor.taxonomy.ids:
        raise DatasetError(
            f"the network knows the classes {predictor.taxonomy.ids}, but the data set has "
            f"{source.taxonomy.ids}"
        )
    loader = WholeLoader(source, rank=ranks.rank, ranks=ranks.count, workers=workers)
    try:
        for sample in loader:
            image = np.ascontiguousarray(sample["image"].permute(1, 2, 0).numpy())
            label_map = predictor.predict(image).label_map
            yield Predicted(sample["key"], label_map, sample["label"].numpy())
    finally:
        loader.close()


def validate(
    predictor: Predictor,
    source: Source,
    ranks: Ranks,
    *,
    workers: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Scores | None:
    """Score a network, all ranks together; the same on every rank, for any number of them.

    Args:
        predictor: Of the network, the same on every rank.
        source: Images and truth.
        ranks: This process among those that score together.
        workers: Processes that read ahead.
        stop: Asked after every image whether to leave it at that.

    Returns:
        The scores; None where a rank was to stop.

    Raises:
        DatasetError: As :func:`predicted`.
    """
    sums = []
    for each in predicted(predictor, source, ranks, workers=workers):
        sums.append(pair_sums(each.label_map, each.truth, source.taxonomy.ids))
        if stop():
            break
    if ranks.any(stop()):
        return None
    gathered = ranks.gathered(sums)
    return Scores(reduce(add, (each for part in gathered for each in part)))


def evaluation_of(
    name: str, outcomes: list[Outcome], predictor: Predictor, settings: Settings
) -> Evaluation:
    """Put the scores of images together, in the order of their keys.

    Args:
        name: What the network is called in tables.
        outcomes: From :func:`score_predicted`, of all ranks.
        predictor: What was scored.
        settings: With what it was.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.scores.scored.key)
    return Evaluation(
        name,
        predictor.taxonomy,
        settings,
        tuple(outcome.scores for outcome in ordered),
        reduce(add, (outcome.confusion for outcome in ordered)),
    )


def score_predicted(
    each: Predicted, predictor: Predictor, *, split: str, settings: Settings
) -> Outcome:
    """Count what the scores of a prediction are made of."""
    return score_label_maps(
        each.label_map,
        each.truth,
        predictor.taxonomy,
        settings=settings,
        key=each.key,
        split=split,
    )
