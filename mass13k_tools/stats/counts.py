"""What is counted in one label file, as plain JSON that can be kept.

The counts are a flat object: ``height``, ``width``, and by class id (written as text, absent
classes left out) the fields of a census, and perimeters that do not follow from it.
"""

from collections.abc import Set
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import LabelMap
from mass13k_tools.classes import Taxonomy
from mass13k_tools.images import read_label_map
from mass13k_tools.ops.census import THIN_PX, Census, census
from mass13k_tools.ops.complexity import (
    LENGTHS,
    Definition,
    class_areas,
    outline_windows,
    perimeters,
    perimeters_from_windows,
)
from mass13k_tools.pixel_files import read_header

Metric = Literal["mipq", "size", "classes", "all"]
LabelCounts = dict[str, Any]

SIZE = frozenset({"height", "width"})
CENSUS = frozenset(field.name for field in fields(Census))

VERSION = f"1, thin below {THIN_PX} px"  # counts kept under another version are taken again


def needed_for(metric: Metric, definition: Definition) -> frozenset[str]:
    """Name the counts that a metric needs.

    Example:
        >>> sorted(needed_for("mipq", "crofton"))
        ['height', 'pixels', 'width', 'windows']
    """
    if metric == "size":
        return SIZE
    outline = SIZE | {"pixels", "windows" if definition in LENGTHS else definition}
    return outline if metric == "mipq" else outline | CENSUS


def count_labels(label_path: Path, *, taxonomy: Taxonomy, needed: Set[str]) -> LabelCounts:
    """Count one label file, which is read once; for its size only the header is read.

    Args:
        label_path: The label map.
        taxonomy: Its raw values.
        needed: Names of counts, as :func:`needed_for` gives; others may come along for free.

    Raises:
        DatasetError: The file cannot be read as a label map of this taxonomy.
    """
    if needed <= SIZE:
        height, width = read_header(label_path).size_hw
        return {"height": height, "width": width}
    return label_counts(read_label_map(label_path, taxonomy), needed=needed)


def label_counts(label_map: LabelMap, *, needed: Set[str]) -> LabelCounts:
    """Count a label map.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        needed: Names of counts, as :func:`needed_for` gives; others may come along for free.
    """
    counts: LabelCounts = {"height": label_map.shape[0], "width": label_map.shape[1]}
    if needed & (CENSUS - {"pixels", "windows"}):
        whole = census(label_map)
        counts |= {name: _kept(getattr(whole, name)) for name in CENSUS}
    else:
        counts["pixels"] = _kept(class_areas(label_map))
        counts["windows"] = _kept(outline_windows(label_map))
    for definition in ("skimage", "opencv"):
        if definition in needed:
            counts[definition] = _kept(perimeters(label_map, definition=definition))
    return counts


def read_perimeters(counts: LabelCounts, definition: Definition) -> NDArray[np.float64]:
    """Give the perimeters by class, shape (256,), from counts that hold what is needed for them."""
    if definition in LENGTHS:
        return perimeters_from_windows(by_id(counts["windows"], (4,)), definition=definition)
    return by_id(counts[definition], dtype=np.float64)


def read_census(counts: LabelCounts) -> Census | None:
    """Give the census, or None where less was counted."""
    if not counts.keys() >= CENSUS:
        return None
    return Census(
        **{name: by_id(counts[name], (4,) if name == "windows" else ()) for name in CENSUS}
    )


def by_id(
    kept: dict[str, Any], shape: tuple[int, ...] = (), *, dtype: type = np.int64
) -> NDArray[Any]:
    """Read a count by class back into an array of shape (256, *shape).

    Example:
        >>> by_id({"2": 40, "5": 7})[[2, 3, 5]]
        array([40,  0,  7])
    """
    array: NDArray[Any] = np.zeros((256, *shape), dtype=dtype)
    for class_id, count in kept.items():
        array[int(class_id)] = count
    return array


def _kept(counts: NDArray[Any]) -> dict[str, Any]:
    """Write a count by class, shape (256, ...), as a JSON object."""
    present = np.flatnonzero(counts.reshape(256, -1).any(axis=1))
    return {str(class_id): counts[class_id].tolist() for class_id in present}
