"""The normal form of pseudo-labels: the masks of one photo, each with its class, scores and source.

All readers lead here and the generator writes it, so everything after them knows one form alone. A
mask is kept as COCO's compressed run lengths inside its own box: one of a 4K photo takes as long to
decode as its box is large, and holes and single pixels survive.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from mass13k_tools.arrays import Mask, check_mask, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.rle import RunLengths, columns_of_ones, encoded, run_lengths


class Box(NamedTuple):
    """A rectangle of whole pixels."""

    y: int
    x: int
    height: int
    width: int

    @property
    def inside(self) -> tuple[slice, slice]:
        """Its rows and columns, to index an array of the photo's size with."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


@dataclass(frozen=True, slots=True)
class PseudoMask:
    """One mask."""

    box: Box
    """The smallest that holds the mask, in pixels of the photo."""
    counts: bytes
    """COCO's compressed run lengths inside the box, column by column."""
    class_name: str | None = None
    """As its source calls it; None where masks have no class, such as SAM's automatic ones."""
    mask_score: float | None = None
    """How good the mask is in the segmenter's own guess, such as SAM's predicted IoU; 0..1."""
    detector_score: float | None = None
    """How sure the detector is of the class; 0..1."""
    source: str = ""
    """What found it: the name of a file, or of models and prompt."""

    @property
    def pixels(self) -> Mask:
        """The mask inside its box, shape (box.height, box.width), bool."""
        columns = columns_of_ones(self.counts, (self.box.height, self.box.width))
        assert columns is not None  # a box is the smallest that holds the mask
        return columns[1]

    @property
    def area_px(self) -> int:
        """How many pixels belong to it, without decoding it."""
        return int(run_lengths(self.counts)[1::2].sum())

    def moved(self, rows: int, columns: int) -> "PseudoMask":
        """Move it down and to the right, where it was found in a part of the photo."""
        return replace(self, box=self.box._replace(y=self.box.y + rows, x=self.box.x + columns))


@dataclass(frozen=True, slots=True)
class ImageMasks:
    """All masks of one photo, in the order of their source."""

    key: str
    """Of the sample."""
    size_hw: tuple[int, int]
    """Of the photo, in pixels."""
    masks: tuple[PseudoMask, ...]

    def __post_init__(self) -> None:
        height, width = self.size_hw
        for number, mask in enumerate(self.masks):
            y, x, rows, columns = mask.box
            if min(y, x) < 0 or min(rows, columns) < 1 or y + rows > height or x + columns > width:
                raise DatasetError(
                    f"mask {number} of '{self.key}' lies at y {y}, x {x} and is "
                    f"{size_text((rows, columns))}, expected inside {size_text(self.size_hw)}"
                )


def pseudo_mask(mask: Mask, *, corner_yx: tuple[int, int] = (0, 0), **about: Any) -> PseudoMask:
    """Encode a mask.

    Args:
        mask: Shape (H, W), bool, with at least one pixel that is True.
        corner_yx: Where its first pixel lies in the photo.
        **about: Class, scores and source; see :class:`PseudoMask`.

    Raises:
        DatasetError: It is no mask, or empty.
    """
    mask = check_mask(mask)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        raise DatasetError("mask is empty, expected at least one pixel")
    y, x = int(rows[0]), int(columns[0])
    box = Box(y, x, int(rows[-1]) - y + 1, int(columns[-1]) - x + 1)
    placed = box._replace(y=y + corner_yx[0], x=x + corner_yx[1])
    return PseudoMask(placed, encoded(mask[box.inside]), **about)


def mask_from_rle(counts: RunLengths, size_hw: tuple[int, int], **about: Any) -> PseudoMask | None:
    """Bring a mask of a whole photo into its own box.

    Args:
        counts: COCO's run lengths, compressed or not.
        size_hw: Of the photo that they tell of, in pixels.
        **about: Class, scores and source; see :class:`PseudoMask`.

    Returns:
        The mask; None where it has no pixel.

    Raises:
        DatasetError: They are damaged, or of another size.

    Example:
        >>> mask_from_rle([4, 2, 3], (3, 3)).box
        Box(y=1, x=1, height=2, width=1)
    """
    columns = columns_of_ones(counts, size_hw)
    return None if columns is None else pseudo_mask(columns[1], corner_yx=(0, columns[0]), **about)
