"""Finds what two splits share: keys, images byte for byte, captures."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import check_ordinary
from mass13k_tools.layouts import Dataset, Sample, split_rank
from mass13k_tools.splits.lists import OFFICIAL_COUNTS, captures_of

Property = TypeVar("Property", bound=Hashable)
Kind = Literal[
    "no-splits",
    "unlisted",
    "not-official",
    "key-in-two-splits",
    "duplicate-image",
    "capture-in-two-splits",
]


@dataclass(frozen=True, slots=True)
class SplitProblem:
    """One thing that is wrong with a data set's splits."""

    kind: Kind
    severity: Literal["error", "warning"]
    found: str
    counts: Mapping[str, int]
    """Split -> how many samples are concerned."""


def split_counts(samples: Iterable[Sample]) -> dict[str, int]:
    """Count the samples of every split, in the order of splits."""
    counts = Counter(sample.split for sample in samples)
    return {split: counts[split] for split in sorted(counts, key=split_rank)}


def is_official(counts: Mapping[str, int]) -> bool:
    """Tell whether these are the counts of MaSS13K's own splits."""
    return dict(counts) == OFFICIAL_COUNTS


def verify_splits(
    dataset: Dataset, *, pattern: str | None = None, official: bool = False, strict: bool = False
) -> list[SplitProblem]:
    """List what is wrong with the splits of a data set.

    Args:
        dataset: Samples with their splits.
        pattern: Regular expression that names a key's capture; see :func:`splits.captures_of`.
        official: Expect the counts of MaSS13K's own splits.
        strict: A capture in two splits is an error, not a warning.

    Returns:
        Errors: no splits at all, samples without split, other counts than the official ones, a key
        in two splits, an image file in two splits. Warnings: captures in two splits.

    Raises:
        DatasetError: An image cannot be read.
    """
    counts = split_counts(dataset.samples)
    problems = [
        SplitProblem("unlisted", "error", fault.found, {})
        for fault in dataset.faults
        if fault.kind == "unlisted"
    ]
    if set(counts) == {"all"}:
        problems.append(SplitProblem("no-splits", "error", "all samples are in one split", counts))
    if official and not is_official(counts):
        wanted = ", ".join(f"{split} {count:,}" for split, count in OFFICIAL_COUNTS.items())
        problems.append(
            SplitProblem("not-official", "error", f"not the official counts ({wanted})", counts)
        )
    by_key = _shared((sample.key, sample) for sample in dataset.samples)
    problems += [
        SplitProblem("key-in-two-splits", "error", f"key '{key}'", split_counts(samples))
        for key, samples in by_key.items()
    ]
    problems += [
        SplitProblem("duplicate-image", "error", _names(samples), split_counts(samples))
        for samples in same_images(dataset.samples)
    ]
    captures = captures_of(dataset, pattern=pattern)
    by_capture = _shared(
        (capture, sample) for sample, capture in captures.items() if sample.key not in by_key
    )
    return problems + [
        SplitProblem(
            "capture-in-two-splits",
            "error" if strict else "warning",
            f"capture '{capture}'",
            split_counts(samples),
        )
        for capture, samples in by_capture.items()
    ]


def same_images(samples: Iterable[Sample]) -> list[list[Sample]]:
    """Find image files that are equal byte for byte and in different splits.

    Only files of equal size are read.

    Args:
        samples: Samples with their splits.

    Returns:
        Sets of samples with equal images, each set from at least two splits.

    Raises:
        DatasetError: A file cannot be read.
    """
    try:
        by_size = _shared((sample.image_path.stat().st_size, sample) for sample in samples)
        by_hash = _shared(
            (_sha256(sample.image_path), sample) for some in by_size.values() for sample in some
        )
    except OSError as error:
        raise DatasetError(f"cannot read '{error.filename}': {error.strerror}") from error
    return list(by_hash.values())


def _shared(pairs: Iterable[tuple[Property, Sample]]) -> dict[Property, list[Sample]]:
    """Gather samples by a property; keep what samples of different splits have in common."""
    gathered: dict[Property, list[Sample]] = defaultdict(list)
    for shared, sample in pairs:
        gathered[shared].append(sample)
    return {
        shared: samples
        for shared, samples in gathered.items()
        if len({sample.split for sample in samples}) > 1
    }


def _names(samples: Iterable[Sample]) -> str:
    return "image " + " = ".join(f"'{sample.image_path}'" for sample in samples)


def _sha256(path: Path) -> bytes:
    check_ordinary(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
