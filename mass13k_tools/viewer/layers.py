"""The layers of a photo: whole, as tiles, as thumbnail and as a part to keep.

===============  ======  ===========================================================
layer            kind    a pixel is
===============  ======  ===========================================================
``image``        photo   RGB; tiles are JPEG, parts to keep are PNG
``labels``       ids     the class, 255 = ignore
``predictionN``  ids     the class, 255 = none, of the Nth folder of predictions
``provenance``   ids     the source that wrote it, 0 = original
``edges``        marks   1 at a class change
``weights``      marks   boundary weight W, 255 = 1
===============  ======  ===========================================================

All but the image are one channel of 8 bits and lossless: what a browser shows is coloured there.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from mass13k_tools.arrays import Image, LabelMap, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import jpeg_bytes, png_bytes, read_label_map
from mass13k_tools.layouts import Predictions
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.ops.pyramid import Kind, Pixels, at_level, level_count, tile_of
from mass13k_tools.ops.render import overlay
from mass13k_tools.ops.weights import own_weights
from mass13k_tools.viewer.cache import Cache
from mass13k_tools.viewer.photos import Photos

PREDICTION = "prediction"
KINDS: dict[str, Kind] = {
    "image": "photo",
    "labels": "ids",
    "provenance": "ids",
    "edges": "marks",
    "weights": "marks",
}
THUMBNAIL_PX = 320
MOST_CROP_PX = 4096
TILE_QUALITY, THUMBNAIL_QUALITY = 92, 82


class Layers:
    """Makes what a browser asks for. Threads may share it."""

    def __init__(self, photos: Photos, predictions: Sequence[Predictions], cache: Cache) -> None:
        """Take photos and predictions.

        Args:
            photos: What is shown.
            predictions: Of these photos; some may have none.
            cache: Holds decoded pictures and encoded tiles.
        """
        self.photos = photos
        self.predictions = tuple(predictions)
        self.cache = cache

    def names(self, number: int) -> dict[str, Kind]:
        """Name the layers of a photo, with their kinds."""
        sample = self.photos.samples[number]
        names = {**KINDS}
        if not self.photos.has_provenance(number):
            del names["provenance"]
        for index, each in enumerate(self.predictions):
            if (sample.split, sample.key) in each.paths:
                names[f"{PREDICTION}{index}"] = "ids"
        return names

    def whole(self, number: int, layer: str) -> Pixels:
        """Give a layer, shape (H, W) or (H, W, 3), uint8; not to be changed.

        Raises:
            DatasetError: It cannot be read, or is not of the label map's size.
        """
        return self.cache.get((number, layer), partial(self._read, number, layer))

    def tile(self, number: int, layer: str, *, level: int, row: int, column: int) -> bytes:
        """Give a tile: JPEG of the image, PNG of all else.

        Raises:
            DatasetError: There is no such layer or tile, or it cannot be read.
        """
        kind = self._kind(number, layer)
        key = number, layer, level, row, column
        return self.cache.get(key, partial(self._tile, number, layer, kind, key[2:]))

    def thumbnail(self, number: int, layer: str) -> bytes:
        """Give a small JPEG of the image, of the labels over it, or of a prediction over it."""
        return self.cache.get((number, layer, "small"), partial(self._thumbnail, number, layer))

    def crop(self, number: int, layer: str, box: tuple[int, int, int, int]) -> bytes:
        """Give a rectangle as PNG.

        Args:
            number: Of the photo.
            layer: Its layer.
            box: y, x, height, width in pixels, at most 4096 x 4096, cut at the frame.

        Raises:
            DatasetError: Nothing of it lies in the picture, or it is too large.
        """
        self._kind(number, layer)
        y, x, height, width = box
        pixels = self.whole(number, layer)
        part = pixels[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)]
        if part.size == 0 or max(height, width) > MOST_CROP_PX:
            raise DatasetError(
                f"no part of {size_text((height, width))} at y {y}, x {x}: it must lie in the "
                f"picture and have sides of at most {MOST_CROP_PX}"
            )
        return png_bytes(np.ascontiguousarray(part))

    def _kind(self, number: int, layer: str) -> Kind:
        kind = self.names(number).get(layer)
        if kind is None:
            raise DatasetError(f"no layer '{layer}' of '{self.photos.samples[number].key}'")
        return kind

    def _read(self, number: int, layer: str) -> Pixels:
        if layer == "image":
            return self.photos.image(number)
        if layer == "labels":
            return self.photos.label_map(number)
        labels: LabelMap = self.whole(number, "labels")
        if layer == "edges":
            return edge_map(labels).view(np.uint8)
        if layer == "weights":
            return np.rint(own_weights(labels) * 255).astype(np.uint8)
        if layer == "provenance":
            return self._of_size(self.photos.provenance(number)[0], labels, layer)
        predictions = self.predictions[int(layer.removeprefix(PREDICTION))]
        path = predictions.of(self.photos.samples[number])
        return self._of_size(read_label_map(path, self.photos.taxonomy), labels, f"'{path}'")

    def _of_size(self, pixels: LabelMap, labels: LabelMap, name: str) -> LabelMap:
        if pixels.shape != labels.shape:
            raise DatasetError(
                f"{name} is {size_text(pixels.shape)}, its label map is {size_text(labels.shape)}"
            )
        return pixels

    def _level(self, number: int, layer: str, kind: Kind, level: int) -> Pixels:
        whole = self.whole(number, layer)
        if level == 0 or kind == "ids":  # a view, which needs no place of its own
            return at_level(whole, level, kind)
        key = number, layer, "level", level
        return self.cache.get(key, partial(at_level, whole, level, kind))

    def _tile(self, number: int, layer: str, kind: Kind, place: tuple[int, int, int]) -> bytes:
        level, row, column = place
        if not 0 <= level < level_count(self.photos.size_hw(number)):
            raise DatasetError(f"no level {level} of '{self.photos.samples[number].key}'")
        tile = tile_of(self._level(number, layer, kind, level), row, column)
        pixels = np.ascontiguousarray(tile)
        return jpeg_bytes(pixels, quality=TILE_QUALITY) if kind == "photo" else png_bytes(pixels)

    def _thumbnail(self, number: int, layer: str) -> bytes:
        size_hw = self.photos.size_hw(number)
        level = 0
        while max(size_hw) > THUMBNAIL_PX * 2**level:
            level += 1
        image: Image = at_level(self.photos.image(number), level, "photo")
        if layer != "image":
            labels = (
                self.photos.label_map(number) if layer == "overlay" else self.whole(number, layer)
            )
            ids = np.ascontiguousarray(at_level(labels, level, "ids"))
            image = overlay(image, ids, self.photos.taxonomy.colours)
        return jpeg_bytes(image, quality=THUMBNAIL_QUALITY)
