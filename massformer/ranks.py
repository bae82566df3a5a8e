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


def device_of_rank(name: str, *, local: int, here: int) -> str:
    """Name the device of one of the processes on a machine: each has a GPU of its own.

    Args:
        name: As it was asked for.
        local: Number of the process on its machine.
        here: Processes on the machine.

    Raises:
        DatasetError: All would share a GPU.

    Example:
        >>> device_of_rank("cuda", local=1, here=4)
        'cuda:1'
    """
    if name == "cuda":
        return f"cuda:{local}"
    if name.startswith("cuda:") and here > 1:
        raise DatasetError(
            f"device '{name}' is one GPU for all {here} processes on this machine, "
            "expected one for each; pass --device cuda, or no --device"
        )
    return name


@contextmanager
def joined(device: str | None = None) -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started, and leave them at the end.

    Args:
        device: Such as ``cpu``, ``cuda`` or ``cuda:1``; None takes a GPU if there is one.

    Raises:
        DatasetError: There is no such device, or more processes than one would share it.
    """
    rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    local, here = int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    place = usable_device(device_of_rank(device, local=local, here=here))
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
