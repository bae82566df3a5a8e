"""Crops put together to batches, by whichever process makes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, NotRequired, TypedDict

import torch
from torch import Tensor

from mass13k_tools.loader.batch_memory import BatchMemory, Pixels, Room
from mass13k_tools.loader.crops import Crop, CropSettings, make_crop
from mass13k_tools.loader.damage import Damaged, read_or_damaged
from mass13k_tools.loader.order import Ticket, sample_rng
from mass13k_tools.loader.photometric import Distortion
from mass13k_tools.loader.resize import Size
from mass13k_tools.loader.sources import Source

MOST_ATTEMPTS = 10  # damaged samples in a row, after which something else must be wrong


class Batch(TypedDict):
    """Some training samples."""

    image: Tensor
    """Shape (B, 3, h, w), uint8, RGB; in memory the channels come last."""
    label: Tensor
    """Shape (B, h, w), uint8, class ids, 255 = ignore and padding."""
    key: list[str]
    """Of the samples."""
    size_hw: list[Size]
    """Height and width of each without padding, which is at the right and below."""
    distortion: NotRequired[list[Distortion]]
    """Still to be done to the colours, where that is left to the device."""


class MadeBatch(NamedTuple):
    """A batch on its way from the process that made it."""

    pixels: Pixels | Room
    keys: list[str]
    sizes_hw: list[Size]
    distortions: list[Distortion]
    """Still to be done; none where the host did it."""
    skipped: list[Damaged]
    """In whose places other samples came."""


@dataclass(frozen=True, slots=True)
class BatchMaker:
    """What every worker knows."""

    source: Source
    settings: CropSettings
    skip_damaged: bool
    memory: BatchMemory = field(default_factory=BatchMemory)

    def __call__(self, tickets: Sequence[Ticket]) -> MadeBatch | Damaged:
        """Make the batch of some tickets, or say which sample is in the way."""
        pixels = self.memory.room((len(tickets), *self.settings.recipe.crop_hw))
        made = MadeBatch(pixels, keys=[], sizes_hw=[], distortions=[], skipped=[])
        for place, ticket in enumerate(tickets):
            crop = self._crop(ticket, made.skipped)
            if isinstance(crop, Damaged):
                return crop
            pixels.images[place], pixels.label_maps[place] = crop.image, crop.label_map
            made.keys.append(crop.key)
            made.sizes_hw.append(crop.size_hw)
            if self.settings.photometrics == "device":
                made.distortions.append(crop.distortion)
        return made

    def _crop(self, ticket: Ticket, skipped: list[Damaged]) -> Crop | Damaged:
        """Make a crop; in the place of a damaged sample, if wanted, one of another."""
        crop = self._attempt(ticket, 0)
        if not self.skip_damaged:
            return crop
        for attempt in range(1, MOST_ATTEMPTS):
            if isinstance(crop, Crop):
                return crop
            skipped.append(crop)
            crop = self._attempt(ticket, attempt)
        if isinstance(crop, Damaged):
            reason = f"{MOST_ATTEMPTS} samples in a row are damaged; the last: {crop.reason}"
            return crop._replace(reason=reason)
        return crop

    def _attempt(self, ticket: Ticket, attempt: int) -> Crop | Damaged:
        rng = sample_rng(ticket, attempt)
        index = int(rng.integers(len(self.source))) if attempt else ticket.sample
        read = partial(make_crop, self.source, index, self.settings, rng)
        return read_or_damaged(read, self.source.keys[index])


def batch_of(made: MadeBatch) -> Batch:
    """Give a batch the form in which it is used."""
    batch: Batch = {
        "image": torch.as_tensor(made.pixels.images).permute(0, 3, 1, 2),
        "label": torch.as_tensor(made.pixels.label_maps),
        "key": made.keys,
        "size_hw": made.sizes_hw,
    }
    if made.distortions:
        batch["distortion"] = made.distortions
    return batch
