"""Batches for the network from the loaders of the toolkit."""

from typing import NamedTuple

import torch
from torch import Tensor

from mass13k_tools.arrays import IGNORE
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.batches import Batch
from mass13k_tools.loader.device import DeviceSteps, device_batch
from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.open_source import open_source
from mass13k_tools.loader.recipe import Recipe
from mass13k_tools.loader.sources import Source
from massformer.ranks import Ranks
from massformer.run_config import DataConfig


class TrainingBatch(NamedTuple):
    """Crops on the device that trains."""

    images: Tensor
    """Normalised, shape (B, 3, h, w), float32."""
    label_maps: Tensor
    """Class indices, shape (B, h, w), uint8, 255 = ignore and padding."""
    edge_maps: Tensor
    """1 at edges, 0 elsewhere, 255 where padded, shape (B, h, w), uint8."""
    keys: list[str]


def open_split(settings: DataConfig, split: str, taxonomy: Taxonomy | None = None) -> Source:
    """Open a split of the data set that the settings name."""
    if not settings.root:
        raise DatasetError("no data set is named; pass --set data.root=FOLDER")
    return open_source(settings.root, split=split, taxonomy=taxonomy)


def crop_loader(source: Source, settings: DataConfig, ranks: Ranks, *, seed: int) -> CropLoader:
    """Make the loader of training crops of one rank."""
    height, width = settings.crop_px
    recipe = Recipe(
        crop_hw=(height, width),
        short_sides_px=settings.short_sides_px,
        most_long_side_px=settings.most_long_side_px,
    )
    return CropLoader(
        source,
        recipe,
        batch_size=settings.batch_size,
        seed=seed,
        workers=settings.workers,
        rank=ranks.rank,
        ranks=ranks.count,
        sampling=settings.sampling,
        photometrics=settings.photometrics,
        skip_damaged=settings.skip_damaged,
        pin_memory=ranks.device.type == "cuda",
    )


def training_batch(batch: Batch, indices: Tensor) -> TrainingBatch:
    """Bring a batch to the device and make there what the loss compares with.

    Args:
        batch: From the loader.
        indices: From :func:`class_indices`, on the device.
    """
    made = device_batch(batch, indices.device, DeviceSteps())
    label_maps = indices[made["label"].long()]
    return TrainingBatch(made["image"], label_maps, made["edge"], made["key"])


def class_indices(taxonomy: Taxonomy, device: torch.device) -> Tensor:
    """Give the network's class index of every id, shape (256,), uint8, 255 where there is none."""
    indices = torch.full((IGNORE + 1,), IGNORE, dtype=torch.uint8)
    for index, row in enumerate(taxonomy.classes):
        indices[row.id] = index
    return indices.to(device)
