"""What torch's worker processes make of requests, in the order of the requests.

Workers are spawned, because threads of OpenCV and numba do not survive a fork; each uses one thread
and stays for the next round. Pixels come through shared memory while there is room in it: a
container often has 64 MB only, and whoever writes more than that is killed.

Ctrl-C, ``timeout`` and Slurm tell all processes to end, not the parent alone. It may still have
something to save and needs its workers until then, so these hear of nothing; the parent ends them.
"""

import atexit
import shutil
import signal
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from multiprocessing import resource_tracker
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.arguments import whole_number

Request = TypeVar("Request")
Answer = TypeVar("Answer")

ENDING = (signal.SIGINT, signal.SIGTERM)
SHARED_MEMORY = "/dev/shm"  # on Linux; elsewhere it has no such limit


class Fetcher(Generic[Request, Answer]):
    """Makes answers to requests, here or in worker processes that stay until ``close``."""

    def __init__(
        self,
        make: Callable[[Request], Answer],
        *,
        workers: int,
        ahead: int = 2,
        pin_memory: bool = False,
    ) -> None:
        """Prepare; no process starts before the first round.

        Args:
            make: Answers a request; picklable.
            workers: Number of processes; 0 works in this one.
            ahead: Answers that each worker makes before they are asked for.
            pin_memory: Put tensors where a CUDA device copies them from without waiting.

        Raises:
            DatasetError: The number of workers is none.
        """
        workers = whole_number("workers", workers, least=0)
        self._made, self._requests = _Made(make), _Requests[Request]()
        self._options: dict[str, Any] = {"num_workers": workers, "pin_memory": pin_memory}
        if workers:
            self._options |= {
                "prefetch_factor": ahead,
                "persistent_workers": True,
                "multiprocessing_context": "spawn",
                "worker_init_fn": _start_worker,
            }
        self._loader: DataLoader[Any] | None = None
        self._rounds = 0
        _fetchers.add(self)

    def answers(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Answer requests in their order.

        Only one round goes on at a time: the newest.

        Raises:
            DatasetError: A newer round was begun.
        """
        self._rounds += 1
        number = self._rounds
        self._requests.now = requests
        if self._loader is None:
            self._loader = DataLoader(
                self._made,
                batch_size=None,
                sampler=self._requests,
                collate_fn=_as_it_is,
                **self._options,
            )
        try:
            answers = self._begun(self._loader)
            for _ in requests:
                if number != self._rounds:
                    raise DatasetError(
                        "this round over a loader cannot go on: another one was begun, or the "
                        "loader was closed or set to another state"
                    )
                yield next(answers)
        except GeneratorExit:  # the loop was left; the next round may follow
            raise
        except BaseException:
            if number == self._rounds:
                self.close()
            raise

    def forget(self) -> None:
        """Refuse to go on with the round that is under way."""
        self._rounds += 1

    def close(self) -> None:
        """End the workers; the next round starts new ones."""
        self.forget()
        loader, self._loader = self._loader, None
        running = getattr(loader, "_iterator", None)
        if running is not None:
            try:
                running._shutdown_workers()  # dropping it is not enough: tracebacks may hold it
            except RuntimeError:  # a worker that dies while it ends must not hide why all end
                pass
            finally:
                for process in running._workers:
                    process.kill()

    def _begun(self, loader: DataLoader[Any]) -> Iterator[Answer]:
        """Begin a round, the first of which starts the workers."""
        starts = loader.num_workers > 0 and getattr(loader, "_iterator", None) is None
        with _ending_is_for_the_parent() if starts else nullcontext():
            return iter(loader)


_fetchers: weakref.WeakSet[Fetcher[Any, Any]] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End workers that are left: Python would ask them to end, and wait for them forever."""
    for fetcher in list(_fetchers):
        fetcher.close()


@contextmanager
def _ending_is_for_the_parent() -> Iterator[None]:
    """Let processes start that are not ended before ``_start_worker`` runs in them.

    They inherit that the signals are blocked. The parent is told what came meanwhile, afterwards.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # when it starts, it unblocks them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def sendable(pixels: NDArray[np.uint8]) -> Tensor | NDArray[np.uint8]:
    """Give pixels the form in which they leave this process.

    Returns:
        A tensor, which goes through shared memory, or where that is full the array itself, which
        goes through a pipe, four times as slow.
    """
    return torch.from_numpy(pixels) if fits_shared_memory(pixels.nbytes) else pixels


def fits_shared_memory(size: int) -> bool:
    """Tell whether so many bytes can leave this process through shared memory."""
    info = get_worker_info()
    if info is None:
        return True
    try:
        free = shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        return True
    return free >= (info.num_workers + 1) * size  # all may be about to write at the same time


class _Requests(Generic[Request]):
    """What torch asks at the start of a round."""

    def __init__(self) -> None:
        self.now: Sequence[Request] = ()

    def __iter__(self) -> Iterator[Request]:
        return iter(self.now)

    def __len__(self) -> int:
        return len(self.now)


class _Made(Dataset[Any]):
    """What torch asks for the answer to a request."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self.make = make

    def __getitem__(self, request: Any) -> Any:
        return self.make(request)


def _as_it_is(answer: Any) -> Any:
    return answer


def _start_worker(_: int) -> None:
    """Leave it to the parent when to end, and use one processor."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
