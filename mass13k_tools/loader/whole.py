"""Whole images for evaluation, one by one, each exactly once over all ranks."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.arguments import whole_number
from mass13k_tools.loader.damage import Damaged, Skipped, read_or_damaged
from mass13k_tools.loader.fetching import Fetcher, sendable
from mass13k_tools.loader.sources import Source, check_source, whole_box


class WholeImage(TypedDict):
    """A sample in its own size."""

    image: Tensor
    """Shape (3, H, W), uint8, RGB; in memory the channels come last."""
    label: Tensor
    """Shape (H, W), uint8, class ids, 255 = ignore."""
    key: str
    """Of the sample."""


class _Made(NamedTuple):
    """A sample on its way from the process that read it."""

    image: Tensor | NDArray[np.uint8]
    label_map: Tensor | NDArray[np.uint8]
    key: str


@dataclass(frozen=True, slots=True)
class _Maker:
    """What every worker knows."""

    source: Source

    def __call__(self, index: int) -> _Made | Damaged:
        """Read a sample, or say why it cannot be read."""
        return read_or_damaged(lambda: self._read(index), self.source.keys[index])

    def _read(self, index: int) -> _Made:
        box = whole_box(self.source, index)
        label_map = self.source.label_region(index, box)
        image = self.source.image_region(index, box)
        return _Made(sendable(image), sendable(label_map), self.source.keys[index])


@dataclass(eq=False)
class WholeLoader:
    """Iterating gives this rank's samples in the order of their keys.

    Ranks may get one sample more or less than each other: none is left out or comes twice, so that
    scores are those of the data set. A worker begins the next sample when its last was taken, so
    memory holds two samples per worker at most, and the one in use.
    """

    source: Source
    """Where the pixels come from."""
    _: KW_ONLY
    rank: int = 0
    """This process among those that evaluate together."""
    ranks: int = 1
    """Number of those processes."""
    workers: int = 0
    """Processes that read; 0 reads in this one."""
    skip_damaged: bool = False
    """Leave out what cannot be read; ``skipped`` then names it."""
    pin_memory: bool = False
    """Put samples where a CUDA device copies them from without waiting."""

    def __post_init__(self) -> None:
        check_source(self.source)
        self.rank, self.ranks = whole_number("rank", self.rank), whole_number("ranks", self.ranks)
        if not 0 <= self.rank < self.ranks:
            raise DatasetError(f"rank {self.rank} of {self.ranks}, expected 0 to {self.ranks - 1}")
        self._fetcher: Fetcher[int, _Made | Damaged] = Fetcher(
            _Maker(self.source), workers=self.workers, ahead=1, pin_memory=self.pin_memory
        )
        self._skipped = Skipped()

    @property
    def skipped(self) -> list[Damaged]:
        """Samples that could not be read."""
        return self._skipped.samples

    def __len__(self) -> int:
        """Count the samples of this rank."""
        return len(range(self.rank, len(self.source), self.ranks))

    def __iter__(self) -> Iterator[WholeImage]:
        for made in self._fetcher.answers(range(self.rank, len(self.source), self.ranks)):
            if isinstance(made, Damaged):
                if not self.skip_damaged:
                    self.close()
                    raise DatasetError(made.reason)
                self._skipped.add([made])
                continue
            yield {
                "image": torch.as_tensor(made.image).permute(2, 0, 1),
                "label": torch.as_tensor(made.label_map),
                "key": made.key,
            }

    def close(self) -> None:
        """End the workers; iterating starts new ones."""
        self._fetcher.close()
