"""The order of splits, and what is said where one is asked for that is not there."""

from collections.abc import Iterable

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts.table import SPLIT_ORDER


def split_rank(split: str) -> tuple[int, str]:
    """Give the place of a split among others: train, val, test, then by name.

    Example:
        >>> sorted(["test", "extra", "train"], key=split_rank)
        ['train', 'test', 'extra']
    """
    known = split in SPLIT_ORDER
    return (SPLIT_ORDER.index(split) if known else len(SPLIT_ORDER), split)


def listed_splits(splits: Iterable[str]) -> str:
    """Write names of splits for people, each once.

    Example:
        >>> listed_splits(["val", "train", "val"]), listed_splits([""])
        ('train, val', 'none')
    """
    return ", ".join(sorted({*splits} - {""}, key=split_rank)) or "none"


def check_splits(wanted: Iterable[str], known: Iterable[str], *, place: object) -> None:
    """Refuse splits that are not there.

    Args:
        wanted: Names of the splits that are asked for.
        known: Names of those that there are, of all samples.
        place: Where they lie, for the message only.

    Raises:
        DatasetError: One of those wanted is not known.
    """
    there = {*known}
    for split in wanted:
        if split not in there:
            raise DatasetError(f"no split '{split}' in '{place}', it has: {listed_splits(there)}")
