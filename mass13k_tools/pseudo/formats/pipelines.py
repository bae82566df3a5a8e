"""What pipelines of transformers give, saved as JSON: masks beside scores, or rows of them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.formats.pixels import masked
from mass13k_tools.pseudo.formats.result import (
    Found,
    PhotoResult,
    Reader,
    SizeHW,
    check_size,
    field,
    numbered,
    rle_mask,
    score,
    text,
)
from mass13k_tools.pseudo.masks import PseudoMask

NAMES = ("text_labels", "labels")
SOURCE = "transformers"


def is_columns(found: Found) -> bool:
    """Tell mask-generation and SAM 3: an object with ``scores`` beside ``masks`` or run lengths."""
    content = found.content
    return (
        isinstance(content, dict)
        and "scores" in content
        and bool({"masks", "rle_mask"} & {*content})
    )


def read_columns(found: Found) -> Iterator[PhotoResult]:
    """Read masks that share a list of scores; the file is called as the photo is."""
    content = found.content
    masks = field(content, "rle_mask" if "rle_mask" in content else "masks", list)
    scores = field(content, "scores", list)
    names = next((content[name] for name in NAMES if name in content), [None] * len(masks))
    if not len(masks) == len(scores) == len(names):
        raise DatasetError(
            f"there are {len(masks)} masks, {len(scores)} scores and {len(names)} labels, "
            "expected as many of each"
        )
    rows = [
        {"mask": mask, "score": value, "label": name}
        for mask, value, name in zip(masks, scores, names, strict=True)
    ]
    yield PhotoResult(found.path.stem, partial(_rows, rows))


def is_rows(found: Found) -> bool:
    """Tell image-segmentation: a list of ``mask`` and ``label``."""
    content = found.content
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and {"mask", "label"} <= {*first}


def read_rows(found: Found) -> Iterator[PhotoResult]:
    """Read rows of masks; the file is called as the photo is."""
    yield PhotoResult(found.path.stem, partial(_rows, found.content))


def _rows(rows: list[Any], size_hw: SizeHW) -> Iterator[PseudoMask]:
    return numbered(rows, partial(_row, size_hw=size_hw))


def _row(row: Any, size_hw: SizeHW) -> PseudoMask | None:
    name = row.get("label") if isinstance(row, dict) else None
    about = {
        "class_name": text(name, "'label'") if isinstance(name, str) else None,
        "mask_score": score(row.get("score")),
        "source": SOURCE,
    }
    mask = field(row, "mask", (dict, list))
    if isinstance(mask, dict):
        return rle_mask(mask, size_hw, **about)
    try:
        pixels = np.asarray(mask)
    except ValueError as error:
        raise DatasetError("rows of a mask have different lengths") from error
    if pixels.dtype.kind not in "bif" or pixels.ndim < 2:
        raise DatasetError(f"a mask is {pixels.dtype} of shape {pixels.shape}, expected (H, W)")
    pixels = (
        pixels.reshape(pixels.shape[-2:]) if pixels.size == np.prod(pixels.shape[-2:]) else pixels
    )
    check_size(pixels.shape, size_hw)
    return masked(pixels > 0, **about)


READERS = (
    Reader("transformers", is_columns, read_columns),
    Reader("transformers-rows", is_rows, read_rows),
)
