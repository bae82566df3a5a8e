"""Masks of what lies in boxes, by SAM, SAM 2 and the like.

The image is encoded once; then boxes are drawn a few at a time, and each mask is brought to the
image's size by itself, so that memory does not grow with the number of boxes.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from mass13k_tools.arrays import Image, Mask
from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.generating.finding import BoxXYXY
from mass13k_tools.pseudo.generating.model_files import ModelFolder
from mass13k_tools.pseudo.generating.networks import (
    Colour,
    Runner,
    colours_of,
    load,
    network_input,
)

IMAGENET: tuple[Colour, Colour] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES: tuple[Colour, Colour] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
BOXES = 16  # drawn at a time


class Kind(NamedTuple):
    """What segmenters differ in."""

    class_name: str
    """In transformers."""
    keeps_shape: bool
    """The image is fitted into the square that the network takes, not stretched to it."""
    colours: tuple[Colour, Colour]


KINDS = {
    "sam": Kind("SamModel", True, IMAGENET),
    "sam2": Kind("Sam2Model", False, IMAGENET),
    "sam2_video": Kind("Sam2Model", False, IMAGENET),  # what the hub's files of SAM 2 say
    "sam3_tracker": Kind("Sam3TrackerModel", False, HALVES),
}


class BoxSegmenter:
    """A network that draws what lies in boxes."""

    def __init__(self, folder: ModelFolder, *, runner: Runner) -> None:
        """Load it.

        Args:
            folder: With its files.
            runner: Where it runs.

        Raises:
            DatasetError: Files are missing or damaged.
        """
        self.runner, self.kind = runner, KINDS[folder.model_type]
        self.model = load(self.kind.class_name, folder, runner)
        self.side = int(self.model.config.prompt_encoder_config.image_size)
        self.colours = colours_of(folder, *self.kind.colours)

    def segment(self, image: Image, boxes: list[BoxXYXY]) -> Iterator[tuple[Mask, float]]:
        """Give mask and score of each box.

        Args:
            image: Shape (H, W, 3), uint8, RGB.
            boxes: Corners in pixels of the image.
        """
        height, width = image.shape[:2]
        inner = self._inner_size(height, width)
        pixels = network_input(image, size_hw=inner, colours=self.colours, runner=self.runner)
        rest = (0, self.side - inner[1], 0, self.side - inner[0])
        with self.runner.running():
            encoded = self.model.get_image_embeddings(functional.pad(pixels, rest))
        scale = torch.tensor([inner[1] / width, inner[0] / height] * 2)
        for first in range(0, len(boxes), BOXES):
            some = (torch.tensor(boxes[first : first + BOXES]) * scale).to(self.runner.device)
            with self.runner.running():
                said = self.model(
                    image_embeddings=encoded, input_boxes=some[None], multimask_output=False
                )
            # (1, boxes, 1, h, w) and (1, boxes, 1)
            for logits, score in zip(said.pred_masks[0], said.iou_scores[0], strict=True):
                yield self._mask(logits.float(), inner, (height, width)), float(score)

    def _inner_size(self, height: int, width: int) -> tuple[int, int]:
        """Say which part of the network's square the image takes."""
        if not self.kind.keeps_shape:
            return self.side, self.side
        scale = self.side / max(height, width)
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))

    def _mask(self, logits: Tensor, inner: tuple[int, int], size_hw: tuple[int, int]) -> Mask:
        """Bring a mask, (1, h, w), to the image's size."""
        if not logits.isfinite().all():
            raise DatasetError("a mask of the segmenter has no numbers; try --dtype float32")
        values = logits[None]
        if self.kind.keeps_shape:
            values = _resized(values, (self.side, self.side))[..., : inner[0], : inner[1]]
        mask: Mask = (_resized(values, size_hw)[0, 0] > 0).cpu().numpy()
        return mask


def _resized(values: Tensor, size_hw: tuple[int, int]) -> Tensor:
    return functional.interpolate(values, size_hw, mode="bilinear", align_corners=False)
