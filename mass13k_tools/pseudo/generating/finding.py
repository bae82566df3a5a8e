"""From a photo to its masks, whatever networks find them."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np

from mass13k_tools.arrays import Image, Mask, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.generating.joining import Seen, joined_masks
from mass13k_tools.pseudo.generating.views import Cutting, views
from mass13k_tools.pseudo.masks import PseudoMask, pseudo_mask

BoxXYXY = tuple[float, float, float, float]


class Found(NamedTuple):
    """An object in an image."""

    mask: Mask
    """Shape of the image (H, W), bool."""
    class_name: str
    mask_score: float | None = None
    detector_score: float | None = None


class Finder(Protocol):
    """Whatever finds objects in an image by itself."""

    def find(self, image: Image) -> Iterable[Found]:
        """Give all objects, one after the other.

        Args:
            image: Shape (H, W, 3), uint8, RGB.
        """


class Detection(NamedTuple):
    """Where a detector sees an object."""

    class_name: str
    score: float
    box_xyxy: BoxXYXY
    """In pixels of the image, its corners."""


class Detector(Protocol):
    """Whatever finds boxes around objects."""

    def detect(self, image: Image) -> list[Detection]:
        """Give the boxes in an image, shape (H, W, 3), uint8, RGB."""


class Segmenter(Protocol):
    """Whatever draws masks of objects in boxes."""

    def segment(self, image: Image, boxes: list[BoxXYXY]) -> Iterable[tuple[Mask, float]]:
        """Give mask and score of each box.

        Args:
            image: Shape (H, W, 3), uint8, RGB.
            boxes: Corners in pixels of the image, at least one box.
        """


class BoxFinder(NamedTuple):
    """A detector that finds boxes, and a segmenter that draws the masks in them."""

    detector: Detector
    segmenter: Segmenter

    def find(self, image: Image) -> Iterable[Found]:
        """Give all objects of an image; see :class:`Finder`."""
        boxes = self.detector.detect(image)
        if not boxes:
            return
        masks = self.segmenter.segment(image, [box.box_xyxy for box in boxes])
        for box, (mask, score) in zip(boxes, masks, strict=True):
            yield Found(mask, box.class_name, score, box.score)


def find_masks(
    photo: Image, finder: Finder, *, cutting: Cutting, source: str
) -> tuple[PseudoMask, ...]:
    """Find the masks of a photo.

    Only the masks of a view that are being drawn are held as pixels, all others as run lengths.

    Args:
        photo: Shape (H, W, 3), uint8, RGB.
        finder: Finds objects in each view.
        cutting: Into views.
        source: Of all the masks; short, many masks share it.

    Returns:
        One mask an object, the best scores first.

    Raises:
        DatasetError: The finder gives masks of another size, or scores that are no numbers.
    """
    height, width = photo.shape[:2]
    seen = []
    for view in views((height, width), cutting):
        part = np.ascontiguousarray(photo[view.inside])
        for found in finder.find(part):
            if found.mask.shape != part.shape[:2]:
                raise DatasetError(
                    f"a mask of {source} is {size_text(found.mask.shape)}, expected "
                    f"{size_text(part.shape[:2])} as what it was shown"
                )
            if found.mask.any():
                mask = pseudo_mask(
                    found.mask,
                    corner_yx=(view.y, view.x),
                    class_name=found.class_name,
                    mask_score=_score(found.mask_score, source),
                    detector_score=_score(found.detector_score, source),
                    source=source,
                )
                seen.append(Seen(mask, view))
    return joined_masks(seen, (height, width))


def _score(score: float | None, source: str) -> float | None:
    """Bring a score into 0..1; a segmenter's guess of an IoU may lie a little outside."""
    if score is None:
        return None
    if not np.isfinite(score):
        raise DatasetError(f"a score of {source} is {score}; try --dtype float32")
    return round(min(1.0, max(0.0, float(score))), 4)
