"""Which sample is seen when: a function of seed and epoch alone, cut by sample across ranks.

An epoch is a row of positions, 0, 1, 2, ...; the sample at a position is ``epoch_order``'s. A step
takes the next ``batch_size`` positions for rank 0, the next ones for rank 1, and so on. So all that
must be kept of a run is how far it came, and another number of workers or ranks goes on from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.errors import DatasetError

Uneven = Literal["drop", "pad"]


class Ticket(NamedTuple):
    """A sample to be made, and all that its random numbers depend on."""

    seed: int
    epoch: int
    position: int
    """In the epoch, over all ranks; may lie behind the last sample where the end is padded."""
    sample: int
    """Its number in the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How the samples of an epoch are cut into batches, and which of them are this rank's."""

    batch_size: int
    """Samples of a batch, on every rank."""
    rank: int = 0
    """This process among those that train together."""
    ranks: int = 1
    """Number of those processes."""
    uneven: Uneven = "drop"
    """What becomes of the last samples if they fill no step: left out, or filled up with the first
    samples of the epoch."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise DatasetError(f"batch_size is {self.batch_size}, expected 1 or more")
        if not 0 <= self.rank < self.ranks:
            raise DatasetError(f"rank {self.rank} of {self.ranks}, expected 0 to {self.ranks - 1}")
        if self.uneven not in ("drop", "pad"):
            raise DatasetError(f"uneven is '{self.uneven}', expected 'drop' or 'pad'")

    @property
    def step_size(self) -> int:
        """Samples that all ranks take together."""
        return self.batch_size * self.ranks


def epoch_order(count: int, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Shuffle the samples of an epoch.

    Args:
        count: Number of samples.
        seed: Of the run, 0 or more.
        epoch: Number of the epoch, 0 or more.

    Returns:
        Shape (count,), int64: the sample at each position.

    Example:
        >>> epoch_order(5, seed=0, epoch=0), epoch_order(5, seed=0, epoch=1)
        (array([2, 4, 3, 0, 1]), array([1, 4, 3, 0, 2]))
    """
    return np.random.default_rng([seed, epoch]).permutation(count)


def sample_rng(ticket: Ticket, attempt: int = 0) -> np.random.Generator:
    """Seed the random numbers of a sample, whoever makes it and when.

    Args:
        ticket: The sample.
        attempt: Number of samples that were tried in its place before.
    """
    # One more than the position: zeros at the end of a seed do not count, and the rest is the
    # order's own
    return np.random.default_rng([ticket.seed, ticket.epoch, ticket.position + 1, attempt])


def step_starts(count: int, share: Share, *, position: int = 0) -> range:
    """List the positions at which the steps of an epoch begin.

    Args:
        count: Number of samples.
        share: How they are cut.
        position: How far the epoch came already.

    Example:
        >>> step_starts(10, Share(batch_size=2, ranks=2))
        range(0, 8, 4)
        >>> step_starts(10, Share(batch_size=2, ranks=2, uneven="pad"), position=4)
        range(4, 12, 4)
    """
    left = max(0, count - position)
    steps, rest = divmod(left, share.step_size)
    if rest and share.uneven == "pad":
        steps += 1
    return range(position, position + steps * share.step_size, share.step_size)


def batches(
    order: NDArray[np.int64], starts: range, share: Share, *, seed: int, epoch: int
) -> Iterator[list[Ticket]]:
    """Cut this rank's batches out of an epoch.

    Args:
        order: Of the epoch.
        starts: Of the steps.
        share: Which part of each step is this rank's.
        seed: That the order was made with.
        epoch: That the order is of.

    Yields:
        For every step, ``batch_size`` tickets.
    """
    for start in starts:
        first = start + share.rank * share.batch_size
        yield [
            Ticket(seed, epoch, position, int(order[position % len(order)]))
            for position in range(first, first + share.batch_size)
        ]


def uneven_text(count: int, share: Share) -> str | None:
    """Say what becomes of the samples that fill no step; None where all do.

    Example:
        >>> uneven_text(10, Share(batch_size=2, ranks=2))
        'the last 2 of 10 samples fill no step of 2 x 2 and are left out, others in each epoch'
    """
    rest = count % share.step_size
    if not rest:
        return None
    what = f"the last {rest} of {count} samples fill no step of {share.ranks} x {share.batch_size}"
    if share.uneven == "drop":
        return f"{what} and are left out, others in each epoch"
    return f"{what}; {share.step_size - rest} samples from the epoch's beginning come again"
