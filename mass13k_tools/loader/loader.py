"""Batches of training crops, from folders or shards, in an order that can be taken up again."""

import logging
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import TracebackType
from typing import Self

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.arguments import whole_number
from mass13k_tools.loader.batches import Batch, BatchMaker, MadeBatch, batch_of
from mass13k_tools.loader.crops import CropSettings, Photometrics
from mass13k_tools.loader.damage import Damaged, Skipped
from mass13k_tools.loader.fetching import Fetcher
from mass13k_tools.loader.order import (
    Share,
    Ticket,
    Uneven,
    batches,
    epoch_order,
    step_starts,
    uneven_text,
)
from mass13k_tools.loader.recipe import Recipe
from mass13k_tools.loader.sampling import Sampling
from mass13k_tools.loader.sources import Source, check_source

log = logging.getLogger(__name__)


@dataclass(eq=False)
class CropLoader:
    """Iterating gives the batches of one epoch, or what is left of it; the next time, the next.

    Batches depend on the source, the recipe, the seed and how the epoch is cut, and on nothing
    else: not on the number of workers, nor on what they made ahead, nor on where the source lies.
    With workers, the script that makes a loader needs ``if __name__ == "__main__":``.
    """

    source: Source
    """Where the pixels come from."""
    recipe: Recipe = field(default_factory=Recipe)
    """What is drawn for each sample."""
    _: KW_ONLY
    batch_size: int
    """Samples of a batch, on every rank."""
    seed: int = 0
    """Of the order and of all that is drawn."""
    workers: int = 0
    """Processes that make batches; 0 makes them in this one."""
    rank: int = 0
    """This process among those that train together."""
    ranks: int = 1
    """Number of those processes."""
    uneven: Uneven = "drop"
    """What becomes of the last samples of an epoch if they fill no step of all ranks."""
    sampling: Sampling = "uniform"
    """Where crops lie; ``boundary`` and ``rare`` go beyond the released recipe."""
    photometrics: Photometrics = "host"
    """Where colours are distorted; for ``device`` see :mod:`mass13k_tools.loader.device`."""
    skip_damaged: bool = False
    """Take another sample where one cannot be read, so that no rank falls behind."""
    pin_memory: bool = False
    """Put batches where a CUDA device copies them from without waiting."""

    def __post_init__(self) -> None:
        check_source(self.source)
        self.batch_size = whole_number("batch_size", self.batch_size, least=1)
        self.rank, self.ranks = whole_number("rank", self.rank), whole_number("ranks", self.ranks)
        self.seed = whole_number("seed", self.seed, least=0)
        self._share = Share(
            batch_size=self.batch_size, rank=self.rank, ranks=self.ranks, uneven=self.uneven
        )
        settings = CropSettings(
            recipe=self.recipe, sampling=self.sampling, photometrics=self.photometrics
        )
        count = len(self.source)
        if not step_starts(count, self._share):
            raise DatasetError(
                f"{count} samples fill no step of {self.ranks} ranks x {self.batch_size}, so there "
                "would be no batch; take a smaller batch or uneven='pad'"
            )
        self._fetcher: Fetcher[list[Ticket], MadeBatch | Damaged] = Fetcher(
            BatchMaker(self.source, settings, self.skip_damaged),
            workers=self.workers,
            pin_memory=self.pin_memory,
        )
        self._skipped = Skipped()
        self._epoch = self._position = 0
        uneven = uneven_text(count, self._share)
        if uneven and self.rank == 0:
            log.info("%s", uneven)

    @property
    def epoch(self) -> int:
        """Number of the epoch whose batches come next."""
        return self._epoch

    @property
    def skipped(self) -> list[Damaged]:
        """Samples that could not be read, in the order in which they came up on this rank."""
        return self._skipped.samples

    def __len__(self) -> int:
        """Count the batches of a whole epoch on this rank, as many as on every other."""
        return len(step_starts(len(self.source), self._share))

    def __iter__(self) -> Iterator[Batch]:
        count, epoch = len(self.source), self._epoch
        order = epoch_order(count, seed=self.seed, epoch=epoch)
        starts = step_starts(count, self._share, position=self._position)
        requests = list(batches(order, starts, self._share, seed=self.seed, epoch=epoch))
        if not starts:  # of an epoch that was begun with another number of ranks
            self._epoch, self._position = epoch + 1, 0
        answers = self._fetcher.answers(requests)
        for start, made in zip(starts, answers, strict=True):
            if isinstance(made, Damaged):
                self.close()
                raise DatasetError(made.reason)
            self._skipped.add(made.skipped)
            # Counted here, at the last moment: what workers made ahead is not yet seen
            if start == starts[-1]:
                self._epoch, self._position = epoch + 1, 0
            else:
                self._position = start + self._share.step_size
            yield batch_of(made)

    def state_dict(self) -> dict[str, int]:
        """Say how far the run came, after the batch that was given last; the same on all ranks.

        Returns:
            ``seed``, ``epoch`` and ``position`` (in samples, over all ranks), and ``samples`` and
            ``keys`` (a checksum), by which another data set is noticed.
        """
        return {
            "seed": self.seed,
            "epoch": self._epoch,
            "position": self._position,
            "samples": len(self.source),
            "keys": zlib.crc32("\n".join(self.source.keys).encode()),
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where a run stopped, perhaps with another number of workers or ranks.

        Args:
            state: From ``state_dict``.

        Raises:
            DatasetError: It is no such state, or that of a run over other samples, or lies beyond
                them.
        """
        now = self.state_dict()
        if any(type(state.get(name)) is not int or state[name] < 0 for name in now):
            raise DatasetError(f"state of a loader has {dict(state)}, expected {', '.join(now)}")
        if (state["samples"], state["keys"]) != (now["samples"], now["keys"]):
            raise DatasetError(
                f"the state is of a run over {state['samples']} samples; these {now['samples']} "
                "are others, so it cannot go on"
            )
        if state["position"] >= now["samples"]:
            raise DatasetError(
                f"the state is at position {state['position']} of an epoch, expected 0 to "
                f"{now['samples'] - 1}; was it changed?"
            )
        self._fetcher.forget()
        self.seed, self._epoch, self._position = (
            state[name] for name in ("seed", "epoch", "position")
        )

    def close(self) -> None:
        """End the workers; iterating starts new ones."""
        self._fetcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
