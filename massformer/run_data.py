"""What a run learns from and is scored on, looked at before its first step."""

import logging
import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.damage import Damaged, read_or_damaged
from mass13k_tools.loader.resize import Size
from mass13k_tools.loader.sources import Source, whole_box
from massformer.data import open_split
from massformer.ranks import Ranks
from massformer.run_config import DataConfig

log = logging.getLogger(__name__)

LOOKED_AT = 32  # samples of a split, spread over it
Pixels = NDArray[np.int64]  # how many have each id, shape (256,)


class Looked(NamedTuple):
    """What samples of a split hold."""

    pixels: Pixels
    """How many of all of them have each id."""
    largest_hw: Size
    """Height and width of the one with the most pixels."""


class RunData(NamedTuple):
    """What a run learns from, and what it is scored on."""

    source: Source
    truth: Source | None
    """With the same classes; None without validation."""


def open_data(settings: DataConfig) -> RunData:
    """Open the splits that the settings name.

    Raises:
        DatasetError: No data set is named, there is none, or no such split.
    """
    source = open_split(settings, settings.train_split)
    val = settings.val_split
    return RunData(source, open_split(settings, val, source.taxonomy) if val else None)


def check_data(data: RunData, settings: DataConfig, ranks: Ranks) -> dict[str, Looked]:
    """Read some samples of every split, so that what is wrong with all of them is said at once.

    Args:
        data: From :func:`open_data`.
        settings: Of the same.
        ranks: Share the work, and fail together.

    Returns:
        What the samples that were read hold, by split.

    Raises:
        DatasetError: A sample cannot be read, its label map has values that are no classes or
            another size than the image, or none of a split has any class.
    """
    looked = {
        settings.train_split: _look(
            data.source, settings.train_split, ranks, skip=settings.skip_damaged
        )
    }
    if data.truth is not None:
        looked[settings.val_split] = _look(data.truth, settings.val_split, ranks, skip=False)
    return looked


def _look(source: Source, split: str, ranks: Ranks, *, skip: bool) -> Looked:
    numbers = np.linspace(0, len(source) - 1, min(LOOKED_AT, len(source))).round().astype(int)
    own = [
        read_or_damaged(partial(_look_at, source, int(number)), source.keys[number])
        for number in numbers[ranks.rank :: ranks.count]
    ]
    seen = [each for part in ranks.gathered(own) for each in part]
    damaged = [each for each in seen if isinstance(each, Damaged)]
    if damaged and not skip:
        raise DatasetError(
            f"{damaged[0].reason} ({len(damaged)} of {len(seen)} samples of split '{split}' that "
            "were looked at cannot be used; 'mass13k check' lists all)"
        )
    whole = [each for each in seen if not isinstance(each, Damaged)]
    pixels = sum((each.pixels for each in whole), np.zeros(IGNORE + 1, np.int64))
    classes = [row.name for row in source.taxonomy.classes if pixels[row.id]]
    where = f"in {len(seen)} samples of split '{split}' that were looked at"
    if not classes:
        raise DatasetError(
            f"no pixel has a class {where}, all are ignored; expected label maps of the classes of "
            f"taxonomy '{source.taxonomy.name}'"
        )
    if len(classes) == 1 and ranks.first:
        log.warning("'%s' is the only class %s; are these the right label maps?", classes[0], where)
    return Looked(pixels, max((each.largest_hw for each in whole), key=math.prod))


def _look_at(source: Source, number: int) -> Looked:
    """Count the ids of a sample; reading them finds values that are no classes."""
    label_map = source.label_region(number, whole_box(source, number))
    source.image_region(number, (0, 0, 1, 1))  # which also finds that it has another size
    pixels = np.bincount(label_map.ravel(), minlength=IGNORE + 1)
    return Looked(pixels, source.size_hw(number))
