"""What is shown: the photos of a data set in folders or in shards, by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from mass13k_tools.arrays import Image, LabelMap
from mass13k_tools.classes import Taxonomy
from mass13k_tools.images import read_label_map, read_sample
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import Dataset, Sample
from mass13k_tools.pixel_files import decode_header
from mass13k_tools.provenance import Record, read_provenance
from mass13k_tools.shards.encoded import PROVENANCE
from mass13k_tools.shards.jpeg_decode import decode_jpeg
from mass13k_tools.shards.provenance_members import read_shard_provenance
from mass13k_tools.shards.reader import ShardSet


class Photos(Protocol):
    """The photos of a data set. Threads may share it; whatever is wrong is a DatasetError."""

    @property
    def name(self) -> str:
        """What a person calls the data set."""

    @property
    def taxonomy(self) -> Taxonomy:
        """Of the label maps."""

    @property
    def samples(self) -> Sequence[Sample]:
        """In a fixed order; the paths of photos in shards are names for messages only."""

    def size_hw(self, number: int) -> tuple[int, int]:
        """Tell the size of a label map without decoding it, if that can be."""

    def image(self, number: int) -> Image:
        """Read an image, shape (H, W, 3), uint8, RGB."""

    def label_map(self, number: int) -> LabelMap:
        """Read a label map, shape (H, W), uint8, class ids."""

    def has_provenance(self, number: int) -> bool:
        """Tell whether it is known which source wrote each pixel."""

    def provenance(self, number: int) -> tuple[LabelMap, Record]:
        """Read which source wrote each pixel, shape (H, W), uint8, and what the numbers mean."""


@dataclass(frozen=True)
class FolderPhotos:
    """Photos of a data set in folders."""

    dataset: Dataset
    splits: Sequence[str] = ()
    """Only these; none means all."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.dataset.root.name

    @property
    def taxonomy(self) -> Taxonomy:
        """Of the label maps."""
        return self.dataset.taxonomy

    @property
    def near(self) -> bool:
        """Whether the files lie on this machine, so that it can be seen when they change."""
        return isinstance(self.dataset.root, Path)

    @cached_property
    def samples(self) -> Sequence[Sample]:
        """In the order of split and key."""
        every = self.dataset.samples
        return [each for each in every if not self.splits or each.split in self.splits]

    def size_hw(self, number: int) -> tuple[int, int]:
        """Read the size from the label map's header."""
        path = self.samples[number].label_path
        return decode_header(read_bytes(path), path).size_hw  # the file may be far away

    def image(self, number: int) -> Image:
        """Read an image as its label map lies: turned by its EXIF tag where need be."""
        sample = self.samples[number]
        image = decode_jpeg(read_bytes(sample.image_path), sample.image_path)
        if image.shape[:2] == self.size_hw(number):
            return image
        return read_sample(sample, self.taxonomy)[0]

    def label_map(self, number: int) -> LabelMap:
        """Read a label map."""
        return read_label_map(self.samples[number].label_path, self.taxonomy)

    def has_provenance(self, number: int) -> bool:
        """Tell whether 'mass13k pseudo merge' wrote it."""
        return self.samples[number].provenance_path is not None

    def provenance(self, number: int) -> tuple[LabelMap, Record]:
        """Read the provenance map and its record."""
        return read_provenance(self.samples[number])


class ShardPhotos:
    """Photos in shards, near or far, which are not extracted."""

    def __init__(self, shards: ShardSet) -> None:
        """Take all samples, in the order in which the shards list them."""
        self.shards = shards
        self.name = shards.address.rstrip("/").rpartition("/")[2]
        self.taxonomy = shards.taxonomy
        self.samples = [
            Sample(each.key, each.split, Path(f"{each.key}.jpg"), Path(f"{each.key}.png"))
            for each in shards.samples
        ]

    def size_hw(self, number: int) -> tuple[int, int]:
        """Tell the size by the manifest, or by the files' headers without one."""
        return self.shards.size_hw(number)

    def image(self, number: int) -> Image:
        """Read an image."""
        return self.shards.image(number)

    def label_map(self, number: int) -> LabelMap:
        """Read a label map."""
        return self.shards.label_map(number)

    def has_provenance(self, number: int) -> bool:
        """Tell whether the shard has a provenance map of it."""
        return PROVENANCE in self.shards.samples[number].members

    def provenance(self, number: int) -> tuple[LabelMap, Record]:
        """Read the provenance map and its record."""
        return read_shard_provenance(self.shards.samples[number])
