"""One function over many items: in this process, in many, or on a Dask cluster.

The results are the same for any number of workers. Memory stays bounded because only a few items
per worker are under way at a time, and whatever stops the run, no worker outlives it.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from mass13k_tools.errors import DatasetError

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT = 2  # items per worker that are under way, so that none waits for the next
PATIENCE = 3  # rounds in a row in which workers die before any result


@dataclass(frozen=True, slots=True)
class Workers:
    """Where the work is done."""

    jobs: int = 1
    """Processes on this machine; 1 works in this process."""
    cluster: str | None = None
    """Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``; takes the place of ``jobs``."""


@dataclass(frozen=True, slots=True)
class Done(Generic[Item, Result]):
    """What became of one item: a result, or the one line that says why not."""

    item: Item
    result: Result | None
    failure: str | None = None


def cores() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: Workers = Workers(),
    title: str = "",
) -> Iterator[Done[Item, Result]]:
    """Apply a function to every item and give each outcome as soon as it is there.

    An item that fails does not stop the others. Leaving the loop early, also by Ctrl-C, ends the
    workers.

    Args:
        function: Takes one item; picklable (a module's function or a ``functools.partial`` of one).
        items: What it is applied to; picklable.
        workers: Processes or a cluster.
        title: Shown in front of the progress bar on stderr; without one there is no bar.

    Yields:
        One outcome per item, in order of completion.

    Raises:
        DatasetError: The cluster cannot be reached, or no worker process stays alive.
    """
    with _progress(title, len(items)) as advance:
        for done in _outcomes(function, items, workers):
            advance()
            yield done


def _outcomes(
    function: Callable[[Item], Result], items: Sequence[Item], workers: Workers
) -> Iterator[Done[Item, Result]]:
    if workers.cluster is not None:
        with _cluster(workers.cluster) as (executor, cluster_cores):
            yield from _windowed(executor, function, list(items), width=IN_FLIGHT * cluster_cores)
    elif min(workers.jobs, len(items)) <= 1:
        for item in items:
            yield _outcome(item, partial(function, item))
    else:
        remaining, fruitless = list(items), 0
        while remaining:  # another round only where a worker died
            jobs, fruitless = min(workers.jobs, len(remaining)), fruitless + 1
            if fruitless > PATIENCE:
                raise DatasetError("worker processes die at once; try again with --jobs 1")
            with _processes(jobs) as executor:
                for done in _windowed(executor, function, remaining, width=IN_FLIGHT * jobs):
                    fruitless = fruitless if done.failure else 0
                    yield done


def _windowed(
    executor: Executor,
    function: Callable[[Item], Result],
    remaining: list[Item],
    *,
    width: int,
) -> Iterator[Done[Item, Result]]:
    """Keep ``width`` items under way; take them from ``remaining``, first one first.

    When a worker dies the items under way fail with it, and the rest stays in ``remaining``.
    """
    remaining.reverse()  # pop() from the end is cheap
    under_way: dict[Future[Result], Item] = {}
    broken = False
    while under_way or (remaining and not broken):
        while remaining and not broken and len(under_way) < width:
            try:
                under_way[executor.submit(function, remaining[-1])] = remaining[-1]
                remaining.pop()
            except (BrokenProcessPool, OSError):  # OSError: a process could not even be started
                broken = True
        finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in finished:
            broken = broken or isinstance(future.exception(), BrokenProcessPool)
            yield _outcome(under_way.pop(future), future.result)
    remaining.reverse()


def _outcome(item: Item, compute: Callable[[], Result]) -> Done[Item, Result]:
    try:
        return Done(item, compute())
    except DatasetError as error:
        return Done(item, None, str(error))
    except BrokenProcessPool:
        return Done(
            item, None, "its worker process died, out of memory? Try again with fewer --jobs"
        )
    except Exception as error:  # a fault of ours: listed with the item that shows it
        return Done(item, None, f"unexpected {type(error).__name__}: {error}")


@contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    context = multiprocessing.get_context(
        "spawn"
    )  # threads of numba and OpenCV do not survive a fork
    executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker)
    before = set(multiprocessing.active_children())
    try:
        yield executor
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, end when it ends, and use one processor."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Executor, int]]:
    try:
        from distributed import Client
    except ImportError as error:
        raise DatasetError(
            "--cluster needs Dask, which is not installed: pip install 'mass13k[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"no Dask scheduler answers at '{address}'; start one with 'dask scheduler' and pass "
            "the address that it prints"
        ) from error
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise DatasetError(
                f"the Dask scheduler at '{address}' has no workers; start some with "
                f"'dask worker {address}'"
            )
        # pure: Dask would take equal items for one and compute it once
        executor = client.get_executor(pure=False)
        try:
            yield executor, threads
        finally:
            executor.shutdown(wait=False)


class _Rate(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "?/s", style="progress.data.speed")


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar with rate and time left on stderr while the block runs."""
    if not title:
        yield lambda: None
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)
