"""Draws splits: by a hash of each capture's name, or balanced over classes and complexity.

By hash, a capture's place depends on nothing but the seed and its name, so files that are added
later move no old one. A balanced draw needs quotas, which depend on all files. It therefore
replaces a capture's place in the hash order by its rank in that order within a stratum, and takes
the splits of captures that were drawn before as they are.
"""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from math import isclose, isfinite
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import split_rank
from mass13k_tools.splits.lists import Lists

FRACTIONS = {"train": 0.85, "val": 0.04, "test": 0.11}  # close to the official counts


def draw_splits(
    captures: Mapping[str, str],
    *,
    fractions: Mapping[str, float] = FRACTIONS,
    seed: int = 0,
    strata: Mapping[str, str] | None = None,
    kept: Mapping[str, str] | None = None,
) -> Lists:
    """Give every key a split; keys of one capture get the same one.

    Args:
        captures: Key -> capture that it belongs to.
        fractions: Split -> wanted share of the keys; they sum to 1.
        seed: Another seed gives another draw.
        strata: Key -> stratum, to be balanced: every stratum is shared out by ``fractions``. None
            draws by hash alone.
        kept: Key -> split of keys that were drawn before and stay where they are; further keys of
            their captures follow them.

    Returns:
        Split -> keys, both sorted; every split of ``fractions`` occurs.

    Raises:
        DatasetError: The fractions are negative or do not sum to 1.

    Example:
        >>> captures = {"a1": "a", "a2": "a", "b1": "b"}
        >>> draw_splits(captures, fractions={"train": 0.5, "test": 0.5})
        {'train': ('b1',), 'test': ('a1', 'a2')}
    """
    if not isclose(sum(fractions.values()), 1, abs_tol=1e-6) or min(fractions.values()) < 0:
        given = ", ".join(f"{split} {share:g}" for split, share in fractions.items())
        raise DatasetError(f"fractions are {given}, expected shares of at least 0 that sum to 1")
    kept = {key: split for key, split in (kept or {}).items() if key in captures}
    keys_of: dict[str, list[str]] = defaultdict(list)
    for key in sorted(captures):
        keys_of[captures[key]].append(key)

    split_of = {
        capture: _most_common(kept[key] for key in keys if key in kept)
        for capture, keys in keys_of.items()
        if any(key in kept for key in keys)
    }
    if strata is None:
        for capture in keys_of.keys() - split_of.keys():
            split_of[capture] = _split_at(_place(capture, seed), fractions)
    else:
        _share_out_strata(split_of, keys_of, strata, fractions=fractions, seed=seed)
    lists: dict[str, list[str]] = {split: [] for split in {*fractions, *kept.values()}}
    for key, capture in captures.items():
        lists[kept.get(key, split_of[capture])].append(key)
    return {split: tuple(sorted(lists[split])) for split in sorted(lists, key=split_rank)}


def strata_of(
    statistics: Iterable[Mapping[str, Any]], captures: Mapping[str, str]
) -> dict[str, str]:
    """Sort keys into strata that are alike in classes and complexity.

    A capture's stratum is its rarest class, of those present in any of its images, and the third of
    all captures that its mean mIPQ falls into.

    Args:
        statistics: The ``images`` of ``mass13k stats --json``: key, mIPQ and pixels by class.
        captures: Key -> capture that it belongs to.

    Returns:
        Key -> name of its stratum.

    Raises:
        DatasetError: A key has no statistics.
    """
    rows = {row["key"]: row for row in statistics}
    missing = sorted(captures.keys() - rows.keys())
    if missing:
        raise DatasetError(
            f"{len(missing)} keys have no statistics, such as '{missing[0]}'; "
            "run 'mass13k stats ROOT --json' on the whole data set again"
        )
    present: dict[str, set[str]] = defaultdict(set)
    values: dict[str, list[float]] = defaultdict(list)
    for key, capture in captures.items():
        present[capture].update(name for name, count in rows[key]["pixels"].items() if count)
        if rows[key]["mipq"] is not None:
            values[capture].append(rows[key]["mipq"])
    frequency = Counter(name for names in present.values() for name in names)
    mean = {capture: sum(values[capture]) / (len(values[capture]) or 1) for capture in present}
    ranked = sorted(mean, key=lambda capture: (mean[capture], capture))
    third = {capture: 3 * rank // len(ranked) for rank, capture in enumerate(ranked)}
    return {
        key: f"{min(present[capture], key=lambda name: (frequency[name], name), default='')}"
        f"/{third[capture]}"
        for key, capture in captures.items()
    }


def read_statistics(path: Path) -> list[dict[str, Any]]:
    """Read the rows that :func:`strata_of` needs from what ``mass13k stats --json`` printed.

    Raises:
        DatasetError: The file cannot be read or is something else.
    """
    expected = "expected the output of 'mass13k stats --json'"
    try:
        content = read_bytes(path, kind="statistics")
    except DatasetError as error:
        raise DatasetError(f"{error}; {expected}") from error
    try:
        rows = json.loads(content)["images"]
        if all(_is_row(row) for row in rows):
            return list(rows)
        reason = "an image lacks a sound key, mipq or pixels"
    except (ValueError, KeyError, TypeError, RecursionError):
        reason = "no list of images in it"
    raise DatasetError(f"cannot read statistics '{path}': {reason}; {expected}")


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("key"), str) or "mipq" not in row:
        return False
    mipq, pixels = row["mipq"], row.get("pixels")
    return (
        (mipq is None or (isinstance(mipq, int | float) and isfinite(mipq)))
        and isinstance(pixels, dict)
        and all(isinstance(count, int) for count in pixels.values())
    )


def parse_fractions(text: str) -> dict[str, float]:
    """Read shares of train, val and test.

    Example:
        >>> parse_fractions("0.8,0,0.2")
        {'train': 0.8, 'val': 0.0, 'test': 0.2}

    Raises:
        DatasetError: These are not three numbers.
    """
    try:
        return dict(zip(FRACTIONS, map(float, text.split(",")), strict=True))
    except ValueError as error:
        raise DatasetError(
            f"fractions are '{text}', expected three numbers such as 0.85,0.04,0.11"
        ) from error


def _share_out_strata(
    split_of: dict[str, str],
    keys_of: Mapping[str, Sequence[str]],
    strata: Mapping[str, str],
    *,
    fractions: Mapping[str, float],
    seed: int,
) -> None:
    """Add the captures that have no split yet to ``split_of``, stratum by stratum."""
    members: dict[str, list[str]] = defaultdict(list)
    for capture, keys in keys_of.items():
        members[strata[keys[0]]].append(capture)
    size = {capture: len(keys) for capture, keys in keys_of.items()}
    # Small strata come first; what rounding owes a split there is paid back in the next. Which way
    # a stratum rounds is up to the seed, or a split would miss the same strata in every draw.
    owed = dict.fromkeys(fractions, 0.0)
    for stratum in sorted(members, key=lambda name: (len(members[name]), name)):
        # Captures that are kept in a split of another draw take no part
        ours = [name for name in members[stratum] if split_of.get(name) in {None, *owed}]
        total = sum(size[capture] for capture in ours)
        for split, share in fractions.items():
            owed[split] += share * total
        for capture in ours:
            if capture in split_of:
                owed[split_of[capture]] -= size[capture]
        new = [capture for capture in ours if capture not in split_of]
        shares = dict(owed)
        new_total, before = sum(size[capture] for capture in new), 0
        offset = _place(f"stratum {stratum}", seed)
        for capture in sorted(new, key=lambda capture: (_place(capture, seed), capture)):
            place = (before + size[capture] * offset) / new_total
            split_of[capture] = _split_at(place, shares)
            owed[split_of[capture]] -= size[capture]
            before += size[capture]


def _place(capture: str, seed: int) -> float:
    """Give a capture its place in [0, 1), evenly spread and the same on every machine."""
    name = f"{seed}/{capture}".encode(errors="surrogateescape")
    digest = blake2b(name, digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def _split_at(place: float, shares: Mapping[str, float]) -> str:
    """Find the split whose stretch of the line from 0 to 1 holds the place.

    A share may be below 0, where more than enough is in a split already; it gets no stretch.
    """
    splits = [split for split, share in shares.items() if share > 0]
    ends = list(accumulate(shares[split] for split in splits))
    return splits[min(bisect_right(ends, place * ends[-1]), len(splits) - 1)]


def _most_common(splits: Iterable[str]) -> str:
    counts = Counter(splits)
    return min(counts, key=lambda split: (-counts[split], split_rank(split)))
