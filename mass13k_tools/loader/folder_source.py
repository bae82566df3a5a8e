"""Samples of a data set in folders: files are decoded whole, and the last two kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mass13k_tools.arrays import Image, LabelMap
from mass13k_tools.images import read_label_map, read_sample
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Dataset, Sample
from mass13k_tools.loader.arguments import check_kind
from mass13k_tools.loader.resize import Box, Size
from mass13k_tools.loader.sources import chosen_split
from mass13k_tools.ops.blocks import BlockCounts
from mass13k_tools.shards.boxes import cut_out
from mass13k_tools.shards.jpeg_decode import decode_jpeg


@dataclass(slots=True)
class _Held:
    """The sample that was asked for last."""

    index: int
    label_map: LabelMap
    image: Image | None = None


class FolderSource:
    """A split of a data set in folders; a :class:`mass13k_tools.loader.sources.Source`."""

    def __init__(self, dataset: Dataset, *, split: str | None = None) -> None:
        """Take the samples of a split.

        Args:
            dataset: From ``layouts.find_dataset``.
            split: Name of the split; None: the only one.

        Raises:
            DatasetError: There is no such split, or several and none was named.
        """
        check_kind("dataset", dataset, Dataset, hint="; open_source(address) opens one")
        splits = [sample.split for sample in dataset.samples]
        split = chosen_split(split, splits, place=str(dataset.root))
        samples = [sample for sample in dataset.samples if sample.split == split]
        self.samples = tuple(sorted(samples, key=lambda sample: sample.key))
        self.keys = tuple(sample.key for sample in self.samples)
        self.taxonomy = dataset.taxonomy
        self._held: _Held | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held": None}  # pixels do not travel to the workers

    def __len__(self) -> int:
        return len(self.samples)

    def size_hw(self, index: int) -> Size:
        """Tell the size of a sample."""
        height, width = self._sample(index).label_map.shape
        return height, width

    def image_region(self, index: int, box: Box) -> Image:
        """Give a rectangle of an image."""
        held = self._sample(index)
        if held.image is None:
            held.image = self._read_image(self.samples[index], held.label_map)
        return cut_out(held.image, box)

    def label_region(self, index: int, box: Box) -> LabelMap:
        """Give a rectangle of a label map."""
        return cut_out(self._sample(index).label_map, box)

    def block_counts(self, index: int) -> BlockCounts | None:
        """Give what is known of a label map before it is read: nothing."""
        return None

    def _sample(self, index: int) -> _Held:
        if self._held is None or self._held.index != index:
            self._held = None  # first of all: two photos need not be in memory at once
            path = self.samples[index].label_path
            self._held = _Held(index, read_label_map(path, self.taxonomy))
        return self._held

    def _read_image(self, sample: Sample, label_map: LabelMap) -> Image:
        image = decode_jpeg(read_bytes(sample.image_path), sample.image_path)
        if image.shape[:2] == label_map.shape:
            return image
        return read_sample(sample, self.taxonomy)[0]  # turned by its EXIF tag, or refused
