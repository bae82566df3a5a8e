"""How fast mIPQ is: against decoding the PNG it is measured in, and against scikit-image.

Usage: python scripts/bench_stats.py [LABEL.png ...]

Without files, two label maps of the sample data set are used. A ratio is the median over rounds
of two things measured in turn, in one process on one thread.
"""

import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from measuring import compare, milliseconds, print_table, sample_label_map, use_one_thread
from skimage import measure

from mass13k_tools.arrays import LabelMap
from mass13k_tools.images import png_bytes
from mass13k_tools.ops.census import census
from mass13k_tools.ops.complexity import complexity

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


def scikit_image_perimeters(label_map: LabelMap) -> list[float]:
    """Measure class by class, as one would without this project."""
    return [measure.perimeter(label_map == class_id) for class_id in np.unique(label_map)]


def label_files(arguments: list[str]) -> dict[str, bytes]:
    """Give the PNG files to measure: those named, or two scenes of the sample data set."""
    if arguments:
        return {path: Path(path).read_bytes() for path in arguments}
    return {f"sample scene {index}": png_bytes(sample_label_map(index)) for index in (0, 1)}


def main() -> None:
    """Print one Markdown table row per label map."""
    use_one_thread()
    files = label_files(sys.argv[1:])
    print_table(COLUMNS, (row(name, content) for name, content in files.items()))


def row(name: str, content: bytes) -> list[str]:
    """Measure one label map."""
    encoded = np.frombuffer(content, dtype=np.uint8)
    label_map: LabelMap = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), dtype=np.uint8)
    decode = partial(cv2.imdecode, encoded, cv2.IMREAD_UNCHANGED)
    mipq, count = partial(complexity, label_map), partial(census, label_map)
    to_decode = compare(mipq, decode, rounds=ROUNDS)
    slow = partial(scikit_image_perimeters, label_map)
    return [
        f"{name}, {label_map.shape[0]}x{label_map.shape[1]}",
        f"{complexity(label_map).mipq:.0f}",
        milliseconds(to_decode.other_s),
        milliseconds(to_decode.one_s),
        f"{to_decode.ratio:.2f}",
        f"{compare(count, decode, rounds=ROUNDS).ratio:.2f}",
        f"{compare(slow, mipq, rounds=SLOW_ROUNDS).ratio:.0f}",
    ]


if __name__ == "__main__":
    main()
