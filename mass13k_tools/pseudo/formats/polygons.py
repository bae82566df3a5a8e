"""Polygons made into masks, as the programs that wrote them do it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.formats.result import SizeHW
from mass13k_tools.pseudo.masks import PseudoMask, mask_from_rle, pseudo_mask

MOST_POINTS = 2**20


def points(values: Any, size_hw: SizeHW) -> NDArray[np.float64]:
    """Take points, shape (N, 2), as x and y in pixels.

    Raises:
        DatasetError: They are no numbers, or lie outside the photo by more than its size.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DatasetError("points are no pairs of numbers") from error
    if found.ndim == 1 and len(found) % 2 == 0:
        found = found.reshape(-1, 2)
    if found.ndim != 2 or found.shape[1] != 2 or not 0 < len(found) <= MOST_POINTS:
        raise DatasetError(f"points have shape {found.shape}, expected pairs of numbers")
    height, width = size_hw
    far = np.abs(found - (width / 2, height / 2)) > 1.5 * np.array((width, height))
    if not np.isfinite(found).all() or far.any():
        raise DatasetError(f"points lie far outside the photo, which is {size_text(size_hw)}")
    return found


def coco_mask(rings: Sequence[Any], size_hw: SizeHW, **about: Any) -> PseudoMask | None:
    """Fill polygons as COCO does: pixels whose centre is inside any of them."""
    from pycocotools import mask as coco

    flat = [points(ring, size_hw).ravel().tolist() for ring in rings]
    flat = [ring for ring in flat if len(ring) >= 6]
    if not flat:
        return None
    height, width = size_hw
    counts = coco.merge(coco.frPyObjects(flat, height, width))["counts"]
    return mask_from_rle(counts, size_hw, **about)


def drawn_mask(ring: Any, size_hw: SizeHW, **about: Any) -> PseudoMask | None:
    """Fill a polygon as labelme does: its line belongs to it, so thin ones survive."""
    corners = points(ring, size_hw)
    if len(corners) < 3:
        raise DatasetError(f"a polygon has {len(corners)} points, expected three or more")
    low = np.clip(np.floor(corners.min(0)), 0, None).astype(int)
    high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, size_hw[::-1])
    if (high <= low).any():
        return None
    canvas = PillowImage.new("1", tuple((high - low).tolist()))
    ring_in_box = [(float(x), float(y)) for x, y in corners - low]
    ImageDraw.Draw(canvas).polygon(ring_in_box, fill=1, outline=1)
    mask = np.asarray(canvas, dtype=np.bool_)
    corner = (int(low[1]), int(low[0]))
    return pseudo_mask(mask, corner_yx=corner, **about) if mask.any() else None
