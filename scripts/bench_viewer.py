"""How fast the viewer answers: the first tile of a cold photo against decoding it, and warm tiles.

Usage: python scripts/bench_viewer.py [ROOT]

Without ROOT, scenes of the sample data set are painted. The server runs in this process and is
asked over loopback. A ratio is the median over rounds of two things done in turn, with its range.
"""

import socket
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import uvicorn
from measuring import compare, milliseconds, painted, print_table, seconds, use_one_thread

from mass13k_tools.inputs import read_bytes
from mass13k_tools.ops.pyramid import TILE_PX, level_count, level_size
from mass13k_tools.shards.jpeg_decode import decode_jpeg
from mass13k_tools.viewer.answers import Answers
from mass13k_tools.viewer.opening import open_answers, open_photos
from mass13k_tools.viewer.server import application

ROUNDS = 11
CLIENTS, REQUESTS = 8, 200
CACHE_MB = 256
COLUMNS = ("what", "one", "other", "ratio")


def main() -> None:
    """Print one Markdown table row per figure."""
    use_one_thread()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(sys.argv[1]) if sys.argv[1:] else painted(Path(folder) / "sample")
        rows = [cold(root, layer) for layer in ("image", "labels")]
        print_table(COLUMNS, [*rows, *served(root)])


def cold(root: Path, layer: str) -> list[str]:
    """Compare the first tile that is asked for with decoding the photo."""
    photos = open_photos(str(root))
    sample = photos.samples[0]

    def first_tile() -> None:
        open_answers(photos, cache_mb=CACHE_MB).layers.tile(0, layer, level=0, row=2, column=3)

    def decode() -> None:
        decode_jpeg(read_bytes(sample.image_path), sample.image_path)

    compared = compare(first_tile, decode, rounds=ROUNDS)
    times = milliseconds(compared.one_s), milliseconds(compared.other_s)
    return [f"first tile of a cold photo, {layer} / decoding the photo", *times, compared.text]


def served(root: Path) -> list[list[str]]:
    """Time what a browser sees: warm tiles one by one, and many clients at a time."""
    answers = open_answers(open_photos(str(root)), cache_mb=CACHE_MB)
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        home = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(application(answers), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=partial(server.run, sockets=[listening]))
        thread.start()
        try:
            return [warm(home, answers), crowd(home, answers)]
        finally:
            server.should_exit = True
            thread.join()


def warm(home: str, answers: Answers) -> list[str]:
    """Time tiles of a photo that is decoded, each for the first time."""
    addresses = tiles_of(answers, 0)
    fetch(f"{home}/{addresses[0]}")
    times = [seconds(partial(fetch, f"{home}/{address}")) for address in addresses[1:]]
    worst = milliseconds(max(times))
    return [
        f"warm tile, median of {len(times)}, and the slowest",
        milliseconds(median(times)),
        worst,
        "",
    ]


def crowd(home: str, answers: Answers) -> list[str]:
    """Let clients ask for tiles of several photos at a time; an error ends the benchmark."""
    photos = min(4, len(answers.layers.photos.samples))
    every = [address for number in range(photos) for address in tiles_of(answers, number)]
    chosen = every[:: max(1, len(every) // REQUESTS)][:REQUESTS]
    with ThreadPoolExecutor(CLIENTS) as pool:
        took = seconds(lambda: list(pool.map(lambda each: fetch(f"{home}/{each}"), chosen)))
    held = answers.layers.cache.held_bytes / 2**20
    what = f"{len(chosen)} tiles of {photos} photos by {CLIENTS} clients, and what the cache holds"
    return [what, f"{took:.1f} s", f"{held:.0f} of {CACHE_MB} MiB", ""]


def tiles_of(answers: Answers, number: int) -> list[str]:
    """Name all tiles of image and labels of a photo."""
    sample = answers.layers.photos.samples[number]
    size_hw = answers.layers.photos.size_hw(number)
    return [
        f"tile/{sample.split}/{sample.key}/{layer}/{level}/{row}_{column}.{ending}"
        for layer, ending in (("image", "jpg"), ("labels", "png"))
        for level in range(level_count(size_hw))
        for row in range(-(-level_size(size_hw, level)[0] // TILE_PX))
        for column in range(-(-level_size(size_hw, level)[1] // TILE_PX))
    ]


def fetch(address: str) -> bytes:
    """Ask for an address."""
    with urlopen(address, timeout=60) as answer:
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    main()
