"""labelme and X-AnyLabeling: masks, polygons and rectangles of one photo."""

import base64
import binascii
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels
from mass13k_tools.pseudo.formats.pixels import masked
from mass13k_tools.pseudo.formats.polygons import drawn_mask, points
from mass13k_tools.pseudo.formats.result import (
    Found,
    PhotoResult,
    Reader,
    SizeHW,
    check_size,
    field,
    numbered,
    score,
    text,
)
from mass13k_tools.pseudo.masks import PseudoMask


def is_labelme(found: Found) -> bool:
    """Tell both: an object with ``shapes`` and ``imagePath``."""
    return isinstance(found.content, dict) and {"shapes", "imagePath"} <= {*found.content}


def read_labelme(found: Found) -> Iterator[PhotoResult]:
    """Read a photo's shapes."""
    shapes = field(found.content, "shapes", list)
    size = (found.content.get("imageHeight"), found.content.get("imageWidth"))
    masks = partial(_shapes, shapes, size)
    yield PhotoResult(text(found.content["imagePath"], "'imagePath'"), masks)


def _shapes(rows: list[Any], size: tuple[Any, Any], size_hw: SizeHW) -> Iterator[PseudoMask]:
    check_size(size, size_hw)
    return numbered(rows, partial(_shape, size_hw=size_hw))


def _shape(row: Any, size_hw: SizeHW) -> PseudoMask | None:
    about = {
        "class_name": text(field(row, "label", str), "'label'"),
        "detector_score": score(row.get("score")),  # X-AnyLabeling's
        "source": "labelme",
    }
    kind = row.get("shape_type")
    if kind not in KINDS:
        raise DatasetError(f"'shape_type' is {kind!r:.40}, expected {', '.join(KINDS)}")
    return KINDS[kind](row, size_hw, **about)


def _mask(row: Any, size_hw: SizeHW, **about: Any) -> PseudoMask | None:
    corners = points(row.get("points"), size_hw)
    x, y = (int(value) for value in corners.min(0))
    try:
        content = base64.b64decode(field(row, "mask", str), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DatasetError("'mask' is no base64") from error
    values = decode_raw_labels(content, Path("mask.png")).values
    height, width = values.shape
    if min(y, x) < 0 or y + height > size_hw[0] or x + width > size_hw[1]:
        raise DatasetError(f"a mask at y {y}, x {x} reaches out of the photo")
    mask = masked(values > 0, **about)
    return mask and mask.moved(y, x)


def _polygon(row: Any, size_hw: SizeHW, **about: Any) -> PseudoMask | None:
    return drawn_mask(row.get("points"), size_hw, **about)


def _rectangle(row: Any, size_hw: SizeHW, **about: Any) -> PseudoMask | None:
    (left, top), (right, bottom) = (lambda p: (p.min(0), p.max(0)))(points(row["points"], size_hw))
    ring = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return drawn_mask(ring, size_hw, **about)


KINDS = {"mask": _mask, "polygon": _polygon, "rectangle": _rectangle}
READERS = (Reader("labelme", is_labelme, read_labelme),)
