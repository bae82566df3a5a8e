"""What the page of one photo says besides its pixels."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mass13k_tools.arrays import Mask
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.bands import band_width
from mass13k_tools.ops.complexity import class_areas, complexity
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.ops.mistakes import worst_windows, wrong_pixels
from mass13k_tools.ops.pyramid import TILE_PX, level_count
from mass13k_tools.printing import finite
from mass13k_tools.viewer.layers import PREDICTION, Layers

WINDOW_PX = 512
NEAR_RATIO = 0.005  # of the diagonal: what counts as near a boundary in the list of worst windows


def photo_facts(layers: Layers, number: int) -> dict[str, Any]:
    """Tell what there is of a photo, as JSON.

    Returns:
        ``split``, ``key``, ``size_hw``, ``levels``, ``tile``, ``layers`` (name -> kind), ``errors``
        (name of a layer -> why it cannot be shown), ``sources`` of the provenance map, ``classes``
        (``id``, ``share``, ``ipq``) and ``windows`` (name -> the most striking parts).

    Raises:
        DatasetError: Not even the label map can be read.
    """
    sample = layers.photos.samples[number]
    labels = layers.whole(number, "labels")
    size_hw = labels.shape[0], labels.shape[1]
    kinds = layers.names(number)
    errors = {name: reason for name in kinds if (reason := _fault(layers, number, name, size_hw))}
    areas, ipq = class_areas(labels), complexity(labels).ipq
    return {
        "split": sample.split,
        "key": sample.key,
        "size_hw": size_hw,
        "levels": level_count(size_hw),
        "tile": TILE_PX,
        "layers": {name: kind for name, kind in kinds.items() if name not in errors},
        "errors": errors,
        "sources": [] if "provenance" in errors else _sources(layers, number),
        "classes": [
            {"id": row.id, "share": float(areas[row.id]) / labels.size, "ipq": finite(ipq[row.id])}
            for row in layers.photos.taxonomy.classes
            if areas[row.id]
        ],
        "windows": {
            name: [window._asdict() for window in worst_windows(mask(), side_px=WINDOW_PX)]
            for name, mask in _striking(layers, number).items()
            if name not in errors
        },
    }


def _fault(layers: Layers, number: int, name: str, size_hw: tuple[int, int]) -> str | None:
    """Say why a layer of files cannot be shown; those that are computed can."""
    if name in ("labels", "edges", "weights"):
        return None
    try:
        found = layers.whole(number, name).shape[:2]
    except DatasetError as error:
        return str(error)
    return None if found == size_hw else f"its size is {found}, that of the label map {size_hw}"


def _sources(layers: Layers, number: int) -> list[dict[str, Any]]:
    if not layers.photos.has_provenance(number):
        return []
    _, record = layers.photos.provenance(number)
    return [
        {"number": source.number, "class": source.name, "source": source.source}
        for source in record.sources
    ]


def _striking(layers: Layers, number: int) -> dict[str, Callable[[], Mask]]:
    """Give the masks whose densest windows are worth a look."""

    def near_boundaries(index: int) -> Mask:
        labels = layers.whole(number, "labels")
        reach = 2 * band_width(labels.shape, NEAR_RATIO)
        near = edge_map(labels, width_px=min(reach, 255))
        return wrong_pixels(layers.whole(number, f"{PREDICTION}{index}"), labels) & near

    masks: dict[str, Callable[[], Mask]] = {
        "labels": lambda: layers.whole(number, "edges").astype(np.bool_)
    }
    for index in range(len(layers.predictions)):
        if f"{PREDICTION}{index}" in layers.names(number):
            masks[f"{PREDICTION}{index}"] = partial(near_boundaries, index)
    return masks
