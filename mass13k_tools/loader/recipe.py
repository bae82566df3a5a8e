"""How training samples are drawn: scale, mirror image, colours and crop, before any decoding."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.arguments import check_kind, number, row, whole_number
from mass13k_tools.loader.photometric import Distortion, DistortionRanges, draw_distortion
from mass13k_tools.loader.resize import MOST_PX, Box, Cut, Size

# Half to twice the short side of MaSS13K's photos, in steps of a tenth, cut to whole pixels
RELEASED_SHORT_SIDES_PX = tuple(3072 * tenths // 10 for tenths in range(5, 21))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is drawn for every training sample; the defaults are the released recipe."""

    short_sides_px: tuple[int, ...] = RELEASED_SHORT_SIDES_PX
    """Short sides that an image is resized to, each as likely as the others."""
    most_long_side_px: int = 8192
    """Where the long side would be longer, the image is resized to this one instead."""
    crop_hw: Size = (1024, 1024)
    """Height and width of a sample; smaller images are padded at the right and below."""
    most_share: float = 0.75
    """A crop in which a class reaches this share of the labelled pixels is drawn again; above 1,
    the first crop is taken unseen."""
    redraws: int = 10
    """How often a crop is drawn again at most; the last is taken whatever it holds."""
    flip_chance: float = 0.5
    """Of the mirror image, left to right."""
    distortion: DistortionRanges = field(default_factory=DistortionRanges)
    """Of the colours."""

    def __post_init__(self) -> None:
        short_sides_px = row("short_sides_px", self.short_sides_px, whole_number)
        crop_hw = row("crop_hw", self.crop_hw, whole_number, count=2)
        longest_px = whole_number("most_long_side_px", self.most_long_side_px)
        sides = (*short_sides_px, longest_px, *crop_hw)
        if not short_sides_px or min(sides) < 1 or max(sides) > MOST_PX:
            raise DatasetError(
                f"short sides {self.short_sides_px}, longest side {self.most_long_side_px} and "
                f"crop {size_text(crop_hw)} must be given, each from 1 to {MOST_PX} pixels"
            )
        if not number("most_share", self.most_share) > 0:
            raise DatasetError(f"most_share is {self.most_share}, expected more than 0")
        whole_number("redraws", self.redraws, least=0)
        if not 0 <= number("flip_chance", self.flip_chance) <= 1:
            raise DatasetError(f"flip_chance is {self.flip_chance}, expected 0 to 1")
        check_kind("distortion", self.distortion, DistortionRanges)
        object.__setattr__(self, "short_sides_px", short_sides_px)
        object.__setattr__(self, "crop_hw", crop_hw)


class Draw(NamedTuple):
    """What was drawn for one sample."""

    cut: Cut
    """Which crop of which resized image; smaller than the recipe's where the image is."""
    flip: bool
    """Mirror the crop left to right, before it is padded."""
    distortion: Distortion
    """Done to the colours of the crop."""


def draw(
    recipe: Recipe,
    size_hw: Size,
    rng: np.random.Generator,
    is_mixed: Callable[[Cut], bool] | None = None,
) -> Draw:
    """Draw a sample.

    Random numbers are taken from ``rng`` in this order: scale; mirror image; nine for the colours;
    then y and x of the first crop and of each further one. So everything but the crop is the same
    whatever the labels are.

    Args:
        recipe: From what.
        size_hw: Height and width of the whole image.
        rng: Where the random numbers come from.
        is_mixed: Tells whether a crop will do; see ``class_share.class_share_test``. None takes the
            first crop.

    Returns:
        The same for the same state of ``rng``.

    Example:
        >>> drawn = draw(Recipe(), (3072, 4096), np.random.default_rng(6))
        >>> drawn.cut.target_hw, drawn.cut.box, drawn.flip
        ((3686, 4915), (1433, 3448, 1024, 1024), True)
    """
    short_px = recipe.short_sides_px[int(rng.integers(len(recipe.short_sides_px)))]
    flip = bool(rng.random() < recipe.flip_chance)
    distortion = draw_distortion(recipe.distortion, rng)
    target_hw = resized_size(size_hw, short_px, most_long_side_px=recipe.most_long_side_px)
    cut = Cut(size_hw, target_hw, _box(recipe, target_hw, rng))
    for _ in range(recipe.redraws):
        if is_mixed is None or recipe.most_share > 1 or is_mixed(cut):
            break
        cut = cut._replace(box=_box(recipe, target_hw, rng))
    return Draw(cut, flip, distortion)


def resized_size(size_hw: Size, short_px: int, *, most_long_side_px: int) -> Size:
    """Find the size of an image whose short side becomes ``short_px``, as the release rounds it.

    Example:
        >>> resized_size((3072, 4096), 1843, most_long_side_px=8192)
        (1843, 2457)
        >>> resized_size((1000, 9000), 2000, most_long_side_px=8192)
        (910, 8192)
    """
    height, width = size_hw
    if min(size_hw) < 1:
        raise DatasetError(f"an image of {size_text(size_hw)} cannot be resized")
    factor = short_px / min(size_hw)
    sides = (
        (float(short_px), factor * width) if height < width else (factor * height, float(short_px))
    )
    if max(sides) > most_long_side_px:
        factor = most_long_side_px / max(sides)
        sides = (sides[0] * factor, sides[1] * factor)
    return max(1, int(sides[0] + 0.5)), max(1, int(sides[1] + 0.5))


def _box(recipe: Recipe, target_hw: Size, rng: np.random.Generator) -> Box:
    height, width = (min(pair) for pair in zip(recipe.crop_hw, target_hw, strict=True))
    y = int(rng.integers(target_hw[0] - height + 1))
    return y, int(rng.integers(target_hw[1] - width + 1)), height, width
