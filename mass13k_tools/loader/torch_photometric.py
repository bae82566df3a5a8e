"""Colours of batches distorted and normalised on the device where the batch is.

The results are those of :mod:`mass13k_tools.loader.photometric`, to the bit. Only where OpenCV
treats the last columns of an image otherwise than the rest, because its width is no multiple of
64, may these differ there a little.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.photometric import HUES, Distortion, rgb_of_hsv

# Of ImageNet, in R, G, B, as the release takes them
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
HSV_BITS = 12  # of the fractions in OpenCV's tables of reciprocals


def distorted(images: Tensor, distortions: Sequence[Distortion]) -> Tensor:
    """Distort the colours of a batch.

    Args:
        images: Shape (B, 3, H, W), uint8, RGB; not changed.
        distortions: What is done to each image, B of them.

    Returns:
        Shape (B, 3, H, W), uint8, RGB, on the same device.

    Example:
        >>> grey = torch.full((1, 3, 1, 1), 100, dtype=torch.uint8)
        >>> distorted(grey, [Distortion(brightness=-10.5, contrast=1.5)]).flatten().tolist()
        [133, 133, 133]
    """
    _check_images(images)
    if len(distortions) != images.shape[0]:
        raise DatasetError(f"{len(distortions)} distortions for {images.shape[0]} images")
    early = [None if one.contrast_last else one.contrast for one in distortions]
    late = [one.contrast if one.contrast_last else None for one in distortions]
    images = _added(images, [one.brightness for one in distortions])
    images = _multiplied(images, early)
    images = _saturated(images, [one.saturation for one in distortions])
    images = _turned(images, [one.hue for one in distortions])
    return _multiplied(images, late)


def normalised(images: Tensor, sizes_hw: Sequence[tuple[int, int]] | None = None) -> Tensor:
    """Bring colours to mean 0 and deviation 1 of ImageNet, and padding to 0.

    Args:
        images: Shape (B, 3, H, W), uint8, RGB.
        sizes_hw: Height and width of each image without its padding at the right and below; None
            where there is no padding.

    Returns:
        Shape (B, 3, H, W), float32, on the same device.
    """
    _check_images(images)
    mean, std = (
        torch.tensor(values, device=images.device).view(1, 3, 1, 1) for values in (MEAN, STD)
    )
    values = images.float().sub_(mean).div_(std)
    for value, (height, width) in zip(values, sizes_hw or [], strict=bool(sizes_hw)):
        value[:, height:] = 0
        value[:, :, width:] = 0
    return values


def _check_images(images: Tensor) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise DatasetError(
            f"images are {images.dtype} of shape {tuple(images.shape)}, expected uint8 (B, 3, H, W)"
        )


def _added(images: Tensor, amounts: Sequence[float | None]) -> Tensor:
    if not any(amounts):
        return images
    amount = _float32([value or 0.0 for value in amounts], images)
    return images.float().add_(amount).clamp_(0, 255).byte()


def _multiplied(images: Tensor, factors: Sequence[float | None]) -> Tensor:
    if all(value is None for value in factors):
        return images
    factor = _float32([1.0 if value is None else value for value in factors], images)
    return images.float().mul_(factor).clamp_(0, 255).byte()


def _saturated(images: Tensor, factors: Sequence[float | None]) -> Tensor:
    chosen = [number for number, value in enumerate(factors) if value is not None]
    if not chosen:
        return images
    hue, saturation, value = _hsv(images[chosen])
    saturation = _multiplied(saturation[:, None], [factors[number] for number in chosen])[:, 0]
    return _with(images, chosen, _rgb(hue, saturation.int(), value))


def _turned(images: Tensor, steps: Sequence[int | None]) -> Tensor:
    chosen = [number for number, value in enumerate(steps) if value is not None]
    if not chosen:
        return images
    hue, saturation, value = _hsv(images[chosen])
    step = torch.tensor([steps[number] for number in chosen], device=images.device)
    hue = (hue + step.int().view(-1, 1, 1)).remainder(HUES)
    return _with(images, chosen, _rgb(hue, saturation, value))


def _float32(values: list[float], images: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=images.device).view(-1, 1, 1, 1)


def _with(images: Tensor, chosen: list[int], changed: Tensor) -> Tensor:
    images = images.clone()
    images[chosen] = changed
    return images


def _hsv(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Convert as OpenCV does for 8 bits, with whole numbers and tables of reciprocals.

    Args:
        images: Shape (B, 3, H, W), uint8.

    Returns:
        Hue 0..179, saturation and value 0..255, each of shape (B, H, W), int32.
    """
    red, green, blue = images.int().unbind(1)
    value = torch.maximum(torch.maximum(red, green), blue)
    spread = value - torch.minimum(torch.minimum(red, green), blue)
    by_value, by_spread = _reciprocals(images.device)
    half = 1 << HSV_BITS >> 1
    saturation = (spread * by_value[value] + half) >> HSV_BITS
    hue = torch.where(
        value == red,
        green - blue,
        torch.where(value == green, blue - red + 2 * spread, red - green + 4 * spread),
    )
    hue = (hue * by_spread[spread] + half) >> HSV_BITS
    return hue + HUES * (hue < 0), saturation, value


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Convert back by OpenCV's own results; its arithmetic depends on the processor."""
    table = _rgb_table(hue.device)
    return table[:, (hue * 256 + saturation) * 256 + value].movedim(0, 1)


@cache
def _reciprocals(device: torch.device) -> tuple[Tensor, Tensor]:
    """Tabulate 255 / i and 30 / i, shape (256,), int32, with 12 bits of fraction."""
    numbers = np.arange(1, 256)
    tables = [
        np.append(0, np.rint((most << HSV_BITS) / (parts * numbers))).astype(np.int32)
        for most, parts in ((255, 1.0), (HUES, 6.0))
    ]
    return torch.from_numpy(tables[0]).to(device), torch.from_numpy(tables[1]).to(device)


@cache
def _rgb_table(device: torch.device) -> Tensor:
    return torch.from_numpy(rgb_of_hsv()).to(device)
