"""Where the pixels of samples come from: folders or shards, the same pixels under the same number.

Samples are numbered in the order of their keys, however they are stored.
"""

from collections.abc import Sequence
from typing import Protocol

from mass13k_tools.arrays import Image, LabelMap
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import check_splits, listed_splits
from mass13k_tools.loader.resize import Box, Size
from mass13k_tools.ops.blocks import BlockCounts, block_counts


class Source(Protocol):
    """The samples of one split. Picklable: every worker reads for itself.

    Whatever is wrong with a sample is a DatasetError when that sample is asked for.
    """

    @property
    def keys(self) -> Sequence[str]:
        """Of the samples, ascending."""

    @property
    def taxonomy(self) -> Taxonomy:
        """Of the label maps."""

    def __len__(self) -> int: ...

    def size_hw(self, index: int) -> Size:
        """Tell the size of a sample."""

    def image_region(self, index: int, box: Box) -> Image:
        """Give a rectangle of an image, shape (height, width, 3), uint8, RGB; not to be changed.

        Args:
            index: Number of the sample.
            box: y, x, height, width in pixels, within the image.
        """

    def label_region(self, index: int, box: Box) -> LabelMap:
        """Give a rectangle of a label map, shape (height, width), uint8, class ids."""

    def block_counts(self, index: int) -> BlockCounts | None:
        """Give the counts of the label map's blocks if they are known without reading it."""


def check_source(source: object) -> None:
    """Refuse what samples cannot come from, such as the address of a data set.

    Raises:
        DatasetError: It has not all parts of a :class:`Source`.
    """
    parts = (name for name in vars(Source) if not name.startswith("_"))
    if not all(hasattr(source, name) for name in (*parts, "__len__")):
        raise DatasetError(f"source is {source!r:.60}, expected such as open_source(address) gives")


def whole_box(source: Source, index: int) -> Box:
    """Give the rectangle that covers a whole sample."""
    return (0, 0, *source.size_hw(index))


def counted_blocks(source: Source, index: int) -> BlockCounts:
    """Give the counts of a label map's blocks, counted now if they are not known."""
    known = source.block_counts(index)
    if known is not None:
        return known
    return block_counts(source.label_region(index, whole_box(source, index)))


def chosen_split(split: str | None, splits: Sequence[str], *, place: str) -> str:
    """Find the split that is meant.

    Args:
        split: Its name; None: the only one.
        splits: Of all samples.
        place: Where they lie, for messages only.

    Raises:
        DatasetError: There is no such split, none at all, or several and none was named.
    """
    known = {*splits}
    if split is not None:
        check_splits([split], known, place=place)
        return split
    if not known:
        raise DatasetError(f"there is no sample in '{place}'")
    if len(known) > 1:
        raise DatasetError(
            f"several splits in '{place}' and no word which, it has: {listed_splits(known)}"
        )
    return known.pop()
