"""How fast the network is and how much memory it takes, against the usual ways.

Usage: python scripts/bench_model.py [--quick] [--rounds N] [--only ROW ...]

Rows: ``deform``, deformable convolution against gathering what all taps see, on one thread;
``whole``, a photo of 3072x4096 by ``python -m massformer.predict``; ``strips``, prediction in
strips against the released formula in one piece; ``peer``, against the Mask2Former of transformers
(ResNet-50) at one size; ``profile``, the operators that take longest; ``cuda``, what only a GPU can
tell. Weights are random, the image is painted. What is compared runs in turn, each time in a fresh
process; a ratio is the median over rounds, with its range. Memory is what a call adds to what the
process held before; in ``whole`` and ``cuda`` it is all that is held. ``model_ways.py`` has the
ways. What is not installed is left out; ``--quick`` takes small sizes, to see that all works.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from measuring import milliseconds, paired, print_table
from model_ways import (
    COMPILED,
    GATHERED,
    IN_CHANNELS,
    KERNEL,
    MASK2FORMER,
    ONE_PIECE,
    OUT_CHANNELS,
    STRIPS,
    TAP_BY_TAP,
    TORCHVISION,
    WAYS,
    Job,
    fresh_network,
    measured,
    photo,
)
from operator_times import operator_times

from mass13k_tools.arrays import size_text
from mass13k_tools.images import jpeg_bytes
from mass13k_tools.printing import bytes_text
from massformer.checkpoint import save_model

OPERATORS = 10
OPERATOR_LETTERS = 60  # names of kernels are templates, written out
BUDGET_GIB = 4

VERSUS_COLUMNS = ("ours / other", "time of other", "ours", "faster", "its memory", "ours", "less")
WHOLE_COLUMNS = ("python -m massformer.predict", "tiles", "network", "peak memory")
CUDA_COLUMNS = ("a photo on the GPU, bf16", "an image", "images a second", "peak memory", "first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What is measured."""

    preset: str = "massformer"
    rounds: int = 3
    map_hw: tuple[int, int] = (192, 256)
    """That is convolved: a quarter of an image of 768x1024."""
    whole_hw: tuple[int, int] = (3072, 4096)
    strips_hw: tuple[int, int] = (1024, 1365)
    peer_hw: tuple[int, int] = (768, 1024)
    cuda_map_hw: tuple[int, int] = (384, 512)
    cuda_calls: int = 10


FULL = Scale()
QUICK = Scale(
    preset="tiny",
    rounds=1,
    map_hw=(24, 32),
    whole_hw=(192, 256),
    strips_hw=(128, 171),
    peer_hw=(128, 128),
    cuda_map_hw=(48, 64),
    cuda_calls=2,
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument("--rounds", type=int, help="of what is compared")
    parser.add_argument("--only", action="append", choices=TABLES, help="may be repeated")
    given = parser.parse_args()
    scale = QUICK if given.quick else FULL
    scale = replace(scale, rounds=given.rounds or scale.rounds)
    print(
        f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads where nothing else is said"
    )
    for name in given.only or TABLES:
        TABLES[name](scale)


def deform(scale: Scale) -> None:
    """Compare deformable convolutions on one thread."""
    ours = Job(TAP_BY_TAP, scale.map_hw, calls=3, threads=1)
    print_table(VERSUS_COLUMNS, deform_rows(ours, GATHERED, scale.rounds))


def whole(scale: Scale) -> None:
    """Run the command on one photo, whole and within a budget."""
    print_table(WHOLE_COLUMNS, whole_rows(scale))


def strips(scale: Scale) -> None:
    """Compare strips with one piece."""
    ours = Job(STRIPS, scale.strips_hw, scale.preset)
    what = f"{scale.preset}, {size_text(scale.strips_hw)}: {STRIPS} / {ONE_PIECE}"
    print_table(VERSUS_COLUMNS, [versus(what, ours, ONE_PIECE, scale.rounds)])


def peer(scale: Scale) -> None:
    """Compare with the Mask2Former of transformers, ResNet-50 in both."""
    if find_spec("transformers") is None:
        print("\npeer: left out, transformers is not installed: pip install 'mass13k[peers]'")
        return
    ours = Job(STRIPS, scale.peer_hw)
    what = f"{size_text(scale.peer_hw)}: MaSSFormer / {MASK2FORMER} of transformers, both ResNet-50"
    print_table(VERSUS_COLUMNS, [versus(what, ours, MASK2FORMER, scale.rounds)])


def profile(scale: Scale) -> None:
    """List the operators of a prediction on the CPU that take longest."""
    title = f"operator, {scale.preset}, {size_text(scale.strips_hw)}, CPU"
    print_operators(title, Job(STRIPS, scale.strips_hw, scale.preset))


def cuda(scale: Scale) -> None:
    """Measure on a GPU: a whole photo, deformable convolutions, the kernels that take longest."""
    if not torch.cuda.is_available():
        print("\ncuda: left out, there is no CUDA device")
        return
    print(f"\n{torch.cuda.get_device_name()}")
    job = Job(
        STRIPS,
        scale.whole_hw,
        scale.preset,
        device="cuda",
        dtype="bf16",
        calls=scale.cuda_calls,
    )
    print_table(CUDA_COLUMNS, cuda_rows(job))
    ours = Job(TAP_BY_TAP, scale.cuda_map_hw, device="cuda", calls=scale.cuda_calls)
    others = [GATHERED, TORCHVISION]
    if find_spec("torchvision") is None:
        print("\ntorchvision is not installed: its deform_conv2d is left out")
        others.remove(TORCHVISION)
    rows = (row for other in others for row in deform_rows(ours, other, scale.rounds))
    print_table(VERSUS_COLUMNS, rows)
    print_operators(f"kernel, {scale.preset}, {size_text(scale.whole_hw)}, bf16", job)


TABLES: dict[str, Callable[[Scale], None]] = {
    each.__name__: each for each in (deform, whole, strips, peer, profile, cuda)
}


def deform_rows(ours: Job, other: str, rounds: int) -> Iterator[list[str]]:
    """Compare a deformable convolution without and with gradients."""
    layer = f"{IN_CHANNELS} to {OUT_CHANNELS} channels, k = {KERNEL}, {size_text(ours.size_hw)}"
    for backward in (False, True):
        what = f"{layer}, forward{' and backward' * backward}: {TAP_BY_TAP} / {other}"
        yield versus(what, ours._replace(backward=backward), other, rounds)


def versus(what: str, ours: Job, other: str, rounds: int) -> list[str]:
    """Measure another way and ours in turn."""
    jobs = ours._replace(way=other), ours
    found = [tuple(map(measured, jobs)) for _ in range(rounds)]
    theirs, own = zip(*found, strict=True)
    time = paired([each.seconds for each in theirs], [each.seconds for each in own])
    memory = paired([each.added_bytes for each in theirs], [each.added_bytes for each in own])
    texts = map(bytes_text, (memory.one_s, memory.other_s))
    return [what, *map(milliseconds, (time.one_s, time.other_s)), time.text, *texts, memory.text]


def whole_rows(scale: Scale) -> Iterator[list[str]]:
    """Predict a JPEG file by the command, with random weights."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_model(folder / "network", fresh_network(scale.preset))
        (folder / "photo.jpg").write_bytes(jpeg_bytes(photo(scale.whole_hw)))
        for options in ([], ["--memory-gb", str(BUDGET_GIB)]):
            found = predicted(folder, options)
            (image,) = found["images"]
            title = " ".join([f"{scale.preset}, {size_text(scale.whole_hw)}", *options])
            peak = bytes_text(found["peak_bytes"])
            yield [title, str(image["tiles"]), f"{image['seconds']:.1f} s", peak]


def predicted(folder: Path, options: list[str]) -> dict[str, Any]:
    """Run the command on the CPU; give what it says of itself."""
    command = [sys.executable, "-m", "massformer.predict", "network", "photo.jpg", "--json"]
    command += ["--device", "cpu", "--out", f"out{len(options)}", *options]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def cuda_rows(job: Job) -> Iterator[list[str]]:
    """Predict a photo again and again, as it is and compiled."""
    for way in (STRIPS, COMPILED):
        found = measured(job._replace(way=way))
        title = f"{job.preset}, {size_text(job.size_hw)}, {way}"
        times = milliseconds(found.seconds), f"{1 / found.seconds:.1f}"
        yield [title, *times, bytes_text(found.peak_bytes), f"{found.first_s:.1f} s"]


def print_operators(title: str, job: Job) -> None:
    """Print a table of the operators, or kernels, that take longest."""
    times = operator_times(WAYS[job.way](job), cuda=job.device != "cpu")
    rows = (
        [
            each.name[:OPERATOR_LETTERS],
            str(each.calls),
            milliseconds(each.seconds),
            f"{each.share:.0%}",
        ]
        for each in times[:OPERATORS]
    )
    print_table((title, "calls", "time", "share"), rows)


if __name__ == "__main__":
    main()
