"""How each layer is drawn, all at the same size."""

from collections.abc import Callable

import numpy as np

from mass13k_tools.arrays import IGNORE, Image, LabelMap
from mass13k_tools.ops import render
from mass13k_tools.ops.error_map import ERROR_KINDS
from mass13k_tools.ops.fit import fit_image, fit_label_map, fit_largest, fit_mask
from mass13k_tools.panels.look import Layer, source_colour
from mass13k_tools.panels.part import Part

DARKEST, LIGHTEST = 30, 125  # of the grey photo under an error map


def draw_layer(layer: Layer, part: Part) -> Image:
    """Draw a layer, its longer side as long as the look says, shape (h, w, 3), uint8, RGB."""
    return _DRAW[layer](part)


def _image(part: Part) -> Image:
    return fit_image(part.image, part.look.side_px)


def _labels(part: Part) -> LabelMap:
    return fit_label_map(part.label_map, part.look.side_px)


def _overlay(part: Part) -> Image:
    return render.overlay(_image(part), _labels(part), part.taxonomy.colours)


def _label(part: Part) -> Image:
    return render.colour_map(_labels(part), part.taxonomy.colours)


def _outline(part: Part) -> Image:
    return render.outlines(_image(part), _labels(part), part.taxonomy.colours)


def _edges(part: Part) -> Image:
    marks = render.Marks(fit_mask(part.edges, part.look.side_px), render.PAPER)
    return render.draw_marks(np.zeros_like(_image(part)), [marks])


def _weights(part: Part) -> Image:
    return render.heat_map(fit_largest(part.weights, part.look.side_px))


def _provenance(part: Part) -> Image:
    photo = render.dimmed_grey(_image(part), darkest=DARKEST, lightest=LIGHTEST)
    ignored = part.provenance * (part.label_map == IGNORE)
    photo = render.hatched(photo, fit_label_map(ignored, part.look.side_px) > 0)
    added = part.provenance * (part.label_map != IGNORE)
    marks = [
        render.Marks(fit_mask(added == one.number, part.look.side_px), source_colour(one.number))
        for one in part.sources
    ]
    return render.draw_marks(photo, marks)


def _predicted(part: Part) -> LabelMap:
    return fit_label_map(part.prediction, part.look.side_px)


def _prediction(part: Part) -> Image:
    return render.colour_map(_predicted(part), part.taxonomy.colours)


def _prediction_overlay(part: Part) -> Image:
    return render.overlay(_image(part), _predicted(part), part.taxonomy.colours)


def _error(part: Part) -> Image:
    photo = render.dimmed_grey(_image(part), darkest=DARKEST, lightest=LIGHTEST)
    photo = render.hatched(photo, _labels(part) == IGNORE)
    marks = [
        render.Marks(fit_mask(part.errors == kind.value, part.look.side_px), kind.colour)
        for kind in ERROR_KINDS
    ]
    return render.draw_marks(photo, marks)


_DRAW: dict[Layer, Callable[[Part], Image]] = {
    "image": _image,
    "overlay": _overlay,
    "label": _label,
    "outline": _outline,
    "edges": _edges,
    "weights": _weights,
    "provenance": _provenance,
    "prediction": _prediction,
    "prediction-overlay": _prediction_overlay,
    "error": _error,
}
