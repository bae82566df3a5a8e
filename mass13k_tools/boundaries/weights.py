"""Boundary weights as pictures or as compact NPZ, and back."""

import lzma
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.lib.npyio import NpzFile

from mass13k_tools.arrays import IGNORE, LabelMap, value_counts
from mass13k_tools.boundaries.origins import npz_with_origin, png_with_origin
from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import check_ordinary
from mass13k_tools.ops.render import heat_map
from mass13k_tools.ops.weight_steps import (
    KERNEL_PX,
    Frame,
    WeightMode,
    Weights,
    boundary_steps,
    weights_from_steps,
)
from mass13k_tools.ops.weights import own_weights

WeightFormat = Literal["png", "npz"]

# What NumPy raises for damaged files; the last three: members that are encrypted, or compressed in
# a way of other programs
NPZ_DAMAGE = (
    *(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile),
    *(RuntimeError, zlib.error, lzma.LZMAError),
)


@dataclass(frozen=True, slots=True)
class PreviewSettings:
    """Pictures of the weight that every pixel has in the mask of its own class."""

    kernel_px: int = KERNEL_PX
    frame: Frame = "zeros"

    suffix = ".png"

    def encode(self, label_map: LabelMap, origin: str) -> bytes:
        """Turn a label map into the bytes of a PNG, RGB, on the fixed scale of ``heat_map``."""
        weights = own_weights(label_map, kernel_px=self.kernel_px, frame=self.frame)
        return png_with_origin(heat_map(weights), origin)


@dataclass(frozen=True, slots=True)
class CompactSettings:
    """Weights of every class that is present, as whole numbers; see :func:`read_weights`."""

    mode: WeightMode = "abs"
    kernel_px: int = KERNEL_PX
    frame: Frame = "zeros"

    suffix = ".npz"

    def encode(self, label_map: LabelMap, origin: str) -> bytes:
        """Turn a label map into the bytes of an NPZ."""
        present = np.flatnonzero(value_counts(label_map)[:IGNORE]).astype(np.uint8)
        steps = boundary_steps(
            label_map, present.tolist(), kernel_px=self.kernel_px, frame=self.frame
        )
        return npz_with_origin(
            origin,
            mode=np.array(self.mode),
            kernel_px=np.array(self.kernel_px),
            class_ids=present,
            label_map=label_map,
            steps=steps,
        )


class ClassWeights(NamedTuple):
    """Boundary weights of the classes of a label map."""

    weights: Weights
    """Shape (C, H, W), float32."""
    class_ids: list[int]
    """The classes that are present; all others have weight 0 everywhere."""


def read_weights(path: Path) -> ClassWeights:
    """Read what ``mass13k weights --format npz`` wrote.

    Args:
        path: The NPZ.

    Returns:
        The weights of ``ops.weights.boundary_weights``, equal to the bit.

    Raises:
        DatasetError: The file is missing, damaged, or holds something else.
    """
    check_ordinary(path)
    try:
        with path.open("rb") as file, NpzFile(file) as archive:
            class_ids = _whole_numbers(archive, "class_ids", ndim=1).tolist()
            weights = weights_from_steps(
                _whole_numbers(archive, "steps", ndim=3),
                _whole_numbers(archive, "label_map", ndim=2),
                class_ids,
                mode=str(archive["mode"]),  # type: ignore[arg-type]  # checked by the callee
                kernel_px=int(_whole_numbers(archive, "kernel_px", ndim=0)),
            )
    except NPZ_DAMAGE as error:
        raise DatasetError(f"'{path}' holds no boundary weights: {error}") from error
    return ClassWeights(weights, class_ids)


def _whole_numbers(archive: NpzFile, name: str, *, ndim: int) -> Any:
    """Read one array of an NPZ; a member of another kind comes as its bytes."""
    array = archive[name]
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu" or array.ndim != ndim:
        raise DatasetError(f"'{name}' is no array of whole numbers with {ndim} dimensions")
    return array
