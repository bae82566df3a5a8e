"""The memory that batches are made in: shared with the process that uses them, and used again.

New shared memory costs a worker more time than all copying: the kernel clears and maps every page.
So a worker keeps the memory of its last batches, and fills it again once nothing is left of the
batch that was in it. That is told by a byte behind the pixels, so nobody who uses a batch has to
give it back, and who keeps batches keeps them unchanged.
"""

import math
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

from mass13k_tools.loader.fetching import fits_shared_memory

Shape = tuple[int, int, int]  # samples, height, width

ROOMS_KEPT = 4  # a batch in use, one that waits, one that is being made, and one to spare


class Pixels(NamedTuple):
    """What a batch consists of, where it is used."""

    images: Tensor
    """Shape (B, h, w, 3), uint8."""
    label_maps: Tensor
    """Shape (B, h, w), uint8."""


class Room:
    """Memory for a batch, where it is made; sent to another process, it arrives as ``Pixels``."""

    def __init__(self, memory: Tensor, shape: Shape) -> None:
        self.memory, self.shape = memory, shape
        self.images, self.label_maps = (part.numpy() for part in _pixels(memory, shape))
        self.in_use = memory[-1:].numpy()

    def __reduce__(self) -> tuple[Callable[..., Pixels], tuple[Any, ...]]:
        if self.memory.is_shared():  # type: ignore[no-untyped-call]  # torch's own gap
            return _lent, (self.memory, self.shape)
        return _piped, (self.memory.numpy(), self.shape)


class BatchMemory:
    """The rooms of one process."""

    def __init__(self) -> None:
        self._rooms: list[Room] = []

    def __getstate__(self) -> dict[str, Any]:
        return {"_rooms": []}  # every worker has its own

    def room(self, shape: Shape) -> Room:
        """Make room for a batch that leaves this process.

        Args:
            shape: Samples, height and width.

        Returns:
            In shared memory if this is a worker and there is enough of it.
        """
        for room in self._rooms:
            if room.shape == shape and not room.in_use[0]:
                break
        else:
            size = 4 * math.prod(shape) + 1
            if get_worker_info() is None or not fits_shared_memory(size):
                return Room(torch.from_numpy(np.empty(size, dtype=np.uint8)), shape)
            storage = torch.UntypedStorage._new_shared(size)  # type: ignore[no-untyped-call]
            room = Room(torch.empty(0, dtype=torch.uint8).set_(storage), shape)
            if len(self._rooms) < ROOMS_KEPT:
                self._rooms.append(room)
        room.in_use[0] = True
        return room


def _pixels(memory: Tensor, shape: Shape) -> Pixels:
    count = math.prod(shape)
    images, label_maps = memory[: 3 * count], memory[3 * count : 4 * count]
    return Pixels(images.view(*shape, 3), label_maps.view(shape))


def _lent(memory: Tensor, shape: Shape) -> Pixels:
    """Take a batch as it comes from a worker, and free its memory when nothing is left of it."""
    values = memory.numpy()  # all tensors of the batch hold on to it
    weakref.finalize(values, memory[-1:].zero_).atexit = False
    return _pixels(torch.from_numpy(values), shape)


def _piped(values: NDArray[np.uint8], shape: Shape) -> Pixels:
    """Take a batch that came through a pipe, four times as slow."""
    return _pixels(torch.from_numpy(values), shape)
