"""Split lists: one text file per split with a key a line, and how they change a data set."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mass13k_tools.captures import group_of
from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Dataset, PairingFault, Sample, split_rank
from mass13k_tools.layouts.table import GROUPS_ARE_CATEGORIES
from mass13k_tools.outputs import write_files

Lists = dict[str, tuple[str, ...]]  # split -> keys, both in order

OFFICIAL_COUNTS = {"train": 11348, "val": 500, "test": 1500}
RECORD = "split.json"

log = logging.getLogger(__name__)


def read_lists(folder: Path) -> Lists:
    """Read split lists.

    Args:
        folder: Holds ``NAME.txt`` for every split, one key a line; empty lines are skipped. Where
            there is a ``split.json``, only the splits that it counts are read.

    Returns:
        Split -> keys, in the order of splits, keys sorted.

    Raises:
        DatasetError: There is no list, one cannot be read, or a key is listed twice.
    """
    paths = _list_paths(folder)
    if not paths:
        raise DatasetError(f"no split list in '{folder}', expected such as 'train.txt'")
    lists: Lists = {}
    listed_in: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: split_rank(path.stem)):
        keys = [line.strip() for line in _read_text(path).split("\n") if line.strip()]
        for key in keys:
            if key in listed_in:
                raise DatasetError(
                    f"key '{key}' is listed twice in '{folder}': "
                    f"in {listed_in[key]} and in {path.name}"
                )
            listed_in[key] = path.name
        lists[path.stem] = tuple(sorted(keys))
    return lists


def write_lists(
    folder: Path, lists: Lists, record: Mapping[str, Any], *, overwrite: bool = False
) -> None:
    """Write split lists and ``split.json``, which says how they came about.

    Args:
        folder: Made if it is missing.
        lists: Split -> keys.
        record: Content of ``split.json``; the counts are added.
        overwrite: Replace lists that are there with other keys.

    Raises:
        DatasetError: Other lists are there and ``overwrite`` is off.
    """
    counts = {split: len(keys) for split, keys in lists.items()}
    text = json.dumps({**record, "counts": counts}, indent=1, allow_nan=False) + "\n"
    contents = {folder / RECORD: text.encode()}
    for split, keys in lists.items():
        for key in keys:
            if "\n" in key or key != key.strip():
                raise DatasetError(
                    f"key {key!r} has a line break or outer spaces, which a list cannot hold; "
                    "rename its files"
                )
        contents[folder / f"{split}.txt"] = "".join(f"{key}\n" for key in keys).encode(
            errors="surrogateescape"  # a name that is no text keeps its bytes
        )
    write_files(contents, overwrite=overwrite)


def apply_lists(dataset: Dataset, folder: Path) -> Dataset:
    """Give every sample the split that the lists name.

    Args:
        dataset: Any data set in which no key occurs twice.
        folder: Split lists; see :func:`read_lists`.

    Returns:
        The listed samples. Those that no list names are left out: a warning is logged, and they are
        one fault of the kind ``unlisted``.

    Raises:
        DatasetError: A list names a key that the data set does not have, or the data set has one
            key in two splits.
    """
    lists = read_lists(folder)
    split_of = {key: split for split, keys in lists.items() for key in keys}
    check_unique_keys(dataset.samples)
    unknown = sorted(split_of.keys() - {sample.key for sample in dataset.samples})
    if unknown:
        raise DatasetError(
            f"{len(unknown)} keys in '{folder}' are not in '{dataset.root}', "
            f"such as '{unknown[0]}'; draw the lists again or give the data set they belong to"
        )
    samples = [
        replace(sample, split=split_of[sample.key])
        for sample in dataset.samples
        if sample.key in split_of
    ]
    samples.sort(key=lambda sample: (split_rank(sample.split), sample.key))
    faults = dataset.faults
    unlisted = [sample.key for sample in dataset.samples if sample.key not in split_of]
    if unlisted:
        found = f"{len(unlisted)} samples that no list names, such as '{unlisted[0]}'"
        log.warning("left out: %s ('%s')", found, folder)
        hint = "'mass13k split draw' adds them and moves no other"
        faults += (PairingFault("unlisted", "", unlisted[0], folder, found, "every key", hint),)
    return replace(dataset, samples=tuple(samples), faults=faults)


def lists_of(samples: Iterable[Sample]) -> Lists:
    """Write the splits that samples are in as lists."""
    keys: dict[str, list[str]] = {}
    for sample in samples:
        keys.setdefault(sample.split, []).append(sample.key)
    return {split: tuple(sorted(keys[split])) for split in sorted(keys, key=split_rank)}


def captures_of(dataset: Dataset, *, pattern: str | None = None) -> dict[Sample, str]:
    """Name for every sample what it was shot together with.

    Args:
        dataset: Any data set.
        pattern: Regular expression whose first group, found in a key, is the name.

    Returns:
        Sample -> name. Without a pattern: the capture that the key tells, else the layout's group
        (a city), else the key itself, so that such a sample stands alone.
    """
    grouped = dataset.layout not in GROUPS_ARE_CATEGORIES and pattern is None
    return {
        sample: group_of(sample.key, pattern=pattern)
        or (sample.group if grouped else None)
        or sample.key
        for sample in dataset.samples
    }


def check_unique_keys(samples: Sequence[Sample]) -> None:
    """Make sure that a key alone says which sample is meant.

    Raises:
        DatasetError: Two splits have a sample of one key.
    """
    split_of: dict[str, str] = {}
    for sample in samples:
        other = split_of.setdefault(sample.key, sample.split)
        if other != sample.split:
            raise DatasetError(
                f"key '{sample.key}' is in the splits {other} and {sample.split}; split lists need "
                "keys that occur once, rename one of the two"
            )


def _list_paths(folder: Path) -> list[Path]:
    if not (folder / RECORD).is_file():
        return sorted(folder.glob("[!.]*.txt")) if folder.is_dir() else []
    try:
        counts = json.loads(_read_text(folder / RECORD))["counts"]
        names = [str(split) for split in counts]
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"'{folder / RECORD}' is damaged; draw the lists again") from error
    return [folder / f"{Path(name).name}.txt" for name in names]


def _read_text(path: Path) -> str:
    content = read_bytes(path, kind="split list")
    return content.decode("utf-8-sig", errors="surrogateescape")
