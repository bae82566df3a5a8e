"""Samples of shards, near or far: only the parts of files are read that a crop needs."""

from mass13k_tools.arrays import Image, LabelMap
from mass13k_tools.loader.arguments import check_kind
from mass13k_tools.loader.resize import Box, Size
from mass13k_tools.loader.sources import chosen_split
from mass13k_tools.ops.blocks import BlockCounts
from mass13k_tools.shards.reader import ShardSet


class ShardSource:
    """A split of a set of shards; a :class:`mass13k_tools.loader.sources.Source`."""

    def __init__(self, shards: ShardSet, *, split: str | None = None) -> None:
        """Take the samples of a split, in the order of their keys, not in that of the shards.

        Args:
            shards: From ``ShardSet.open``.
            split: Name of the split; None: the only one.

        Raises:
            DatasetError: There is no such split, or several and none was named.
        """
        check_kind("shards", shards, ShardSet, hint="; open_source(address) opens one")
        splits = [sample.split for sample in shards.samples]
        split = chosen_split(split, splits, place=shards.address)
        numbers = [n for n, sample in enumerate(shards.samples) if sample.split == split]
        self.shards = shards
        self.numbers = tuple(sorted(numbers, key=lambda number: shards.keys[number]))
        self.keys = tuple(shards.keys[number] for number in self.numbers)
        self.taxonomy = shards.taxonomy

    def __len__(self) -> int:
        return len(self.numbers)

    def size_hw(self, index: int) -> Size:
        """Tell the size of a sample."""
        return self.shards.size_hw(self.numbers[index])

    def image_region(self, index: int, box: Box) -> Image:
        """Give a rectangle of an image."""
        return self.shards.image_region(self.numbers[index], box)

    def label_region(self, index: int, box: Box) -> LabelMap:
        """Give a rectangle of a label map."""
        return self.shards.label_region(self.numbers[index], box)

    def block_counts(self, index: int) -> BlockCounts | None:
        """Give the counts of a label map's blocks if the shard has them."""
        return self.shards.block_counts(self.numbers[index])
