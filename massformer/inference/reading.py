"""An image on its way in: which of its files are there already, and its pixels if some are not."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mass13k_tools.arrays import Image
from mass13k_tools.boundaries.origins import Standing, standing
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import decode_image, turned_image
from mass13k_tools.inputs import read_bytes
from mass13k_tools.pixel_files import TURNED, decode_header, read_header
from massformer.inference.photos import Photo
from massformer.inference.predictor import Predictor
from massformer.inference.products import (
    Kind,
    Request,
    network_digest,
    origin_of,
    part_of,
)
from massformer.inference.tiling import Grid


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is to be written."""

    path: Path
    origin: str
    """What it is made from; goes into the file."""
    standing: Standing
    """What is there now."""


@dataclass(frozen=True, slots=True)
class Task:
    """An image and the files that are still to be made of it."""

    photo: Photo
    size_hw: tuple[int, int]
    """Of the part that is predicted."""
    grid: Grid
    """Its tiles."""
    files: tuple[Path, ...]
    """All that is wanted, also what is there already."""
    targets: dict[Kind, Target]
    """What is to be written."""
    image: Image | None
    """The part that is predicted; None where nothing is to be written."""


@dataclass(frozen=True)
class Reader:
    """Makes tasks of images."""

    predictor: Predictor
    request: Request

    @cached_property
    def network(self) -> str:
        """Hash of the network."""
        return network_digest(self.predictor)

    def read(self, photo: Photo) -> Task:
        """Read an image, unless all its files are there.

        The pixels come as they are stored, whatever the EXIF orientation says, unless only the
        turned image has the size of its label map.

        Raises:
            DatasetError: It cannot be read, or other files are in the way.
        """
        content = read_bytes(photo.path)
        header = decode_header(content, photo.path)
        size_hw, turned = header.size_hw, False
        if photo.label_path is not None and header.orientation in TURNED:
            turned = read_header(photo.label_path).size_hw == size_hw[::-1] != size_hw
            size_hw = size_hw[::-1] if turned else size_hw
        rows, columns = part_of(size_hw, self.request.roi)
        part_hw = rows.stop - rows.start, columns.stop - columns.start
        grid = self.predictor.grid(part_hw, self.request.wanted(self.predictor.config.classes))

        made_from = f"image {hashlib.sha256(content).hexdigest()}{' turned' * turned}"
        targets = self._targets(photo, grid, f"network {self.network}, {made_from}")
        files = tuple(self.request.path(photo, kind) for kind in self.request.kinds)
        if not targets:
            return Task(photo, part_hw, grid, files, targets, None)
        image = turned_image(content, photo.path, size_hw=size_hw) if turned else None
        if image is None:
            image = decode_image(content, photo.path)
        image = np.ascontiguousarray(image[rows, columns])
        return Task(photo, part_hw, grid, files, targets, image)

    def _targets(self, photo: Photo, grid: Grid, digests: str) -> dict[Kind, Target]:
        """Look which files are missing, before minutes are spent on them."""
        targets = {}
        for kind in self.request.kinds:
            path = self.request.path(photo, kind)
            origin = origin_of(kind, self.request, self.predictor, grid=grid, digests=digests)
            found = standing(path, origin)
            if found == "other" and not self.request.overwrite:
                raise DatasetError(
                    f"'{path}' is there already with other content; pass --overwrite to replace it"
                )
            if found != "known":
                targets[kind] = Target(path, origin, found)
        return targets
