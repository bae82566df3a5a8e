"""How fast mIPQ is: against decoding the PNG it is measured in, and against scikit-image.

Usage: python scripts/bench_stats.py [LABEL.png ...]

Without files, two label maps of the sample data set are used. A ratio is the median over rounds
of two things measured in turn, in one process on one thread.
"""

import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from skimage import measure

from mass13k_tools.arrays import LabelMap
from mass13k_tools.images import png_bytes
from mass13k_tools.ops.census import census
from mass13k_tools.ops.complexity import complexity
from mass13k_tools.scenes import scene

SIZE_HW = (3072, 4096)
ROUNDS = 7
SLOW_ROUNDS = 2
COLUMNS = (
    "label map",
    "mIPQ",
    "decode PNG (cv2)",
    "mIPQ of all classes",
    "mIPQ / decode",
    "census / decode",
    "scikit-image / mIPQ",
)


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(
    one: Callable[[], object], other: Callable[[], object], rounds: int
) -> tuple[float, ...]:
    """Time two things in turn; give both medians in seconds and the median ratio one / other."""
    pairs = [(seconds(one), seconds(other)) for _ in range(rounds)]
    ratios = [first / second for first, second in pairs]
    medians = (statistics.median(times) for times in zip(*pairs, strict=True))
    return *medians, statistics.median(ratios)


def scikit_image_perimeters(label_map: LabelMap) -> list[float]:
    """Measure class by class, as one would without this project."""
    return [measure.perimeter(label_map == class_id) for class_id in np.unique(label_map)]


def label_files(arguments: list[str]) -> dict[str, bytes]:
    """Give the PNG files to measure: those named, or two scenes of the sample data set."""
    if arguments:
        return {path: Path(path).read_bytes() for path in arguments}
    return {
        f"sample scene {index}": png_bytes(scene(index, seed=0, size_hw=SIZE_HW).label_map)
        for index in (0, 1)
    }


def main() -> None:
    """Print one Markdown table row per label map."""
    cv2.setNumThreads(1)
    print(f"{platform.machine()}, Python {platform.python_version()}, one thread\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, content in label_files(sys.argv[1:]).items():
        print(f"| {' | '.join(row(name, content))} |")


def row(name: str, content: bytes) -> list[str]:
    """Measure one label map."""
    encoded = np.frombuffer(content, dtype=np.uint8)
    label_map: LabelMap = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), dtype=np.uint8)
    decode = partial(cv2.imdecode, encoded, cv2.IMREAD_UNCHANGED)
    mipq, count = partial(complexity, label_map), partial(census, label_map)
    mipq(), count()  # compile
    mipq_s, decode_s, mipq_to_decode = compare(mipq, decode, ROUNDS)
    _, _, count_to_decode = compare(count, decode, ROUNDS)
    _, _, gain = compare(partial(scikit_image_perimeters, label_map), mipq, SLOW_ROUNDS)
    return [
        f"{name}, {label_map.shape[0]}x{label_map.shape[1]}",
        f"{complexity(label_map).mipq:.0f}",
        f"{1000 * decode_s:.0f} ms",
        f"{1000 * mipq_s:.0f} ms",
        f"{mipq_to_decode:.2f}",
        f"{count_to_decode:.2f}",
        f"{gain:.0f}",
    ]


if __name__ == "__main__":
    main()
