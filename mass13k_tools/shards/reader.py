"""Reads shards, here or far away: members, pictures, and rectangles of pictures."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from mass13k_tools.arrays import Image, LabelMap
from mass13k_tools.classes import MASS13K, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import label_map_from_raw
from mass13k_tools.layouts import check_splits
from mass13k_tools.ops.blocks import BlockCounts
from mass13k_tools.shards.boxes import Box, cut_out
from mass13k_tools.shards.index import INDEX, ShardIndex, read_index
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.plain_tars import plain_samples
from mass13k_tools.shards.seek_index import SeekIndex
from mass13k_tools.shards.shard_files import (
    TAR,
    check_unique,
    listed_shards,
    read_manifest,
    samples_of,
)
from mass13k_tools.shards.shard_sample import (
    ShardSample,
    image_part,
    label_part,
    read_member,
    read_ranges,
    read_seek_index,
    size_of,
    whole_image,
    whole_labels,
)

SEEKS_KEPT = 256  # about 60 KB each for 12 megapixels


class ShardSet:
    """The samples of shards, by number or by split and key.

    Nothing is read before it is asked for, besides index and manifests. What is known of the parts
    of the last 256 samples is kept, and the last picture that had to be decoded whole. It can be
    pickled and shared by threads.
    """

    def __init__(
        self,
        address: str,
        samples: Sequence[ShardSample],
        taxonomy: Taxonomy,
        *,
        index: ShardIndex | None = None,
    ) -> None:
        """Use :meth:`open`."""
        self.address = address
        self.samples = tuple(samples)
        self.taxonomy = taxonomy
        self.index = index
        """None for tars without one."""

    @classmethod
    def open(
        cls,
        address: str | Path,
        *,
        splits: Sequence[str] = (),
        taxonomy: Taxonomy | None = None,
    ) -> "ShardSet":
        """Find the samples of shards.

        Args:
            address: A folder that 'mass13k shard' wrote, a folder of other WebDataset tars, or one
                tar; a path or any address that fsspec knows.
            splits: Only these; none means all.
            taxonomy: Of label maps; None: what the index says, and without index MaSS13K's.

        Raises:
            DatasetError: There are no shards, or index, manifests or tars are damaged or refused.
        """
        place = Place.of(address)
        index = None
        if not place.name.endswith(TAR) and place.child(INDEX).exists():
            index = read_index(place)
            samples = [
                sample
                for shard in listed_shards(place, index)
                if not splits or shard.split in splits
                for sample in samples_of(shard, read_manifest(shard))
            ]
        else:
            samples = plain_samples(_tars(place))
        check_unique(samples)
        known = index.splits if index else [sample.split for sample in samples]
        check_splits(splits, known, place=place.address)
        taxonomy = taxonomy or (index.taxonomy if index else MASS13K)
        return cls(place.address, samples, taxonomy, index=index)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.samples)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is kept for a while."""
        kept = {"_seek_index", "_whole_image", "_whole_labels"}
        return {name: value for name, value in self.__dict__.items() if name not in kept}

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Keys in the order of the numbers."""
        return tuple(sample.key for sample in self.samples)

    @cached_property
    def _numbers(self) -> Mapping[tuple[str, str], int]:
        return {(each.split, each.key): number for number, each in enumerate(self.samples)}

    def number(self, split: str, key: str) -> int:
        """Find a sample.

        Raises:
            DatasetError: There is none of this split and key.
        """
        try:
            return self._numbers[split, key]
        except KeyError:
            raise DatasetError(f"no sample '{key}' of '{split}' in '{self.address}'") from None

    def size_hw(self, number: int) -> tuple[int, int]:
        """Tell the size (H, W) of a sample's image and label map."""
        return size_of(self.samples[number])

    def read_member(self, number: int, ending: str) -> bytes:
        """Read a member, such as ``jpg``, ``label.png``, ``json`` or ``seek``, whole."""
        return read_member(self.samples[number], ending)

    def read_ranges(
        self, number: int, ending: str, ranges: Sequence[tuple[int, int]]
    ) -> list[bytes]:
        """Read parts of a member; see :func:`mass13k_tools.shards.shard_sample.read_ranges`."""
        return read_ranges(self.samples[number], ending, ranges)

    def seek_index(self, number: int) -> SeekIndex:
        """Read what is known of a sample's files; nothing where it has no such member."""
        return self._seek_index(number)

    def block_counts(self, number: int) -> BlockCounts | None:
        """Tell what each block of 64 pixels of a label map holds, where the shard knows it."""
        return self._seek_index(number).blocks

    def image(self, number: int) -> Image:
        """Decode an image: shape (H, W, 3), uint8, RGB."""
        return whole_image(self.samples[number])

    def raw_labels(self, number: int) -> LabelMap:
        """Decode a label map to the values of its file: shape (H, W), uint8."""
        return self.raw_label_region(number, (0, 0, *self.size_hw(number)))

    def label_map(self, number: int) -> LabelMap:
        """Decode a label map: class ids, shape (H, W), uint8, 255 = ignore."""
        return self._class_ids(number, self.raw_labels(number))

    def image_region(self, number: int, box: Box) -> Image:
        """Decode a rectangle of an image, and little else where it is seekable.

        Args:
            number: Of the sample.
            box: y, x, height, width in pixels, within the image.

        Returns:
            The pixels that this part of :meth:`image` has, shape (height, width, 3), uint8, RGB.
        """
        index = self._seek_index(number).jpeg
        if index is not None:
            return image_part(self.samples[number], index, box)
        return cut_out(self._whole_image(number), box).copy()

    def label_region(self, number: int, box: Box) -> LabelMap:
        """Decode a rectangle of a label map, and little else where it is banded.

        Args:
            number: Of the sample.
            box: y, x, height, width in pixels, within the label map.

        Returns:
            The class ids that this part of :meth:`label_map` has, shape (height, width), uint8.
        """
        return self._class_ids(number, self.raw_label_region(number, box))

    def raw_label_region(self, number: int, box: Box) -> LabelMap:
        """Decode a rectangle of a label map to the values of its file."""
        index = self._seek_index(number).bands
        if index is not None:
            return label_part(self.samples[number], index, box)
        return cut_out(self._whole_labels(number), box).copy()

    def _class_ids(self, number: int, raw: LabelMap) -> LabelMap:
        sample = self.samples[number]
        return label_map_from_raw(raw, sample.name(sample.label_ending), self.taxonomy)

    @cached_property
    def _seek_index(self) -> Callable[[int], SeekIndex]:
        return lru_cache(SEEKS_KEPT)(lambda number: read_seek_index(self.samples[number]))

    @cached_property
    def _whole_image(self) -> Callable[[int], Image]:
        return lru_cache(1)(lambda number: whole_image(self.samples[number]))

    @cached_property
    def _whole_labels(self) -> Callable[[int], LabelMap]:
        return lru_cache(1)(lambda number: whole_labels(self.samples[number]))


def _tars(place: Place) -> list[Place]:
    """List the tars of a folder; a tar is its own list."""
    if place.name.endswith(TAR):
        return [place]
    tars = [place.child(name) for name in place.names() if name.endswith(TAR)]
    if not tars:
        raise DatasetError(f"no shards in '{place.address}': neither {INDEX} nor any {TAR}")
    return tars
