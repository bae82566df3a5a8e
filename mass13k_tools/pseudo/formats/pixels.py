"""Masks in pictures and arrays."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Mask
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_raw_labels
from mass13k_tools.inputs import read_bytes
from mass13k_tools.pseudo.formats.result import SizeHW, check_size
from mass13k_tools.pseudo.masks import PseudoMask, pseudo_mask

MOST_PIXELS = 2**30


def one_mask(path: Path, size_hw: SizeHW, **about: Any) -> PseudoMask | None:
    """Read a picture of one mask: 0 outside, one other value inside; None where it is empty.

    Raises:
        DatasetError: It has several values, or another size than the photo.
    """
    values = read_numbers(path)
    check_size(values.shape, size_hw)
    found = np.unique(values)
    inside = found[found > 0]
    if len(inside) > 1:
        raise DatasetError(
            f"'{path}' has the values {', '.join(map(str, found[:6]))}, expected 0 and one other: "
            "one file for each mask or class, and no grey edges"
        )
    return masked(values > 0, **about)


def read_numbers(path: Path) -> NDArray[Any]:
    """Read a map of numbers, shape (H, W), from PNG (8 bits) or NPY (whole numbers).

    Raises:
        DatasetError: It is missing, damaged or something else.
    """
    content = read_bytes(path)
    if path.suffix != ".npy":
        return decode_raw_labels(content, path).values
    try:
        values = _array(content)
    except (ValueError, EOFError, OSError, MemoryError) as error:
        raise DatasetError(f"'{path}' is no array of NumPy ({error})") from error
    if values.dtype.kind == "f" and values.ndim == 2 and (values == np.floor(values)).all():
        values = values.astype(np.int64)  # Grounded-SAM's value map is a float array
    if values.ndim != 2 or values.dtype.kind not in "biu":
        raise DatasetError(
            f"'{path}' is {values.dtype} of shape {values.shape}, expected whole numbers, (H, W)"
        )
    return values


def masked(mask: Mask, **about: Any) -> PseudoMask | None:
    """Encode a mask, shape (H, W), bool; None where it is empty."""
    return pseudo_mask(mask, **about) if mask.any() else None


def _array(content: bytes) -> NDArray[Any]:
    """Decode NPY; nothing is unpickled, and no more memory taken than the file is large."""
    stream = io.BytesIO(content)
    np.lib.format.read_magic(stream)
    stream.seek(0)
    array: NDArray[Any] = np.load(stream, allow_pickle=False)
    return array
