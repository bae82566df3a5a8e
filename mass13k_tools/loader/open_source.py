"""From an address to samples, whether folders or shards lie there."""

from pathlib import Path

from mass13k_tools.classes import Taxonomy
from mass13k_tools.layouts import find_dataset
from mass13k_tools.loader.folder_source import FolderSource
from mass13k_tools.loader.shard_source import ShardSource
from mass13k_tools.loader.sources import Source
from mass13k_tools.shards.index import INDEX
from mass13k_tools.shards.reader import ShardSet

TAR = ".tar"


def open_source(
    address: str | Path,
    *,
    split: str | None = None,
    taxonomy: Taxonomy | None = None,
    layout: str | None = None,
) -> Source:
    """Open a split of a data set.

    Args:
        address: The root of a data set in folders, a folder of shards, or one tar; shards also far
            away, such as ``s3://bucket/shards``.
        split: Its name; None: the only one.
        taxonomy: Classes to use in place of the data set's own.
        layout: Of a data set in folders, where the folders do not tell.

    Raises:
        DatasetError: There is neither, or no such split.
    """
    if _holds_shards(address):
        splits = () if split is None else (split,)
        return ShardSource(ShardSet.open(address, splits=splits, taxonomy=taxonomy), split=split)
    return FolderSource(find_dataset(Path(address), layout=layout, taxonomy=taxonomy), split=split)


def _holds_shards(address: str | Path) -> bool:
    """Tell shards from folders; a data set may have archives beside its folders."""
    if "://" in str(address) or str(address).endswith(TAR):
        return True
    folder = Path(address)
    if not folder.is_dir() or (folder / INDEX).is_file():
        return folder.is_dir()
    entries = list(folder.iterdir())
    return any(entry.name.endswith(TAR) for entry in entries) and not any(
        entry.is_dir() for entry in entries
    )
