"""Compares the samples with each other: keys, equal images, images that look the same."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mass13k_tools.checks.image_file import Fingerprint
from mass13k_tools.checks.problems import Problem, file_name
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.duplicates import HASH_BITS, NEAR_PEAK, near_pairs, peak_difference

TRIES = 64  # candidates that are compared by thumbnail, per image; a fixed camera has thousands
LEAK = "across splits: leak; take one of the two away, or 'mass13k split draw' new splits"
SPARE = "take one of the two away"

Prints = Mapping[Sample, Fingerprint]


class Candidate(NamedTuple):
    """An earlier image with a near hash."""

    within: bool
    """Whether both are in one split."""
    bits: int
    sample: Sample
    fingerprint: Fingerprint


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
    distinct: dict[bytes, tuple[Sample, Fingerprint]] = {}
    for sample, fingerprint in prints.items():  # images of equal bytes are reported already
        distinct.setdefault(fingerprint.sha256, (sample, fingerprint))
    rows = list(distinct.values())
    hashes = np.array([fingerprint.hash for _, fingerprint in rows])
    for pairs in near_pairs(hashes) if rows else ():
        candidates: dict[int, list[Candidate]] = defaultdict(list)
        for earlier, later, bits in zip(*(column.tolist() for column in pairs), strict=True):
            within = rows[earlier][0].split == rows[later][0].split
            candidates[later].append(Candidate(within, bits, *rows[earlier]))
        for later, near in candidates.items():
            yield from _look_alike(*rows[later], near, root)


def _look_alike(
    sample: Sample, fingerprint: Fingerprint, candidates: list[Candidate], root: Path
) -> Iterator[Problem]:
    """Report the first candidate that is a copy, if there is one."""
    candidates.sort(key=lambda candidate: (candidate.within, candidate.bits))
    for candidate in candidates[:TRIES]:
        peak = peak_difference(fingerprint.small, candidate.fingerprint.small)
        if peak <= NEAR_PEAK:
            found = (
                f"looks like {_name(candidate.sample, root)} ({candidate.bits} of {HASH_BITS} hash "
                f"bits and at most {peak:.0%} of the contrast differ)"
            )
            other = candidate.sample
            yield _copy("near-duplicate", sample, other, found, mild=candidate.within)
            return


def _copy(kind: str, sample: Sample, other: Sample, found: str, *, mild: bool = False) -> Problem:
    across = sample.split != other.split
    return Problem(
        kind=kind,
        split=sample.split,
        key=sample.key,
        path=sample.image_path,
        found=found,
        expected="an image that no other split has" if across else "each image once",
        hint=LEAK if across else SPARE,
        mild=mild,
    )


def _name(sample: Sample, root: Path) -> str:
    return f"'{file_name(sample.image_path, root)}' of split {sample.split}"
