"""From an address to samples, whether folders or shards lie there."""

from pathlib import Path

from mass13k_tools.classes import Taxonomy
from mass13k_tools.layouts import find_dataset
from mass13k_tools.loader.folder_source import FolderSource
from mass13k_tools.loader.shard_source import ShardSource
from mass13k_tools.loader.sources import Source
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.shards.remote_root import root_at
from mass13k_tools.shards.shard_files import holds_shards


def open_source(
    address: str | Path,
    *,
    split: str | None = None,
    taxonomy: Taxonomy | None = None,
    layout: str | None = None,
) -> Source:
    """Open a split of a data set.

    Args:
        address: The root of a data set in folders, a folder of shards, or one tar; any of them may
            be far away, such as ``s3://bucket/shards``.
        split: Its name; None: the only one.
        taxonomy: Classes to use in place of the data set's own.
        layout: Of a data set in folders, where the folders do not tell.

    Raises:
        DatasetError: There is neither, or no such split.
    """
    if holds_shards(address):
        splits = () if split is None else (split,)
        return ShardSource(ShardSet.open(address, splits=splits, taxonomy=taxonomy), split=split)
    dataset = find_dataset(root_at(address), layout=layout, taxonomy=taxonomy)
    return FolderSource(dataset, split=split)
