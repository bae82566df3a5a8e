"""What a picture of a sample shows. Loads nothing heavy: commands need the names for their help."""

from dataclasses import dataclass
from typing import Literal

from mass13k_tools.classes import Colour, SemanticClass
from mass13k_tools.layouts import Predictions
from mass13k_tools.taxonomy_file import distinct_colour

Layer = Literal[
    "image",
    "overlay",
    "label",
    "outline",
    "edges",
    "weights",
    "provenance",
    "prediction",
    "prediction-overlay",
    "error",
]
OF_PREDICTIONS: tuple[Layer, ...] = ("prediction", "prediction-overlay", "error")

Crop = tuple[int, int, int, int]  # y, x, height, width in pixels


def source_colour(number: int) -> Colour:
    """Give the sources of a provenance map colours that stand out from a dark photo.

    Example:
        >>> source_colour(1), source_colour(2)
        ((255, 64, 64), (64, 255, 64))
    """
    red, green, blue = (min(255, 64 + 2 * value) for value in distinct_colour(number))
    return red, green, blue


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
