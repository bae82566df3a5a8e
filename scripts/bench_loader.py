"""How fast training crops are loaded: from shards, against the released order and other loaders.

Usage: python scripts/bench_loader.py [ROUNDS [ROOT]]

Without ROOT, the sample data set is painted. All its samples are taken as one split. First
rectangles and whole files; then one process alone, crop by crop, in processor time; then two
workers and batches, in wall time from the fifth batch of an epoch on. Ways to crops follow each
other; a ratio is the median, over samples in the first table and over rounds in the others, with
its range. Peak memory is that of a process of its own with two workers. ``loader_ways.py`` has the
ways, and ``loader_peers.py`` those of others; litdata and mosaicml-streaming are left out where
they are not installed.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from loader_peers import PEERS, Loader, Loading, decoded
from loader_ways import ON_DEVICE, ON_HOST, PLAIN, RELEASED, SHARDS, crop_makers, prepare, ways
from measuring import painted, paired, print_table, use_one_thread
from process_memory import peak_bytes

from mass13k_tools.layouts import find_dataset
from mass13k_tools.loader.recipe import Recipe
from mass13k_tools.shards.jpeg_decode import decode_jpeg
from mass13k_tools.shards.reader import ShardSet

ROUNDS = 5
BATCH = 4
WORKERS = 2
WARM_BATCHES = 2 * WORKERS
ALONE_CROPS = 24  # of a round
MEMORY_BATCHES = 10
REGION_PX = 1024
MEMORY = Path("/dev/shm")

REGION_COLUMNS = (f"{REGION_PX}x{REGION_PX} of a sample", "part", "whole", "faster")
ALONE_COLUMNS = ("one process", "processor time a crop", "faster than the released order")
TOGETHER_COLUMNS = (
    "two workers",
    "crops a second",
    "faster than the released order",
    "shards are faster",
    "colours on a device are faster",
    "peak memory",
)


def main() -> None:
    """Print the tables, or be the process whose memory is measured."""
    use_one_thread()
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--load"]:
        load_some(sys.argv[2], Path(sys.argv[3]))
        return
    rounds = int(sys.argv[1]) if sys.argv[1:] else ROUNDS
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        folder = Path(name)
        root = Path(sys.argv[2]) if sys.argv[2:] else painted(folder / "sample")
        prepare(folder, root)
        print_table(REGION_COLUMNS, regions(folder))
        print_table(ALONE_COLUMNS, alone(folder, rounds))
        print_table(TOGETHER_COLUMNS, together(folder, rounds))


def load_some(name: str, folder: Path) -> None:
    """Load some batches in one way."""
    drain(islice(ways(folder)[name](Loading(Recipe(), BATCH, WORKERS)), MEMORY_BATCHES))


def regions(folder: Path) -> Iterator[list[str]]:
    """Decode a rectangle of every sample, then every sample whole, in processor time.

    Not in turn: memory that a whole image gives back to the system would be missing to rectangles,
    which in a loader follow each other.
    """
    shards = ShardSet.open(folder / SHARDS)
    samples = find_dataset(folder / PLAIN).samples
    rng, boxes = np.random.default_rng(0), []
    for index in range(len(samples)):
        y, x = rng.integers(np.subtract(shards.size_hw(index), REGION_PX) + 1).tolist()
        boxes.append((y, x, REGION_PX, REGION_PX))
        shards.block_counts(index)  # the seek index is read once in a run

    def jpeg(index: int) -> object:
        return decoded(samples[index].image_path.read_bytes(), cv2.IMREAD_COLOR_BGR)

    def jpeg_fast(index: int) -> object:
        path = samples[index].image_path
        return decode_jpeg(path.read_bytes(), path)

    def labels(index: int) -> object:
        return decoded(samples[index].label_path.read_bytes(), cv2.IMREAD_UNCHANGED)

    for name, part, whole in (
        ("JPEG / whole by OpenCV", shards.image_region, jpeg),
        ("JPEG / whole by simplejpeg", shards.image_region, jpeg_fast),
        ("label map / whole by OpenCV", shards.label_region, labels),
    ):
        reads = [partial(part, index, box) for index, box in enumerate(boxes)]
        decodes = [partial(whole, index) for index in range(len(samples))]
        # The first comes twice, for what is compiled or cached
        parts = [processor_s(read) for read in (reads[0], *reads)][1:]
        wholes = [processor_s(decode) for decode in (decodes[0], *decodes)][1:]
        result = paired(wholes, parts)
        yield [
            name,
            f"{1000 * result.other_s:.1f} ms",
            f"{1000 * result.one_s:.0f} ms",
            result.text,
        ]


def alone(folder: Path, rounds: int) -> Iterator[list[str]]:
    """Make crops in one process, the same ones in every way."""
    makers = crop_makers(folder, Recipe())
    times: dict[str, list[float]] = {name: [0.0] * (rounds + 1) for name in makers}
    for number in range((rounds + 1) * ALONE_CROPS):
        for name, maker in makers.items():
            times[name][number // ALONE_CROPS] += processor_s(partial(maker, number))
    for name, (_, *spent) in times.items():  # the first round is for what is compiled or cached
        each = f"{1000 * median(spent) / ALONE_CROPS:.0f} ms"
        yield [name, each, paired(times[RELEASED][1:], spent).text]


def together(folder: Path, rounds: int) -> Iterator[list[str]]:
    """Load with workers."""
    found = ways(folder)
    peaks = {n: peak_bytes([sys.executable, __file__, "--load", n, str(folder)]) for n in found}
    loaders = {name: way(Loading(Recipe(), BATCH, WORKERS)) for name, way in found.items()}
    times: dict[str, list[float]] = {name: [] for name in loaders}
    for number in range(rounds + 1):
        for name, loader in loaders.items():
            once = crop_s(loader)
            if number:
                times[name].append(once)
    for name, spent in times.items():
        ours = [paired(spent, times[way]).text for way in (ON_HOST, ON_DEVICE)]
        yield [
            name,
            f"{1 / median(spent):.1f}",
            paired(times[RELEASED], spent).text,
            *(ours if name in (RELEASED, *PEERS) else ("", "")),
            f"{peaks[name] / 2**30:.1f} GiB",
        ]


def crop_s(loader: Loader) -> float:
    """Time the batches of an epoch, without the first of every worker; give seconds a crop."""
    batches = iter(loader)
    drain(islice(batches, WARM_BATCHES))
    start = time.perf_counter()
    count = drain(batches)
    return (time.perf_counter() - start) / (count * BATCH)


def drain(batches: Iterable[object]) -> int:
    """Take batches and drop them; give their number."""
    return sum(1 for _ in batches)


def processor_s(work: Callable[[], object]) -> float:
    """Measure the processor time of one call, of all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
