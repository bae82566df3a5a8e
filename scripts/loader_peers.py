"""The usual ways to training crops: whole files are decoded, resized and only then cropped.

The files come from folders, or from webdataset, litdata or mosaicml-streaming, each used as its
documentation shows; the last two are no dependencies of this project. Of the project's own code
only the drawing of random numbers is used, so that the same numbers give the same crop.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from mass13k_tools.arrays import IGNORE
from mass13k_tools.layouts import Sample
from mass13k_tools.loader.photometric import Distortion, draw_distortion
from mass13k_tools.loader.recipe import Recipe, resized_size

Pixels = NDArray[np.uint8]
Loader = Iterable[Any]  # each round over it is an epoch

SAMPLES_A_SHARD = 6
SHARD_BYTES = 2**25


class Pair(NamedTuple):
    """A crop in BGR and its labels."""

    image: Pixels  # (h, w, 3)
    label_map: Pixels  # (h, w)


class Loading(NamedTuple):
    """How batches are loaded."""

    recipe: Recipe
    batch_size: int
    workers: int


def released_crop(image: bytes, label: bytes, recipe: Recipe, rng: np.random.Generator) -> Pair:
    """Make a sample in the released order.

    Args:
        image: Content of the file.
        label: Content of the file; its raw values are class ids.
        recipe: What is drawn; the resized image is nowhere smaller than the crop.
        rng: Where the random numbers come from, in the order of ``recipe.draw``.
    """
    pixels, labels = decoded(image, cv2.IMREAD_COLOR_BGR), decoded(label, cv2.IMREAD_UNCHANGED)
    short_px = recipe.short_sides_px[int(rng.integers(len(recipe.short_sides_px)))]
    flip = rng.random() < recipe.flip_chance
    distortion = draw_distortion(recipe.distortion, rng)
    size_hw = (labels.shape[0], labels.shape[1])
    height, width = resized_size(size_hw, short_px, most_long_side_px=recipe.most_long_side_px)
    pixels = as_pixels(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR))
    labels = as_pixels(cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST))
    for _ in range(recipe.redraws + 1):
        y = int(rng.integers(height - recipe.crop_hw[0] + 1))
        x = int(rng.integers(width - recipe.crop_hw[1] + 1))
        window = np.s_[y : y + recipe.crop_hw[0], x : x + recipe.crop_hw[1]]
        values, counts = np.unique(labels[window], return_counts=True)
        counts = counts[values != IGNORE]
        if counts.size > 1 and counts.max() / counts.sum() < recipe.most_share:
            break
    pixels, labels = pixels[window], labels[window]
    if flip:
        pixels, labels = as_pixels(cv2.flip(pixels, 1)), as_pixels(cv2.flip(labels, 1))
    return Pair(_distorted(pixels, distortion), labels)


def decoded(content: bytes, flags: int) -> Pixels:
    """Decode a file with OpenCV, whole."""
    return as_pixels(cv2.imdecode(np.frombuffer(content, np.uint8), flags))


def as_pixels(values: Any) -> Pixels:
    """Tell the type of what OpenCV returns, which says less of it; nothing is copied."""
    return np.asarray(values, dtype=np.uint8)


def _distorted(image: Pixels, distortion: Distortion) -> Pixels:
    """Distort colours with float32 arithmetic, pixel by pixel."""
    if distortion.brightness is not None:
        image = _converted(image, added=distortion.brightness)
    if distortion.contrast is not None and not distortion.contrast_last:
        image = _converted(image, factor=distortion.contrast)
    if distortion.saturation is not None:
        hsv = as_pixels(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
        hsv[:, :, 1] = _converted(hsv[:, :, 1], factor=distortion.saturation)
        image = as_pixels(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))
    if distortion.hue is not None:
        hsv = as_pixels(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
        hsv[:, :, 0] = (hsv[:, :, 0].astype(int) + distortion.hue) % 180
        image = as_pixels(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))
    if distortion.contrast is not None and distortion.contrast_last:
        image = _converted(image, factor=distortion.contrast)
    return image


def _converted(values: Pixels, *, factor: float = 1.0, added: float = 0.0) -> Pixels:
    return as_pixels(np.clip(values.astype(np.float32) * factor + added, 0, 255).astype(np.uint8))


def crop_numbers(worker: int, count: int) -> np.random.Generator:
    """Seed a crop in every way alike, because the costs of crops differ much."""
    return np.random.default_rng([worker, count])


class Cropper:
    """Makes crops of files one after the other; every process draws numbers of its own."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.count = 0

    def __call__(self, image: bytes, label: bytes) -> tuple[torch.Tensor, torch.Tensor]:
        """Make the next crop."""
        info = get_worker_info()
        rng = crop_numbers(info.id if info else 0, self.count)
        self.count += 1
        crop = released_crop(image, label, self.recipe, rng)
        return torch.from_numpy(crop.image.copy()), torch.from_numpy(crop.label_map.copy())

    def of_files(self, files: dict[str, bytes]) -> tuple[torch.Tensor, torch.Tensor]:
        """Make the next crop, of files by name."""
        return self(files["jpg"], files["png"])


class PlainFiles(Dataset[Any]):
    """Samples in folders."""

    def __init__(self, samples: Sequence[Sample], recipe: Recipe) -> None:
        self.samples, self.crop = samples, Cropper(recipe)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Make a crop of a sample."""
        sample = self.samples[index]
        return self.crop(sample.image_path.read_bytes(), sample.label_path.read_bytes())


def folder_loader(samples: Sequence[Sample], loading: Loading) -> Loader:
    """Load from folders."""
    dataset = PlainFiles(samples, loading.recipe)
    return DataLoader(dataset, shuffle=True, **loader_options(loading))


def start_worker(_: int) -> None:
    """Use one processor in a worker."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def loader_options(loading: Loading) -> dict[str, Any]:
    """Give what torch's loader is told."""
    options = {"batch_size": loading.batch_size, "num_workers": loading.workers}
    started = {"multiprocessing_context": "spawn", "worker_init_fn": start_worker}
    return options | ({"persistent_workers": True, **started} if loading.workers else {})


def files_of(sample: Sample) -> dict[str, bytes]:
    """Read the files of a sample, which containers keep as they are."""
    return {"jpg": sample.image_path.read_bytes(), "png": sample.label_path.read_bytes()}


def write_webdataset(samples: Sequence[Sample], folder: Path) -> None:
    """Write tars."""
    folder.mkdir()
    library = import_module("webdataset")
    for first in range(0, len(samples), SAMPLES_A_SHARD):
        with library.TarWriter(str(folder / f"{first:06}.tar")) as tar:
            for sample in samples[first : first + SAMPLES_A_SHARD]:
                tar.write({"__key__": sample.key.replace(".", "_"), **files_of(sample)})


def load_webdataset(folder: Path, loading: Loading) -> Loader:
    """Load from tars, in an order of tars drawn anew for every epoch."""
    urls = sorted(map(str, folder.glob("*.tar")))
    dataset = import_module("webdataset").WebDataset(urls, shardshuffle=len(urls))
    return DataLoader(dataset.map(Cropper(loading.recipe).of_files), **loader_options(loading))


def write_litdata(samples: Sequence[Sample], folder: Path) -> None:
    """Write chunks."""
    import_module("litdata").optimize(
        fn=files_of,
        inputs=list(samples),
        output_dir=str(folder),
        chunk_bytes=SHARD_BYTES,
        num_workers=1,
    )


def load_litdata(folder: Path, loading: Loading) -> Loader:
    """Load from chunks."""
    library, crop = import_module("litdata"), Cropper(loading.recipe)
    dataset = library.StreamingDataset(str(folder), shuffle=True, transform=crop.of_files)
    loader: Loader = library.StreamingDataLoader(dataset, **loader_options(loading))
    return loader


def write_mosaicml(samples: Sequence[Sample], folder: Path) -> None:
    """Write MDS shards."""
    library = import_module("streaming")
    columns = {"jpg": "bytes", "png": "bytes"}
    with library.MDSWriter(out=str(folder), columns=columns, size_limit=SHARD_BYTES) as writer:
        for sample in samples:
            writer.write(files_of(sample))


class Cropped(IterableDataset[Any]):
    """Any samples of files by name, cropped."""

    def __init__(self, samples: Iterable[dict[str, bytes]], recipe: Recipe) -> None:
        self.samples, self.crop = samples, Cropper(recipe)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return map(self.crop.of_files, self.samples)


def load_mosaicml(folder: Path, loading: Loading) -> Loader:
    """Load from MDS shards."""
    dataset = import_module("streaming").StreamingDataset(
        local=str(folder), batch_size=loading.batch_size, shuffle=True, num_canonical_nodes=1
    )
    return DataLoader(Cropped(dataset, loading.recipe), **loader_options(loading))


class Peer(NamedTuple):
    """Another way to keep samples and to load them."""

    write: Callable[[Sequence[Sample], Path], None]
    """Into a folder that does not exist."""
    load: Callable[[Path, Loading], Loader]
    """Crops in BGR with their labels, from that folder."""


PEERS = {
    "webdataset": Peer(write_webdataset, load_webdataset),
    "litdata": Peer(write_litdata, load_litdata),
    "mosaicml-streaming": Peer(write_mosaicml, load_mosaicml),
}
