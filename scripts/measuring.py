"""What the benchmarks share: two things timed in turn, what to time them on, tables."""

import platform
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2

from mass13k_tools.arrays import LabelMap
from mass13k_tools.scenes import scene
from mass13k_tools.scenes.writing import SampleRequest, start_sample, write_scene

SIZE_HW = (3072, 4096)
SCENES = 24  # of a sample data set


class Comparison(NamedTuple):
    """Two things, each timed as often as the other."""

    one_s: float
    """Median seconds."""
    other_s: float
    ratio: float
    """Median over rounds of one / other."""
    lowest: float
    highest: float

    @property
    def text(self) -> str:
        """The ratio with its range: ``8.1 (7.9 to 8.4)``."""
        digits = 2 if self.ratio < 2 else 1 if self.ratio < 20 else 0
        return f"{self.ratio:.{digits}f} ({self.lowest:.{digits}f} to {self.highest:.{digits}f})"


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(one: Callable[[], object], other: Callable[[], object], *, rounds: int) -> Comparison:
    """Time two things in turn, after a first call of each that compiles what is compiled."""
    one(), other()
    pairs = [(seconds(one), seconds(other)) for _ in range(rounds)]
    one_s, other_s = zip(*pairs, strict=True)
    return paired(one_s, other_s)


def paired(one: Sequence[float], other: Sequence[float]) -> Comparison:
    """Compare two rows of times that were measured in turn."""
    ratios = [first / second for first, second in zip(one, other, strict=True)]
    return Comparison(median(one), median(other), median(ratios), min(ratios), max(ratios))


def milliseconds(time_s: float) -> str:
    """Write a time for a table."""
    return f"{1000 * time_s:.0f} ms"


def sample_label_map(index: int) -> LabelMap:
    """Paint the label map of a scene of the sample data set."""
    return scene(index, seed=0, size_hw=SIZE_HW).label_map


def painted(root: Path) -> Path:
    """Write the sample data set to a folder that is not there, and return the folder."""
    request = SampleRequest(root, SCENES, 0, SIZE_HW)
    start_sample(request)
    for index in range(SCENES):
        write_scene(index, request=request)
    return root


def use_one_thread() -> None:
    """Hold OpenCV to one thread, as everything here is, and print on what machine."""
    cv2.setNumThreads(1)
    print(f"{platform.machine()}, Python {platform.python_version()}, one thread")


def print_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a Markdown table, each row as soon as it is there."""
    columns = tuple(columns)
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
