"""What a picture of a sample shows. Loads nothing heavy: commands need the names for their help."""

from dataclasses import dataclass
from typing import Literal

from mass13k_tools.classes import SemanticClass
from mass13k_tools.layouts import Predictions

Layer = Literal[
    "image",
    "overlay",
    "label",
    "outline",
    "edges",
    "weights",
    "prediction",
    "prediction-overlay",
    "error",
]
OF_PREDICTIONS: tuple[Layer, ...] = ("prediction", "prediction-overlay", "error")

Crop = tuple[int, int, int, int]  # y, x, height, width in pixels


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture of a sample shows, and how large."""

    layers: tuple[Layer, ...] = ("image", "overlay", "label")
    """From left to right; a contact sheet shows the first."""
    crop: Crop | None = None
    """Part of the image to show; legends then describe this part."""
    side_px: int = 1600
    """Longer side of each layer, 0 = full size."""
    predictions: Predictions | None = None
    """Where the layers of predictions find their files."""
    one_class: SemanticClass | None = None
    """Errors are those of this class against the rest."""
