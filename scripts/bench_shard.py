"""How fast shards are written: against tar and sha256sum, and against decoding what goes in.

Usage: python scripts/bench_shard.py [ROOT]

Without ROOT, scenes of the sample data set are painted. A ratio is the median over rounds of two
things done in turn, with its range. One process; while it reads and writes, a thread of its own
hashes the shard. Both sides write into memory where there is /dev/shm, else to disk.
"""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from measuring import Comparison, compare, milliseconds, painted, print_table, use_one_thread

from mass13k_tools.classes import MASS13K
from mass13k_tools.layouts import Sample, find_dataset
from mass13k_tools.shards.converted import converted_sample
from mass13k_tools.shards.encoded import read_sources
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.plan import ShardSettings, plan_shards
from mass13k_tools.shards.writer import Target, write_shard

ROUNDS = 9
CONVERTED = 6  # samples, spread evenly
MEMORY = Path("/dev/shm")
COLUMNS = ("what", "of", "one", "other", "ratio")


def main() -> None:
    """Print one Markdown table row per comparison."""
    use_one_thread()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        root = Path(sys.argv[1]) if sys.argv[1:] else painted(Path(folder) / "sample")
        samples = find_dataset(root).samples
        out = Path(folder) / "out"
        out.mkdir()
        print_table(COLUMNS, [copying(samples, out), converting(samples)])


def copying(samples: tuple[Sample, ...], out: Path) -> list[str]:
    """Compare one shard of copied files with what a shell would do."""
    settings = ShardSettings(copy=True)
    one_split = [Sample(s.key, "all", s.image_path, s.label_path) for s in samples]
    (plan,) = plan_shards(one_split, MASS13K, name="ours", size_bytes=2**60, settings=settings)
    target = Target(Place.of(out), out, settings, MASS13K)
    paths = [str(path) for s in samples for path in (s.image_path, s.label_path)]
    (out / "files").write_text("\n".join(paths))
    shell = f"cd {out} && tar cPf theirs.tar --format=ustar -T files && sha256sum theirs.tar"
    theirs = partial(subprocess.run, ["sh", "-c", shell], check=True, stdout=subprocess.DEVNULL)
    compared = compare(partial(write_shard, plan, target=target), theirs, rounds=ROUNDS)
    size = sum(Path(path).stat().st_size for path in paths)
    return row("writing a shard, --copy / tar and sha256sum", f"{size / 1e6:.0f} MB", compared)


def converting(samples: tuple[Sample, ...]) -> list[str]:
    """Compare making both files seekable with decoding them."""
    chosen = samples[:: max(1, len(samples) // CONVERTED)][:CONVERTED]
    compared = compare(partial(convert, chosen), partial(decode, chosen), rounds=ROUNDS)
    return row("making seekable / decoding with OpenCV", f"{len(chosen)} samples", compared)


def convert(samples: tuple[Sample, ...]) -> None:
    """Make the members of samples."""
    for sample in samples:
        converted_sample(sample, read_sources(sample), MASS13K, ShardSettings())


def decode(samples: tuple[Sample, ...]) -> None:
    """Decode images and label maps."""
    for sample in samples:
        for path in (sample.image_path, sample.label_path):
            cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)


def row(what: str, amount: str, compared: Comparison) -> list[str]:
    """Write one row."""
    times = (milliseconds(compared.one_s), milliseconds(compared.other_s))
    return [what, amount, *times, compared.text]


if __name__ == "__main__":
    main()
