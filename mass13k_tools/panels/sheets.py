"""Whole pictures of samples: a panel, a contact sheet, or one picture a layer."""

from collections.abc import Sequence

from mass13k_tools.arrays import Image
from mass13k_tools.classes import Taxonomy
from mass13k_tools.layouts import Sample
from mass13k_tools.ops import render
from mass13k_tools.panels.layers import draw_layer
from mass13k_tools.panels.legends import caption, panel_legend
from mass13k_tools.panels.look import Layer, Look
from mass13k_tools.panels.part import read_part


def panel(sample: Sample, taxonomy: Taxonomy, look: Look) -> Image:
    """Draw a sample's layers side by side, with a legend.

    Returns:
        Shape (h, w, 3), uint8, RGB.

    Raises:
        DatasetError: A file is missing or cannot be read, sizes differ, or the crop is not inside
            the image.
    """
    part = read_part(sample, taxonomy, look)
    pictures = [draw_layer(layer, part) for layer in look.layers]
    text_px = max(14, pictures[0].shape[0] // 36)
    return render.side_by_side([*pictures, panel_legend(part, text_px=text_px)])


def layer_pictures(sample: Sample, taxonomy: Taxonomy, look: Look) -> dict[Layer, Image]:
    """Draw every layer as a picture of its own, all of one size, without margin; see `panel`."""
    part = read_part(sample, taxonomy, look)
    return {layer: draw_layer(layer, part) for layer in look.layers}


def contact_sheet(samples: Sequence[Sample], taxonomy: Taxonomy, look: Look) -> Image:
    """Draw the first layer of each sample in a grid, with a caption; see :func:`panel`."""
    return render.contact_sheet([_cell(sample, taxonomy, look) for sample in samples])


def _cell(sample: Sample, taxonomy: Taxonomy, look: Look) -> Image:
    part = read_part(sample, taxonomy, look)
    return render.above(draw_layer(look.layers[0], part), caption(part))
