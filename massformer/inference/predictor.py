"""A network that predicts whole images, in one piece or in tiles, within a memory budget."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mass13k_tools.arrays import Image, LabelMap, check_image
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.torch_photometric import normalised
from massformer.checkpoint import LoadedModel
from massformer.inference.budget import (
    Demand,
    grid_in_budget,
    grid_of_tiles,
    strip_rows,
    usual_grid,
)
from massformer.inference.strips import Strip, decode, strip_of
from massformer.inference.tiling import Grid, blended
from massformer.inference.views import ONE_VIEW, Views, mean_over_views
from massformer.ranks import usable_device
from massformer.run_config import Precision

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How images are predicted."""

    dtype: Precision = "float32"
    """Of the arithmetic, by autocast; scores are float32 always."""
    views: Views = ONE_VIEW
    """What is averaged."""
    tile_px: int | None = None
    """Longest side of a tile; None: as large as memory allows."""
    memory_gb: float | None = None
    """GiB that may be used: of the device, or of the computer where that is the CPU. None: images
    of up to 4096 x 4096 pixels are predicted in one piece."""

    def __post_init__(self) -> None:
        if self.memory_gb is not None and not self.memory_gb > 0:  # nan, too
            raise DatasetError(f"memory is {self.memory_gb} GiB, expected more than 0")


USUAL = Settings()


class Wanted(NamedTuple):
    """What is made of an image beside its label map."""

    probabilities: tuple[int, ...] = ()
    """Numbers of the network's classes, in the order of its taxonomy."""
    edges: bool = False


LABELS = Wanted()  # and nothing else


class Prediction(NamedTuple):
    """What a network says of an image."""

    label_map: LabelMap
    """Class ids, shape (H, W), uint8."""
    probabilities: NDArray[np.uint8]
    """Of the wanted classes, shape (n, H, W), 255 = certain: a class's share of all scores."""
    edges: NDArray[np.uint8] | None
    """Probability of an edge, shape (H, W), 255 = certain; None unless wanted."""


class Predictor:
    """A network on a device, with settings."""

    def __init__(
        self, loaded: LoadedModel, settings: Settings = USUAL, *, device: str = "cpu"
    ) -> None:
        """Bring the network to the device.

        Raises:
            DatasetError: There is no such device, or it cannot compute so.
        """
        self.device = usable_device(device)
        if self.device.type == "cpu" and settings.dtype == "fp16":
            raise DatasetError("fp16 is for GPUs, expected bf16 or float32 on a CPU")
        self.settings = settings
        self.config = loaded.config
        self.taxonomy = loaded.taxonomy
        self.model = loaded.model.to(self.device).eval()
        self.ids = np.array(loaded.taxonomy.ids, np.uint8)

    def check(self, wanted: Wanted) -> None:
        """Make sure that the network knows what is wanted.

        Raises:
            DatasetError: It does not.
        """
        if wanted.edges and not self.config.sees_edges:
            raise DatasetError("this network has no edge head: model.egf is off")

    def grid(self, size_hw: tuple[int, int], wanted: Wanted = LABELS) -> Grid:
        """Say into how many tiles an image of some size is cut.

        Raises:
            DatasetError: The budget is too small for any.
        """
        if self.settings.tile_px is not None:
            return grid_of_tiles(size_hw, self.settings.tile_px)
        if self.settings.memory_gb is None:
            return usual_grid(size_hw)
        demand = Demand(
            model=self.config,
            parameters=sum(each.numel() for each in self.model.parameters()),
            dtype=self.settings.dtype,
            channels=self.config.classes + wanted.edges,
            kept=1 + len(wanted.probabilities) + wanted.edges,
            most_scale=max(self.settings.views.scales),
            averaged=not self.settings.views.plain,
        )
        budget_bytes = self.settings.memory_gb * 2**30
        on_host = self.device.type != "cuda"
        return grid_in_budget(size_hw, demand, budget_bytes, on_host=on_host)

    def strips(self, image: Image, wanted: Wanted = LABELS) -> Iterator[Strip]:
        """Give the scores of an image from top to bottom.

        Args:
            image: Shape (H, W, 3), uint8, RGB, any size.
            wanted: With edges strips have one channel more.
        """
        pixels = torch.from_numpy(check_image(image))
        grid = self.grid((image.shape[0], image.shape[1]), wanted)
        if grid.tiles == 1:
            return self._strips(pixels, edges=wanted.edges)
        return blended(
            (image.shape[0], image.shape[1]),
            grid,
            lambda rows, columns: _joined(self._strips(pixels[rows, columns], edges=wanted.edges)),
        )

    def predict(self, image: Image, wanted: Wanted = LABELS) -> Prediction:
        """Predict an image.

        Args:
            image: Shape (H, W, 3), uint8, RGB, any size.
            wanted: What is made of it beside its label map.

        Raises:
            DatasetError: The scores are not finite, or memory is too small.
        """
        self.check(wanted)
        height, width = image.shape[:2]
        label_map = np.empty((height, width), np.uint8)
        probabilities = np.empty((len(wanted.probabilities), height, width), np.uint8)
        edges = np.empty((height, width), np.uint8) if wanted.edges else None
        with _enough_memory():
            for top, values in self.strips(image, wanted):
                rows = slice(top, top + values.shape[1])
                if not values.isfinite().all():
                    raise DatasetError(_not_finite(self.settings))
                scores = values[: self.config.classes]
                label_map[rows] = self.ids[scores.argmax(0).byte().cpu().numpy()]
                if wanted.probabilities:
                    some = scores[list(wanted.probabilities)]
                    share = some / scores.sum(0).clamp_(min=torch.finfo(torch.float32).tiny)
                    probabilities[:, rows] = _bytes(share)
                if edges is not None:
                    edges[rows] = _bytes(values[-1])
        return Prediction(label_map, probabilities, edges)

    def _strips(self, pixels: Tensor, *, edges: bool) -> Iterator[Strip]:
        """Give the scores of an image, or a tile, of shape (H, W, 3)."""
        images = normalised(pixels.to(self.device).permute(2, 0, 1)[None])
        if self.settings.views.plain:
            return self._strips_of_view(images, edges=edges)
        mean = mean_over_views(
            lambda view: _joined(self._strips_of_view(view, edges=edges)),
            images,
            self.settings.views,
        )
        return iter([Strip(0, mean)])

    def _strips_of_view(self, images: Tensor, *, edges: bool) -> Iterator[Strip]:
        height, width = images.shape[2:]
        with self._computing():
            decoded = decode(self.model, images)
        del images
        rows = strip_rows(width, self.config.queries, self.device.type)
        for top in range(0, height, rows):
            with self._computing():
                strip = strip_of(
                    self.model, decoded, slice(top, min(top + rows, height)), edges=edges
                )
            yield strip

    @contextmanager
    def _computing(self) -> Iterator[None]:
        half = self.settings.dtype != "float32"
        dtype = DTYPES[self.settings.dtype] if half else None
        with (
            torch.no_grad(),  # tensors of the inference mode could not be added to outside of it
            torch.autocast(self.device.type, dtype=dtype, enabled=half),
        ):
            yield


def _joined(strips: Iterator[Strip]) -> Tensor:
    return torch.cat([values for _, values in strips], dim=1)


def _bytes(fractions: Tensor) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = fractions.mul(255).round_().byte().cpu().numpy()
    return rounded


def _not_finite(settings: Settings) -> str:
    hint = "its weights are damaged" if settings.dtype == "float32" else "try --dtype float32"
    return f"the network's scores are not finite; {hint}"


@contextmanager
def _enough_memory() -> Iterator[None]:
    """Say in one line where memory is too small."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and (
            "can't allocate memory" not in str(error)
        ):
            raise
        raise DatasetError(
            "memory is too small for this image; try --memory-gb or --tile"
        ) from error
