"""A sample's arrays, cut to the part that is shown."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image, LabelMap, Mask, size_text
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_label_map, read_sample
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.bands import band_width
from mass13k_tools.ops.edges import edge_map
from mass13k_tools.ops.error_map import class_error_map, error_map
from mass13k_tools.ops.weights import own_weights
from mass13k_tools.panels.look import OF_PREDICTIONS, Look
from mass13k_tools.provenance import Source, provenance_faults, read_provenance

BAND_RATIO = 0.001  # of the diagonal, as in the official Boundary IoU

Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True)
class Part:
    """A sample as a look wants it; what is computed is computed on the whole image, then cut."""

    sample: Sample
    taxonomy: Taxonomy
    look: Look
    whole_image: Image
    whole_label_map: LabelMap
    whole_prediction: LabelMap | None
    whole_provenance: LabelMap | None = None
    sources: tuple[Source, ...] = ()
    """That the provenance map numbers."""

    @cached_property
    def image(self) -> Image:
        """Shape (h, w, 3), uint8, RGB."""
        return self._cut(self.whole_image)

    @cached_property
    def label_map(self) -> LabelMap:
        """The truth, shape (h, w), uint8."""
        return self._cut(self.whole_label_map)

    @cached_property
    def prediction(self) -> LabelMap:
        """The predicted label map, shape (h, w), uint8."""
        return self._cut(self._predicted)

    @cached_property
    def provenance(self) -> LabelMap:
        """Which source wrote each pixel, 0 = none, shape (h, w), uint8."""
        assert self.whole_provenance is not None  # read for the layer that shows it
        return self._cut(self.whole_provenance)

    @cached_property
    def edges(self) -> Mask:
        """Shape (h, w), bool."""
        return self._cut(edge_map(self.whole_label_map))

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Shape (h, w), float32, 0..1."""
        return self._cut(own_weights(self.whole_label_map))

    @cached_property
    def errors(self) -> NDArray[np.uint8]:
        """Shape (h, w), uint8, see ``ops.error_map``."""
        whole = self._predicted, self.whole_label_map
        if self.look.one_class is not None:
            class_id = self.look.one_class.id
            return self._cut(class_error_map(*whole, class_id=class_id, band_px=self.band_px))
        rest_id = self.taxonomy.rest_id
        return self._cut(error_map(*whole, rest_id=rest_id, band_px=self.band_px))

    @property
    def band_px(self) -> int:
        """Reach of the boundary in the error map."""
        return band_width(self.whole_label_map.shape, BAND_RATIO)

    @property
    def size(self) -> str:
        """Its size, and where it lies in the image."""
        whole = size_text(self.whole_label_map.shape)
        if self.look.crop is None:
            return whole
        y, x, height, width = self.look.crop
        return f"{size_text((height, width))} at y {y}, x {x} of {whole}"

    @property
    def _predicted(self) -> LabelMap:
        assert self.whole_prediction is not None  # read for every layer that shows it
        return self.whole_prediction

    def _cut(self, pixels: NDArray[Value]) -> NDArray[Value]:
        if self.look.crop is None:
            return pixels
        y, x, height, width = self.look.crop
        return np.ascontiguousarray(pixels[y : y + height, x : x + width])


def read_part(sample: Sample, taxonomy: Taxonomy, look: Look) -> Part:
    """Read a sample, and its prediction if a layer shows it.

    Raises:
        DatasetError: A file is missing or cannot be read, sizes differ, or the crop is not inside
            the image.
    """
    image, label_map = read_sample(sample, taxonomy)
    _check_crop(sample, look, label_map.shape)
    prediction = None
    if set(look.layers) & set(OF_PREDICTIONS):
        prediction = _read_prediction(sample, taxonomy, look)
        if prediction.shape != label_map.shape:
            assert look.predictions is not None
            raise DatasetError(
                f"prediction '{look.predictions.of(sample)}' is {size_text(prediction.shape)} but "
                f"label map '{sample.label_path}' is {size_text(label_map.shape)}; scale "
                "predictions to the size of the label map"
            )
    part = Part(sample, taxonomy, look, image, label_map, prediction)
    return _with_provenance(part) if "provenance" in look.layers else part


def _with_provenance(part: Part) -> Part:
    provenance, record = read_provenance(part.sample)
    for found, expected in provenance_faults(provenance, part.whole_label_map, record):
        path = part.sample.provenance_path
        raise DatasetError(f"provenance map '{path}' has {found}, expected {expected}")
    return replace(part, whole_provenance=provenance, sources=record.sources)


def _read_prediction(sample: Sample, taxonomy: Taxonomy, look: Look) -> LabelMap:
    if look.predictions is None:
        names = ", ".join(OF_PREDICTIONS)
        raise DatasetError(f"the layers {names} need predictions; name their folder with --pred")
    return read_label_map(look.predictions.of(sample), taxonomy)


def _check_crop(sample: Sample, look: Look, size_hw: tuple[int, ...]) -> None:
    if look.crop is None:
        return
    y, x, height, width = look.crop
    inside = y >= 0 and x >= 0 and y + height <= size_hw[0] and x + width <= size_hw[1]
    if not inside or height < 1 or width < 1:
        raise DatasetError(
            f"crop y {y}, x {x}, {size_text((height, width))} is not inside '{sample.key}', "
            f"which is {size_text(size_hw)}"
        )
