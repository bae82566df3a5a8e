"""Compares the samples with each other: keys, equal images, images that look the same."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.checks.image_file import Fingerprint
from mass13k_tools.checks.problems import Problem, file_name
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.duplicates import (
    HASH_BITS,
    NEAR_PEAK,
    NearPairs,
    near_pairs,
    peak_difference,
)

TRIES = 16  # candidates per image that are compared by thumbnail; a fixed camera has thousands
LEAK = "across splits: leak; take one of the two away, or 'mass13k split draw' new splits"
SPARE = "take one of the two away"

Prints = Mapping[Sample, Fingerprint]


def repeated_keys(samples: Sequence[Sample], root: Path) -> Iterator[Problem]:
    """Report every key that an earlier split has too.

    Args:
        samples: In the order of splits.
        root: Reports name files relative to it.
    """
    first: dict[str, Sample] = {}
    for sample in samples:
        earlier = first.setdefault(sample.key, sample)
        if earlier.split != sample.split:
            yield Problem(
                kind="key-in-two-splits",
                split=sample.split,
                key=sample.key,
                path=sample.image_path,
                found=f"split {earlier.split} has '{file_name(earlier.image_path, root)}'",
                expected="a key in one split only",
                hint="give one of the two samples another name, or take it away if it is a copy",
            )


def equal_images(prints: Prints, root: Path) -> Iterator[Problem]:
    """Report every image whose bytes an earlier image has too, another split's if there is one.

    Args:
        prints: In the order of samples.
        root: Reports name files relative to it.
    """
    by_bytes: dict[bytes, list[Sample]] = defaultdict(list)
    for sample, fingerprint in prints.items():
        earlier = by_bytes[fingerprint.sha256]
        if earlier:
            # min keeps the first of equals
            other = min(earlier, key=lambda one: one.split == sample.split)
            yield _copy("duplicate-image", sample, other, f"same bytes as {_name(other, root)}")
        earlier.append(sample)


def similar_images(prints: Prints, root: Path) -> Iterator[Problem]:
    """Report every image that looks like an earlier one, another split's if there is one.

    Args:
        prints: In the order of samples.
        root: Reports name files relative to it.
    """
    first: dict[bytes, Sample] = {}
    for sample, look in prints.items():  # images of equal bytes are reported already
        first.setdefault(look.sha256, sample)
    samples = list(first.values())
    looks = [prints[sample] for sample in samples]
    splits = np.array([sample.split for sample in samples])
    hashes = np.array([look.hash for look in looks])
    for pairs in near_pairs(hashes) if samples else ():
        for later, near in groupby(_nearest(pairs, splits), key=lambda pair: pair[1]):
            for earlier, _, bits in near:
                peak = peak_difference(looks[later].small, looks[earlier].small)
                if peak <= NEAR_PEAK:
                    difference = f"{bits} of {HASH_BITS} hash bits, {peak:.0%} of the contrast"
                    found = f"looks like {_name(samples[earlier], root)} (differ in {difference})"
                    yield _copy("near-duplicate", samples[later], samples[earlier], found)
                    break


def _nearest(pairs: NearPairs, splits: NDArray[np.str_]) -> list[tuple[int, int, int]]:
    """Keep a few earlier images for each later one: other splits' first, then the nearest."""
    earlier, later, bits = pairs
    order = np.lexsort((earlier, bits, splits[earlier] == splits[later], later))
    _, starts, counts = np.unique(later[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(starts, counts)
    kept = order[rank < TRIES]
    columns = (earlier[kept].tolist(), later[kept].tolist(), bits[kept].tolist())
    return list(zip(*columns, strict=True))


def _copy(kind: str, sample: Sample, other: Sample, found: str) -> Problem:
    across = sample.split != other.split
    return Problem(
        kind=kind,
        split=sample.split,
        key=sample.key,
        path=sample.image_path,
        found=found,
        expected="an image that no other split has" if across else "each image once",
        hint=LEAK if across else SPARE,
        mild=kind == "near-duplicate" and not across,
    )


def _name(sample: Sample, root: Path) -> str:
    return f"'{file_name(sample.image_path, root)}' of split {sample.split}"
