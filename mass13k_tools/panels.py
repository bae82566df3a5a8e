"""A sample as one picture: layers side by side with a legend, or a cell of a contact sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mass13k_tools.arrays import IGNORE, Image, LabelMap, size_text
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_sample
from mass13k_tools.layouts import Sample
from mass13k_tools.ops import render
from mass13k_tools.ops.complexity import Complexity, class_areas, complexity

Layer = Literal["image", "overlay", "label", "outline"]
Crop = tuple[int, int, int, int]  # y, x, height, width in pixels

CLASSES_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture of a sample shows, and how large."""

    layers: tuple[Layer, ...] = ("image", "overlay", "label")
    """From left to right; a contact sheet shows the first."""
    crop: Crop | None = None
    """Part of the image to show; legends then describe this part."""
    side_px: int = 1600
    """Longer side of each layer, 0 = full size."""


def panel(sample: Sample, taxonomy: Taxonomy, look: Look) -> Image:
    """Draw a sample's layers side by side, with the share and IPQ of each class.

    Returns:
        Shape (h, w, 3), uint8, RGB.

    Raises:
        DatasetError: The files cannot be read, or the crop is not inside the image.
    """
    image, label_map, size = _read_part(sample, taxonomy, look.crop)
    pictures = [
        _layer(layer, image, label_map, taxonomy=taxonomy, side_px=look.side_px)
        for layer in look.layers
    ]
    text_px = max(14, pictures[0].shape[0] // 36)
    legend = _legend(sample, label_map, taxonomy=taxonomy, size=size, text_px=text_px)
    return render.side_by_side([*pictures, legend])


def contact_sheet(samples: Sequence[Sample], taxonomy: Taxonomy, look: Look) -> Image:
    """Draw one layer of each sample in a grid, with key and mIPQ; see :func:`panel`."""
    return render.contact_sheet([_cell(sample, taxonomy, look) for sample in samples])


def _cell(sample: Sample, taxonomy: Taxonomy, look: Look) -> Image:
    image, label_map, _ = _read_part(sample, taxonomy, look.crop)
    layer, side_px = look.layers[0], look.side_px
    picture = _layer(layer, image, label_map, taxonomy=taxonomy, side_px=side_px)
    caption = [sample.key, f"{sample.split}, {_mipq_text(complexity(label_map))}"]
    return render.above(picture, render.legend(caption, []))


def _read_part(
    sample: Sample, taxonomy: Taxonomy, crop: Crop | None
) -> tuple[Image, LabelMap, str]:
    """Read a sample or a part of it, and say in words how large it is."""
    image, label_map = read_sample(sample, taxonomy)
    size = size_text(label_map.shape)
    if crop is None:
        return image, label_map, size
    image, label_map = _cut(image, crop, sample), _cut(label_map, crop, sample)
    return image, label_map, f"{size_text(label_map.shape)} at y {crop[0]}, x {crop[1]} of {size}"


def _layer(
    layer: Layer, image: Image, label_map: LabelMap, *, taxonomy: Taxonomy, side_px: int
) -> Image:
    image, label_map = render.fit_image(image, side_px), render.fit_label_map(label_map, side_px)
    if layer == "image":
        return image
    if layer == "label":
        return render.colour_map(label_map, taxonomy.colours)
    draw = render.overlay if layer == "overlay" else render.outlines
    return draw(image, label_map, taxonomy.colours)


def _legend(
    sample: Sample, label_map: LabelMap, *, taxonomy: Taxonomy, size: str, text_px: int
) -> Image:
    measured = complexity(label_map)
    areas = class_areas(label_map)
    present = sorted((row for row in taxonomy.classes if areas[row.id]), key=lambda r: -areas[r.id])
    rows = [
        render.LegendRow(
            row.colour,
            f"{row.name}  {areas[row.id] / label_map.size:.1%}  IPQ {measured.ipq[row.id]:,.1f}",
        )
        for row in present[:CLASSES_SHOWN]
    ]
    if len(present) > CLASSES_SHOWN:
        rows.append(render.LegendRow(render.PAPER, f"and {len(present) - CLASSES_SHOWN} more"))
    ignored = label_map.size - int(areas.sum())
    if ignored:
        grey = tuple(taxonomy.colours[IGNORE].tolist())
        rows.append(render.LegendRow(grey, f"ignore  {ignored / label_map.size:.1%}"))
    title = [sample.key, f"{sample.split}, {size}", f"{_mipq_text(measured)} (contour)"]
    return render.legend(title, rows, text_px=text_px)


def _mipq_text(measured: Complexity) -> str:
    return f"mIPQ {measured.mipq:,.1f}" if np.isfinite(measured.mipq) else "no mIPQ"


def _cut(pixels: Image, crop: Crop, sample: Sample) -> Image:
    y, x, height, width = crop
    inside = y >= 0 and x >= 0 and y + height <= pixels.shape[0] and x + width <= pixels.shape[1]
    if not inside or height < 1 or width < 1:
        raise DatasetError(
            f"crop y {y}, x {x}, {size_text((height, width))} is not inside '{sample.key}', "
            f"which is {size_text(pixels.shape[:2])}"
        )
    return np.ascontiguousarray(pixels[y : y + height, x : x + width])
