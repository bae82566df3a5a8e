"""What the scenes are called and which split they lie in: a pure function of number and seed."""

import re
from typing import NamedTuple

import numpy as np

CITIES = (
    *("harbourtown", "eastbridge", "lindenau", "saltmere", "oldquay", "marrowfield"),
    *("westhaven", "tarnford", "brightwater", "kestrelhill", "fenwick", "rosehaven"),
)
SCENE_KEY = re.compile(rf"\d{{5,}}_b\d\d+_\d{{8}}_({'|'.join(CITIES)})_id\d{{4,}}")  # nobody else's
PER_CAPTURE = 2  # scenes shot on one day in one city; they stay in one split
PER_BATCH = 8

# Splits of captures 0, 1, 2 …, repeated: each split has a capture among the first three
CAPTURE_SPLITS = ("train", "val", "test", *("train",) * 4, "val", "train", "test", "train", "train")


class SceneName(NamedTuple):
    """Where a scene belongs."""

    key: str
    """In the released style: number, batch, date, city, id."""
    split: str
    capture: int


def scene_name(index: int, *, seed: int) -> SceneName:
    """Name scene ``index``; all scenes of a capture share date, city and split.

    Example:
        >>> scene_name(3, seed=0).split
        'val'
    """
    capture = index // PER_CAPTURE
    shift = int(np.random.default_rng([seed, 1]).integers(len(CITIES)))
    city = CITIES[(capture + shift) % len(CITIES)]
    day = (
        np.datetime64("2026-03-01")
        + 5 * capture
        + int(np.random.default_rng([seed, 2, capture]).integers(5))
    )
    date = str(day).replace("-", "")
    batch = index // PER_BATCH + 1
    key = f"{index:05d}_b{batch:02d}_{date}_{city}_id{index:04d}"
    return SceneName(key, CAPTURE_SPLITS[capture % len(CAPTURE_SPLITS)], capture)
