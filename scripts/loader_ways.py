"""The ways to load training crops that ``bench_loader.py`` compares, and what each loads from."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from loader_peers import (
    PEERS,
    Loader,
    Loading,
    crop_numbers,
    files_of,
    folder_loader,
    released_crop,
)

from mass13k_tools.arrays import Image, LabelMap
from mass13k_tools.cli import main as mass13k
from mass13k_tools.layouts import find_dataset
from mass13k_tools.loader.crops import Crop, CropSettings, Photometrics, make_crop
from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.open_source import open_source
from mass13k_tools.loader.recipe import Recipe
from mass13k_tools.loader.resize import Box, Size
from mass13k_tools.loader.sources import Source
from mass13k_tools.loader.torch_photometric import distorted
from mass13k_tools.ops.blocks import BlockCounts

Way = Callable[[Loading], Loader]

PLAIN, SHARDS = "plain", "shards"  # folders
TIMES = 2  # that each sample comes in an epoch, so that epochs are long enough to time
SHARD_TIMES = 8

RELEASED = "released order, plain files"
CROP_FIRST = "crop first, plain files"
ON_HOST = "shards"
ON_DEVICE = "shards, colours left to a device"
TORCH_COLOURS = "shards, colours by torch on the processor"


class Repeated:
    """A source whose samples come several times in an epoch."""

    def __init__(self, source: Source, times: int) -> None:
        self.source, self.taxonomy = source, source.taxonomy
        self.keys = tuple(source.keys) * times

    def __len__(self) -> int:
        return len(self.keys)

    def size_hw(self, index: int) -> Size:
        """Tell the size of a sample."""
        return self.source.size_hw(index % len(self.source))

    def image_region(self, index: int, box: Box) -> Image:
        """Give a rectangle of an image."""
        return self.source.image_region(index % len(self.source), box)

    def label_region(self, index: int, box: Box) -> LabelMap:
        """Give a rectangle of a label map."""
        return self.source.label_region(index % len(self.source), box)

    def block_counts(self, index: int) -> BlockCounts | None:
        """Give the counts of a label map's blocks, where they are known."""
        return self.source.block_counts(index % len(self.source))


class TorchColours:
    """Batches whose colours are distorted as on a device, but on the processor."""

    def __init__(self, loader: CropLoader) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[torch.Tensor]:
        return (distorted(batch["image"], batch["distortion"]) for batch in self.loader)


def prepare(folder: Path, root: Path) -> None:
    """Put the samples of all splits into one, and that into every container.

    Args:
        folder: Is there and empty.
        root: Of the data set.
    """
    plain = folder / PLAIN
    for kind in ("images", "annotations"):
        (plain / kind / "train").mkdir(parents=True)
    for sample in find_dataset(root).samples:
        for kind, path in (("images", sample.image_path), ("annotations", sample.label_path)):
            (plain / kind / "train" / path.name).symlink_to(path.absolute())
    mass13k(["shard", str(plain), str(folder / SHARDS), "--jobs", "1"], standalone_mode=False)
    samples = find_dataset(plain).samples * TIMES
    for name, peer in PEERS.items():
        try:
            peer.write(samples, folder / name)
        except ImportError as error:
            print(f"{name} is left out: {error}")


def ways(folder: Path) -> dict[str, Way]:
    """Name every way to load what lies in a folder that was prepared."""
    left = partial(crop_loader, folder / SHARDS, times=SHARD_TIMES, photometrics="device")
    found: dict[str, Way] = {
        RELEASED: partial(plain_loader, folder / PLAIN),
        CROP_FIRST: partial(crop_loader, folder / PLAIN, times=TIMES),
        ON_HOST: partial(crop_loader, folder / SHARDS, times=SHARD_TIMES),
        ON_DEVICE: left,
        TORCH_COLOURS: lambda loading: TorchColours(left(loading)),
    }
    for name, peer in PEERS.items():
        if (folder / name).is_dir():
            found[name] = partial(peer.load, folder / name)
    return found


def crop_makers(folder: Path, recipe: Recipe) -> dict[str, Callable[[int], object]]:
    """Name every way to make one crop after the other, without workers or batches.

    Returns:
        Functions of the crop's number, to be called with 0, 1, 2, ...; the same number means the
        same random numbers in all of them, and the same sample in all but the peers.
    """
    plain, shards = (open_source(folder / kind, split="train") for kind in (PLAIN, SHARDS))
    samples = find_dataset(folder / PLAIN).samples

    def released(number: int) -> object:
        content = files_of(samples[number % len(samples)])
        return released_crop(content["jpg"], content["png"], recipe, crop_numbers(0, number))

    def ours(source: Source, photometrics: Photometrics, number: int) -> Crop:
        settings = CropSettings(recipe=recipe, photometrics=photometrics)
        return make_crop(source, number % len(source), settings, crop_numbers(0, number))

    def torch_colours(number: int) -> object:
        crop = ours(shards, "device", number)
        return distorted(torch.from_numpy(crop.image).permute(2, 0, 1)[None], [crop.distortion])

    makers: dict[str, Callable[[int], object]] = {
        RELEASED: released,
        CROP_FIRST: partial(ours, plain, "host"),
        ON_HOST: partial(ours, shards, "host"),
        ON_DEVICE: partial(ours, shards, "device"),
        TORCH_COLOURS: torch_colours,
    }
    for name, peer in PEERS.items():
        if (folder / name).is_dir():
            crops = endless(peer.load(folder / name, Loading(recipe, 1, 0)))
            makers[name] = partial(next_of, crops)
    return makers


def next_of(crops: Iterator[object], _: int) -> object:
    """Take the next crop, which has the number that is asked for."""
    return next(crops)


def endless(loader: Loader) -> Iterator[object]:
    """Load epoch after epoch."""
    while True:
        yield from loader


def plain_loader(folder: Path, loading: Loading) -> Loader:
    """Load in the released order from folders."""
    return folder_loader(find_dataset(folder).samples * TIMES, loading)


def crop_loader(
    address: Path, loading: Loading, *, times: int, photometrics: Photometrics = "host"
) -> CropLoader:
    """Load with this project."""
    return CropLoader(
        Repeated(open_source(address, split="train"), times),
        loading.recipe,
        batch_size=loading.batch_size,
        workers=loading.workers,
        photometrics=photometrics,
    )
