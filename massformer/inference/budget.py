"""How much memory prediction takes, and into how few tiles an image must be cut to stay below that.

The figures depend on nothing but sizes, so that the same budget gives the same tiles everywhere.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.printing import bytes_text
from massformer.config import OURS, ModelConfig
from massformer.inference.tiling import Grid, fewest, side_of
from massformer.model import MIN_SIDE_PX

WHOLE_PX = 4096 * 4096  # what is predicted in one piece where no budget is given
PROCESS_BYTES = 700 * 2**20  # Python, PyTorch and OpenCV themselves
STRIP_BYTES = 2**27  # of the masks of a strip, in full size
CUDA_STRIP_BYTES = 2**30
LEAST_TILE_PX = 256  # of each side of a tile; smaller ones see too little
# The most that is held at once per pixel of an image, for each channel of the pixel decoder's
# width, and beside that; counted over all tensors of a 4K image
CHANNEL_BYTES = {"float32": 3.7, "bf16": 3.0, "fp16": 3.0}
OTHER_BYTES = 60
GROUP_NORMS = 1.5  # times that: they see whole maps, never rows of them
# The same of networks of others, in float32: beside the channels of their width, and for each
PEER_BYTES = {"mask2former": (190, 3.53), "maskformer": (133, 1.08), "upernet": (133, 2.34)}
MASK_BYTES = 4 / 16  # of a mask at a quarter, for each pixel; one a query and prediction
WHOLE_STRIPS_BYTES = 2**27  # of what the network itself does in strips of fixed size


@dataclass(frozen=True, slots=True)
class Demand:
    """What there is to hold beside the pixels."""

    model: ModelConfig
    parameters: int
    """Of the network."""
    dtype: str
    """Of its arithmetic, ``float32``, ``bf16`` or ``fp16``."""
    channels: int
    """Of the values that are blended: classes, and edges."""
    kept: int
    """Bytes per pixel of what is made of an image: labels, probabilities, edges."""
    most_scale: float
    """Of its views."""
    averaged: bool
    """Whether there are several views."""

    @property
    def weight_bytes(self) -> int:
        """Of the network, and of its copy in half precision."""
        return self.parameters * (4 if self.dtype == "float32" else 6)

    def forward_bytes(self, pixels: float) -> float:
        """Give the most that the network holds at once for an image of so many pixels."""
        stem = self.model.backbone_width
        stage1 = stem * (4 if self.model.backbone == "resnet50" else 1)
        backbone = 15 + 4.5 * max(stem / 2, stage1 / 4)
        decoder = self._peer_bytes if self.model.network != OURS else self._decoder_bytes
        return pixels * max(backbone, decoder) + WHOLE_STRIPS_BYTES

    @property
    def _decoder_bytes(self) -> float:
        """Of all behind the backbone, for each pixel."""
        decoder = OTHER_BYTES + CHANNEL_BYTES[self.dtype] * self.model.width
        return decoder * (GROUP_NORMS if self.model.norm == "group" else 1)

    @property
    def _peer_bytes(self) -> float:
        """The same of a network of others; of one that is not known as much as of the largest."""
        beside, channel = PEER_BYTES.get(self.model.network, PEER_BYTES["mask2former"])
        masks = self.model.queries * (self.model.layers + 1) * MASK_BYTES
        return beside + channel * self.model.width + masks

    def device_bytes(self, size_hw: tuple[int, int], grid: Grid) -> float:
        """Give the most that lies where the network is."""
        pixels = _tile_px(size_hw, grid)
        value_bytes = 4 * self.channels
        total = self.weight_bytes + self.forward_bytes(pixels * self.most_scale**2)
        if grid.tiles > 1:
            band_px = side_of(size_hw[0], grid.rows) * size_hw[1]
            total += value_bytes * (2 * band_px + pixels)
        if self.averaged:
            total += value_bytes * pixels * (1 + 2 * self.most_scale**2)
        return total

    def host_bytes(self, size_hw: tuple[int, int]) -> float:
        """Give what lies in the computer's own memory: this image, the next, and the last one."""
        return PROCESS_BYTES + size_hw[0] * size_hw[1] * (3 * 3 + 2 * self.kept)


def grid_of_tiles(size_hw: tuple[int, int], most_px: int) -> Grid:
    """Cut an image into tiles of at most ``most_px`` each way."""
    return Grid(fewest(size_hw[0], most_px), fewest(size_hw[1], most_px))


def usual_grid(size_hw: tuple[int, int]) -> Grid:
    """Leave an image whole up to 4096 x 4096 pixels, and cut a larger one into tiles below that."""
    return next(grid for grid in _grids(size_hw) if _tile_px(size_hw, grid) <= WHOLE_PX)


def _tile_px(size_hw: tuple[int, int], grid: Grid) -> int:
    """Count the pixels of a tile as the network sees it."""
    sides = side_of(size_hw[0], grid.rows), side_of(size_hw[1], grid.columns)
    return max(sides[0], MIN_SIDE_PX) * max(sides[1], MIN_SIDE_PX)


def grid_in_budget(
    size_hw: tuple[int, int], demand: Demand, budget_bytes: float, *, on_host: bool
) -> Grid:
    """Cut an image into as few tiles as fit into a budget.

    Args:
        size_hw: Its height and width.
        demand: What there is to hold.
        budget_bytes: All that may be used.
        on_host: The network runs in the computer's own memory, so that all else counts, too.

    Raises:
        DatasetError: Not even the smallest tiles fit.
    """
    beside = demand.host_bytes(size_hw) if on_host else 0
    least = inf
    for grid in _grids(size_hw):
        needed = beside + demand.device_bytes(size_hw, grid)
        if needed <= budget_bytes:
            return grid
        least = min(least, needed)
    raise DatasetError(
        f"{bytes_text(budget_bytes)} are too little for an image of {size_text(size_hw)}, "
        f"expected {ceil(least / 2**30 * 100) / 100:.2f} GiB or more"
    )


def _grids(size_hw: tuple[int, int]) -> Iterator[Grid]:
    """List ways to cut an image into tiles that are about square, the fewest tiles first."""
    shorter, longer = sorted(size_hw)
    for count in range(1, max(1, longer // LEAST_TILE_PX) + 1):
        other = fewest(shorter, side_of(longer, count))
        yield Grid(other, count) if size_hw[1] == longer else Grid(count, other)


def strip_rows(width: int, queries: int, device_type: str) -> int:
    """Say how many rows of an image a strip has: an even number.

    Example:
        >>> strip_rows(4096, 100, "cpu")
        80
    """
    strip_bytes = CUDA_STRIP_BYTES if device_type == "cuda" else STRIP_BYTES
    return max(2, strip_bytes // (4 * queries * width) // 2 * 2)


def peak_bytes() -> int | None:
    """Say how much memory this process has held at most; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
