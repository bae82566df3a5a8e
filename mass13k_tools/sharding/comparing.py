"""Two data sets, each in shards or in a folder, sample by sample, by many workers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from mass13k_tools.classes import Taxonomy
from mass13k_tools.layouts import check_splits, find_dataset
from mass13k_tools.pool import Workers, run
from mass13k_tools.shards.diff import AnySample, Difference, Pair, compare_pair
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.shards.remote_root import root_at
from mass13k_tools.shards.shard_files import holds_shards
from mass13k_tools.splits.lists import apply_lists


@dataclass(frozen=True, slots=True)
class Side:
    """One of two data sets."""

    address: str
    samples: dict[tuple[str, str], AnySample]
    """By split and key."""
    taxonomy: Taxonomy | None
    """None where nothing but a guess says it."""


class Comparison(NamedTuple):
    """In what two data sets differ."""

    samples: int
    """Number of those that both have."""
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether they differ in nothing."""
        return not self.differences


def open_side(
    address: str, *, layout: str | None, lists: Path | None, splits: Sequence[str]
) -> Side:
    """Open shards, or the folder of a data set.

    Args:
        address: Of either.
        layout: How the files of a folder lie; None recognises it.
        lists: Split lists of a folder.
        splits: Only these; none means all.

    Raises:
        DatasetError: There is neither, or it cannot be read.
    """
    if holds_shards(address):
        shards = ShardSet.open(address, splits=splits)
        by_key = {(sample.split, sample.key): sample for sample in shards.samples}
        taxonomy = shards.index.taxonomy if shards.index is not None else None
        return Side(address, dict(by_key), taxonomy)
    dataset = find_dataset(root_at(address), layout=layout)
    if lists is not None:
        dataset = apply_lists(dataset, lists)
    check_splits(splits, (sample.split for sample in dataset.samples), place=address)
    chosen = [each for each in dataset.samples if not splits or each.split in splits]
    return Side(address, {(each.split, each.key): each for each in chosen}, None)


def compare_sides(a: Side, b: Side, *, workers: Workers) -> Comparison:
    """Compare keys, then the pixels of every sample that both have.

    Args:
        a: One data set.
        b: The other.
        workers: Who decodes.
    """
    differences = _taxonomies(a, b)
    for kind, mine, yours in (("only-in-a", a, b), ("only-in-b", b, a)):
        for split, key in mine.samples.keys() - yours.samples.keys():
            found = f"not in '{yours.address}'"
            differences.append(Difference(kind, split, key, found))
    common = sorted(a.samples.keys() & b.samples.keys())
    pairs = [Pair(a.samples[place], b.samples[place]) for place in common]
    for done in run(compare_pair, pairs, workers=workers, title="diff"):
        if done.result is None:
            sample = done.item.a
            failure = Difference("unreadable", sample.split, sample.key, str(done.failure))
            differences.append(failure)
        else:
            differences += done.result
    differences.sort(key=lambda each: (each.split, each.key, each.kind))
    return Comparison(len(common), tuple(differences))


def _taxonomies(a: Side, b: Side) -> list[Difference]:
    """Compare what label values mean, where both sides say it themselves."""
    if a.taxonomy is None or b.taxonomy is None or _meaning(a.taxonomy) == _meaning(b.taxonomy):
        return []
    found = f"'{a.taxonomy.name}' and '{b.taxonomy.name}' give other classes or values"
    return [Difference("taxonomy", "", "", found)]


def _meaning(taxonomy: Taxonomy) -> Taxonomy:
    """A taxonomy without what only pictures and people need."""
    rows = tuple(replace(row, aliases=(), colour=(0, 0, 0)) for row in taxonomy.classes)
    return replace(taxonomy, name="", classes=rows)
