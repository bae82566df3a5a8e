"""What is left to do to a batch on the device that trains: colours, edge maps, boundary weights.

Every step gives what the same step gives on the host, to the bit; ``torch_photometric`` says where
colours may differ a little.
"""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

import torch
from torch import Tensor

from mass13k_tools.arrays import IGNORE
from mass13k_tools.loader.batches import Batch
from mass13k_tools.loader.resize import Size
from mass13k_tools.loader.torch_photometric import distorted, normalised
from mass13k_tools.ops.edges import EdgeMode
from mass13k_tools.ops.torch_edges import edge_map
from mass13k_tools.ops.torch_weights import own_weights
from mass13k_tools.ops.weight_steps import KERNEL_PX, Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSteps:
    """What is made of the labels; the defaults are the released recipe's."""

    edges: EdgeMode | None = "released"
    """Which side of a class change is an edge; None makes no edge maps."""
    edge_width_px: int = 2
    """Width of the edges."""
    weights: bool = False
    """Make boundary weights, each pixel's of its own class."""
    weight_kernel_px: int = KERNEL_PX
    """Side of the window of the weights."""
    weight_frame: Frame = "zeros"
    """What the weights take for granted beyond the frame."""


class DeviceBatch(TypedDict):
    """Training samples ready for a network."""

    image: Tensor
    """Shape (B, 3, h, w), float32, mean 0 and deviation 1 over ImageNet; 0 where padded."""
    label: Tensor
    """Shape (B, h, w), uint8, class ids, 255 = ignore and padding."""
    key: list[str]
    """Of the samples."""
    edge: NotRequired[Tensor]
    """Shape (B, h, w), uint8, 1 at edges, 0 elsewhere, 255 where padded."""
    weight: NotRequired[Tensor]
    """Shape (B, h, w), float32, 0..1, 0 where ignored or padded."""


def device_batch(
    batch: Batch, device: torch.device | str, steps: DeviceSteps = DeviceSteps()
) -> DeviceBatch:
    """Bring a batch to a device and do there what is left to do.

    Args:
        batch: From :class:`mass13k_tools.loader.loader.CropLoader`.
        device: Such as ``"cuda"``.
        steps: What is made of the labels.
    """
    images = batch["image"].to(device, non_blocking=True)
    label_maps = batch["label"].to(device, non_blocking=True)
    sizes_hw = batch["size_hw"]
    if "distortion" in batch:
        images = distorted(images, batch["distortion"])
    made: DeviceBatch = {
        "image": normalised(images, sizes_hw),
        "label": label_maps,
        "key": batch["key"],
    }
    if steps.edges is not None:
        edges = edge_map(label_maps, mode=steps.edges, width_px=steps.edge_width_px)
        made["edge"] = _ignored_where_padded(edges.byte(), sizes_hw)
    if steps.weights:
        made["weight"] = own_weights(
            label_maps, kernel_px=steps.weight_kernel_px, frame=steps.weight_frame
        )
    return made


def _ignored_where_padded(values: Tensor, sizes_hw: list[Size]) -> Tensor:
    for value, (height, width) in zip(values, sizes_hw, strict=True):
        value[height:] = IGNORE
        value[:, width:] = IGNORE
    return values
