"""The processes that train together: those that ``torchrun`` started, or this one alone."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from mass13k_tools.errors import DatasetError


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this one writes files and talks to people."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """Average a tensor over all processes."""
        if self.count == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.count

    def gathered(self, value: Any) -> list[Any]:
        """Collect a small object of every process, on all of them."""
        if self.count == 1:
            return [value]
        values = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def copy_first(self, tensors: Sequence[Tensor]) -> None:
        """Give tensors the values that they have on the first process."""
        for tensor in tensors if self.count > 1 else ():
            dist.broadcast(tensor, 0)

    def any(self, flag: bool) -> bool:
        """Tell all processes whether one of them says so."""
        return any(self.gathered(flag))


def usable_device(name: str) -> torch.device:
    """Find a device by its name, such as ``cuda:1``.

    Raises:
        DatasetError: There is none, or nothing can be computed on it.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:  # all of them for lack of it
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise DatasetError(f"device '{name}' cannot be used: {reason}; try cpu") from error
    return device


@contextmanager
def joined(device: str | None = None) -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started, and leave them at the end.

    Args:
        device: Such as ``cpu`` or ``cuda:1``; None takes the GPU of this process if there is one.

    Raises:
        DatasetError: There is no such device.
    """
    rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    local = int(os.environ.get("LOCAL_RANK", 0))
    if device is None:
        device = f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    place = usable_device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if count > 1:
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Ranks(rank, count, place)
        if count > 1:  # a rank that is left alone by one that ended sooner is aborted
            with suppress(RuntimeError):  # of one that failed, which says itself why
                dist.barrier()
    finally:
        if count > 1:
            dist.destroy_process_group()
