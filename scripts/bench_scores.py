"""How fast the official scores, edge maps and boundary weights are, against the usual ways.

Usage: python scripts/bench_scores.py [ROUNDS]

The label maps are two scenes of the sample data set at 3072x4096; the predictions are the same
maps moved by a few pixels, or sampled at a quarter of the size. A ratio is the median over rounds
of two things measured in turn, in one process on one thread, with the lowest and the highest. The
other ways are in ``usual_ways.py``.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from measuring import (
    compare,
    milliseconds,
    print_table,
    sample_label_map,
    use_one_thread,
)
from skimage.segmentation import find_boundaries
from usual_ways import (
    boundary_windows,
    distances,
    filtered_weights,
    own_of,
    pooled_weights,
    released_band,
    released_edges,
    released_sums,
)

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, check_pair, value_counts
from mass13k_tools.classes import MASS13K
from mass13k_tools.ops.bands import band_width, bands, class_bands
from mass13k_tools.ops.boundary_f1 import match_boundaries
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.ops.score_sums import BAND_RATIO, confusion, pair_sums, tolerances_px
from mass13k_tools.ops.weights import boundary_weights, own_weights

ROUNDS = 5
MOVED_PX = (3, 4)
QUARTER = 4
KERNEL_PX = 5
CLASS_IDS = MASS13K.ids


def region_and_band_counts(prediction: LabelMap, truth: LabelMap) -> tuple[Counts, Counts]:
    """Count what mIoU and BIoU follow from: labels, and labels in the bands, truth by prediction.

    With the checks of ``pair_sums``, but without its boundary F1.
    """
    check_pair(prediction, truth)
    for label_map in (prediction, truth):
        value_counts(label_map)
    width = band_width(truth.shape, BAND_RATIO)
    in_band, in_true_band = (
        np.where(bands(label_map, width_px=width), label_map, np.uint8(IGNORE))
        for label_map in (prediction, truth)
    )
    return confusion(prediction, truth), confusion(in_band, in_true_band)


def sample_pairs() -> Iterator[tuple[str, LabelMap, LabelMap]]:
    """Give name, prediction and truth of every pair."""
    for index in (0, 1):
        truth = sample_label_map(index)
        yield f"scene {index}, moved", np.roll(truth, MOVED_PX, (0, 1)), truth
        small = truth[QUARTER // 2 :: QUARTER, QUARTER // 2 :: QUARTER]
        yield f"scene {index}, quarter", small.repeat(QUARTER, 0).repeat(QUARTER, 1), truth


def versus(ours: Callable[[], object], other: Callable[[], object], rounds: int) -> list[str]:
    """Measure one way against ours: its time, our time, how many times faster we are."""
    result = compare(other, ours, rounds=rounds)
    return [milliseconds(result.one_s), milliseconds(result.other_s), result.text]


def band_row(prediction: LabelMap, truth: LabelMap, rounds: int) -> list[str]:
    """Bands of all classes of both maps."""
    width = band_width(truth.shape, BAND_RATIO)

    def ours() -> None:
        for label_map in (prediction, truth):
            bands(label_map, width_px=width)

    def released() -> None:
        for label_map in (prediction, truth):
            for class_id in CLASS_IDS:
                released_band((label_map == class_id).astype(np.uint8), width_px=width)

    return versus(ours, released, rounds)


def score_row(prediction: LabelMap, truth: LabelMap, rounds: int) -> list[str]:
    """Sums of mIoU and BIoU; then those of everything, boundary F1 at five tolerances included."""
    released = partial(released_sums, prediction, truth, classes=len(CLASS_IDS))
    counts = partial(region_and_band_counts, prediction, truth)
    everything = partial(pair_sums, prediction, truth, CLASS_IDS)
    return versus(counts, released, rounds) + versus(everything, released, rounds)[1:]


def boundary_row(prediction: LabelMap, truth: LabelMap, rounds: int) -> list[str]:
    """Boundary F1 from label maps, against distance transforms of ready boundaries of the truth."""
    tolerances = tolerances_px(truth.shape)
    margin = int(max(tolerances)) + 1
    windows = boundary_windows(truth, class_bands(truth, width_px=1), margin_px=margin)
    ours = partial(match_boundaries, truth, prediction, tolerances_px=tolerances)
    return versus(ours, partial(distances, windows), rounds)


def edge_row(label_map: LabelMap, rounds: int) -> list[str]:
    """Released edge maps against the same in numpy, and the edges that scikit-image offers."""
    ours = partial(edge_map, label_map, mode="released")
    numpy_way = partial(released_edges, label_map, width_px=2)
    return versus(ours, numpy_way, rounds) + versus(ours, partial(find_boundaries, label_map), 2)


def weight_row(label_map: LabelMap, rounds: int) -> list[str]:
    """Weights of all classes, and every pixel's own, against averages class by class."""
    classwise = [
        partial(way, label_map, CLASS_IDS, kernel_px=KERNEL_PX)
        for way in (pooled_weights, filtered_weights)
    ]
    ours = partial(boundary_weights, label_map, CLASS_IDS, kernel_px=KERNEL_PX)
    own = partial(own_weights, label_map, kernel_px=KERNEL_PX)
    by_torch, by_scipy = (versus(ours, way, rounds) for way in classwise)

    def own_by_torch() -> None:
        own_of(classwise[0](), label_map, CLASS_IDS)

    return [*by_torch, by_scipy[0], by_scipy[2], *versus(own, own_by_torch, rounds)[1:]]


PairRow = Callable[[LabelMap, LabelMap, int], list[str]]
MapRow = Callable[[LabelMap, int], list[str]]
Columns = tuple[str, ...]
PAIR_TABLES: tuple[tuple[Columns, PairRow], ...] = (
    (
        ("Boundary bands", "per class", "bands", "faster"),
        band_row,
    ),
    (
        ("Sums of a pair", "released", "mIoU + BIoU", "faster", "with boundary F1", "faster"),
        score_row,
    ),
    (
        ("Boundary F1", "one transform a class", "boundary F1", "faster"),
        boundary_row,
    ),
)
MAP_TABLES: tuple[tuple[Columns, MapRow], ...] = (
    (
        ("Released edges", "numpy", "edges", "faster", "scikit-image", "edges", "faster"),
        edge_row,
    ),
    (
        ("Weights", "torch", "weights", "faster", "scipy", "faster", "own weights", "faster"),
        weight_row,
    ),
)


def main() -> None:
    """Print one Markdown table per question."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    use_one_thread()
    torch.set_num_threads(1)
    pairs = list(sample_pairs())
    for columns, row in PAIR_TABLES:
        print_table(columns, ([name, *row(one, two, rounds)] for name, one, two in pairs))
    maps = [(f"scene {index}", pairs[2 * index][2]) for index in (0, 1)]
    for columns, map_row in MAP_TABLES:
        print_table(columns, ([name, *map_row(one, rounds)] for name, one in maps))


if __name__ == "__main__":
    main()
