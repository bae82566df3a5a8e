"""A training sample: everything is drawn first, then only the rectangle is read that it needs."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, Image, LabelMap
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.arguments import check_kind
from mass13k_tools.loader.class_share import class_share_test
from mass13k_tools.loader.photometric import Distortion, distorted
from mass13k_tools.loader.recipe import Draw, Recipe, draw
from mass13k_tools.loader.resize import (
    Cut,
    Part,
    Size,
    linear_box,
    nearest_box,
    resize_linear,
    resize_nearest,
)
from mass13k_tools.loader.sampling import Sampling, block_density, dense_box
from mass13k_tools.loader.sources import Source, counted_blocks

Photometrics = Literal["host", "device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CropSettings:
    """How crops are made."""

    recipe: Recipe = field(default_factory=Recipe)
    """What is drawn."""
    sampling: Sampling = "uniform"
    """Where crops lie; see :mod:`mass13k_tools.loader.sampling`."""
    photometrics: Photometrics = "host"
    """Where colours are distorted: here, or later, in batches on the device."""

    def __post_init__(self) -> None:
        check_kind("recipe", self.recipe, Recipe)
        for name, value, known in (
            ("sampling", self.sampling, get_args(Sampling)),
            ("photometrics", self.photometrics, get_args(Photometrics)),
        ):
            if value not in known:
                raise DatasetError(f"{name} is '{value}', expected one of: {', '.join(known)}")


class Crop(NamedTuple):
    """A training sample."""

    image: Image
    """Of the recipe's crop size; 0 where it is padded."""
    label_map: LabelMap
    """Of the same size; 255 where it is padded."""
    key: str
    """Of the sample that it was cut out of."""
    size_hw: Size
    """Height and width without padding, which is at the right and below."""
    distortion: Distortion
    """Drawn for its colours; done already where ``photometrics`` is ``host``."""


def make_crop(source: Source, index: int, settings: CropSettings, rng: np.random.Generator) -> Crop:
    """Draw a crop of a sample and read it.

    Args:
        source: Of the samples.
        index: Number of the sample.
        settings: How crops are made.
        rng: Where the random numbers come from.

    Returns:
        What decoding, resizing, cropping, mirroring and distorting the whole image would give.

    Raises:
        DatasetError: The sample cannot be read.
    """
    labels = _CutLabels(source, index)
    drawn = _drawn(source, labels, settings, rng)
    box = linear_box(drawn.cut)
    image = resize_linear(
        Part(source.image_region(index, box), box[:2]), drawn.cut, flip=drawn.flip
    )
    if settings.photometrics == "host":
        image = distorted(image, drawn.distortion)
    label_map = labels(drawn.cut)[:, :: -1 if drawn.flip else 1]
    crop_hw = settings.recipe.crop_hw
    return Crop(
        image=_padded(image, crop_hw, 0),
        label_map=_padded(label_map, crop_hw, IGNORE),
        key=source.keys[index],
        size_hw=drawn.cut.box[2:],
        distortion=drawn.distortion,
    )


class _CutLabels:
    """Reads the labels of a crop; those of the last crop are kept, it is likely the final one."""

    def __init__(self, source: Source, index: int) -> None:
        self.source, self.index = source, index
        self._last: tuple[Cut, LabelMap] | None = None

    def __call__(self, cut: Cut) -> LabelMap:
        """Read and resize."""
        if self._last is None or self._last[0] != cut:
            box = nearest_box(cut)
            part = Part(self.source.label_region(self.index, box), box[:2])
            self._last = (cut, resize_nearest(part, cut))
        return self._last[1]


def _drawn(
    source: Source, labels: _CutLabels, settings: CropSettings, rng: np.random.Generator
) -> Draw:
    recipe, index = settings.recipe, labels.index
    is_mixed = class_share_test(
        recipe.most_share, labels_of=labels, blocks=source.block_counts(index)
    )
    if settings.sampling == "uniform":
        return draw(recipe, source.size_hw(index), rng, is_mixed)
    drawn = draw(recipe, source.size_hw(index), rng)
    density = block_density(counted_blocks(source, index), settings.sampling)
    for redraws_left in range(recipe.redraws, -1, -1):
        cut = drawn.cut._replace(box=dense_box(density, drawn.cut, rng))
        if redraws_left == 0 or recipe.most_share > 1 or is_mixed(cut):
            break
    return drawn._replace(cut=cut)


def _padded(pixels: NDArray[np.uint8], size_hw: Size, value: int) -> NDArray[np.uint8]:
    if pixels.shape[:2] == size_hw:
        return pixels
    padded = np.full((*size_hw, *pixels.shape[2:]), value, dtype=np.uint8)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    return padded
