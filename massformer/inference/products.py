"""The files that are made of a predicted image: their names, their content, where they come from.

Every file says inside what it was made from: network, settings and image. So a killed run goes on
where it stopped, and files of another network are noticed.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image, LabelMap, size_text
from mass13k_tools.boundaries.origins import npz_with_origin, png_with_origin
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts.predictions import EXTRAS
from mass13k_tools.ops.render import overlay
from massformer.effects import bokeh, cutout
from massformer.inference.photos import Photo
from massformer.inference.predictor import Prediction, Predictor, Wanted
from massformer.inference.tiling import Grid

Kind = Literal["labels", "probability", "edges", "overlay", "bokeh", "cutout"]
Roi = tuple[int, int, int, int]  # y, x, height, width

VERSION = 1  # raise it when the same settings give other files


@dataclass(frozen=True, slots=True)
class Request:
    """What is made of every image, and where it goes."""

    out: Path
    kinds: tuple[Kind, ...] = ("labels",)
    roi: Roi | None = None
    """The part of the image that is predicted."""
    effect_class: int = 0
    """Number of the class that effects keep, in the order of the taxonomy."""
    blur_px: int | None = None
    """Radius of the blurred background; None: by the size of the image."""
    overwrite: bool = False

    def wanted(self, classes: int) -> Wanted:
        """Say what of a prediction the files need."""
        if "probability" in self.kinds:
            some = tuple(range(classes))
        else:
            some = (self.effect_class,) if {"bokeh", "cutout"} & {*self.kinds} else ()
        return Wanted(some, "edges" in self.kinds)

    def path(self, photo: Photo, kind: Kind) -> Path:
        """Name a file: label maps lie in the folder itself, all else where no score looks."""
        folder = self.out if kind == "labels" else self.out / EXTRAS / kind
        return folder / f"{photo.name}{'.npz' if kind == 'probability' else '.png'}"


class Made(NamedTuple):
    """A predicted image, of which files can be made."""

    image: Image
    """The part that was predicted."""
    prediction: Prediction
    request: Request
    taxonomy: Taxonomy


def part_of(size_hw: tuple[int, int], roi: Roi | None) -> tuple[slice, slice]:
    """Give rows and columns of the part of an image that is predicted.

    Raises:
        DatasetError: It is not inside the image.
    """
    if roi is None:
        return slice(0, size_hw[0]), slice(0, size_hw[1])
    y, x, height, width = roi
    inside = y >= 0 and x >= 0 and y + height <= size_hw[0] and x + width <= size_hw[1]
    if not inside or height < 1 or width < 1:
        raise DatasetError(
            f"the part y {y}, x {x}, {size_text((height, width))} is not inside the image, which "
            f"is {size_text(size_hw)}"
        )
    return slice(y, y + height), slice(x, x + width)


def network_digest(predictor: Predictor) -> str:
    """Hash the values and the names of a network, and the classes it knows."""
    digest = hashlib.sha256(repr((predictor.config, predictor.taxonomy)).encode())
    for name, tensor in sorted(predictor.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def origin_of(
    kind: Kind, request: Request, predictor: Predictor, *, grid: Grid, digests: str
) -> str:
    """Write what a file depends on.

    Args:
        kind: Which file.
        request: What is wanted.
        predictor: Its settings.
        grid: The tiles of the image.
        digests: Hashes of network and image.
    """
    settings = predictor.settings
    how = [f"{settings.dtype}, {settings.views}, {grid}, part {request.roi}"]
    if kind in ("bokeh", "cutout"):
        how.append(f"class {request.effect_class}")
    if kind == "bokeh":
        how.append(f"blur {request.blur_px}")
    return f"massformer {VERSION}: {kind}, {', '.join(how)}, of {digests}"


def encoded(kind: Kind, made: Made, origin: str) -> bytes:
    """Make the content of a file.

    Args:
        kind: Which.
        made: What it is made of.
        origin: From :func:`origin_of`.
    """
    prediction, image, taxonomy = made.prediction, made.image, made.taxonomy
    if kind == "probability":
        names = np.array([each.name for each in taxonomy.classes])
        arrays = {"probability": prediction.probabilities, "ids": taxonomy.ids, "names": names}
        return npz_with_origin(origin, **arrays)
    if kind == "labels":
        return png_with_origin(_raw(prediction.label_map, taxonomy), origin)
    if kind == "overlay":
        return png_with_origin(overlay(image, prediction.label_map, taxonomy.colours), origin)
    if kind == "edges":
        assert prediction.edges is not None, "asked for"
        return png_with_origin(prediction.edges, origin)
    everything = len(prediction.probabilities) == len(taxonomy.classes)
    number = made.request.effect_class if everything else 0
    probability = prediction.probabilities[number]
    if kind == "bokeh":
        blurred = bokeh(image, probability, radius_px=made.request.blur_px)
        return png_with_origin(blurred, origin)
    return png_with_origin(cutout(image, probability), origin)


def raw_values(taxonomy: Taxonomy) -> NDArray[np.uint8]:
    """Say which raw value of label files stands for each class id: itself, or the least that does.

    Returns:
        Shape (256,), uint8; what is no class id stands for itself.

    Raises:
        DatasetError: No raw value stands for one of the classes.

    Example:
        >>> from mass13k_tools.taxonomy_file import shipped_taxonomy
        >>> raw_values(shipped_taxonomy("ade20k"))[:3]
        array([1, 2, 3], dtype=uint8)
    """
    raw = np.arange(256, dtype=np.uint8)
    for each in taxonomy.classes:
        if each.id not in taxonomy.lookup:
            raise DatasetError(
                f"no raw value of taxonomy '{taxonomy.name}' stands for '{each.name}'; add one to "
                "its [raw] table"
            )
        if taxonomy.lookup[each.id] != each.id:
            raw[each.id] = taxonomy.lookup.index(each.id)
    return raw


def _raw(label_map: LabelMap, taxonomy: Taxonomy) -> LabelMap:
    return np.asarray(cv2.LUT(label_map, raw_values(taxonomy)), dtype=np.uint8)
