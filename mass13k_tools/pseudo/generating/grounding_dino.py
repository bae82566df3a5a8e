"""Boxes around what a text names, by Grounding DINO.

The text is ``[CLS] phrase . phrase . [SEP]``, and the network says for each box how well it fits
each word. A phrase fits as well as its best word, and a box belongs to the phrase that fits best.
Letters in shape comments: Q boxes, T words, K phrases.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mass13k_tools.arrays import Image
from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.generating.finding import Detection
from mass13k_tools.pseudo.generating.model_files import ModelFolder
from mass13k_tools.pseudo.generating.networks import (
    Runner,
    colours_of,
    load,
    load_tokenizer,
    network_input,
)
from mass13k_tools.pseudo.generating.prompts import Phrase

CLASSES = {
    "grounding-dino": "GroundingDinoForObjectDetection",
    "mm-grounding-dino": "MMGroundingDinoForObjectDetection",
}
SHORT_PX, LONG_PX = 800, 1333  # sides of what it was trained on
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


class GroundingDino:
    """The network, and the phrases that it looks for."""

    def __init__(
        self,
        folder: ModelFolder,
        phrases: Sequence[Phrase],
        *,
        threshold: float,
        runner: Runner,
    ) -> None:
        """Load it.

        Args:
            folder: With its files.
            phrases: What it looks for.
            threshold: Least score of a box.
            runner: Where it runs.

        Raises:
            DatasetError: Files are missing or damaged, or the text is too long.
        """
        self.phrases, self.threshold, self.runner = phrases, threshold, runner
        tokenizer = load_tokenizer("BertTokenizer", folder)
        words = [tokenizer(phrase.text, add_special_tokens=False).input_ids for phrase in phrases]
        dot = tokenizer.convert_tokens_to_ids(".")
        self.spans, ids = _spans(words, start=tokenizer.cls_token_id, dot=dot)
        ids.append(tokenizer.sep_token_id)
        self.model = load(CLASSES[folder.model_type], folder, runner)
        most = int(self.model.config.max_text_len)
        if len(ids) > most:
            raise DatasetError(
                f"prompts have {len(ids)} words and parts of words, expected at most {most}; run "
                "the command once for each part of them, into folders of their own"
            )
        self.ids = torch.tensor([ids], device=runner.device)  # (1, T)
        self.colours = colours_of(folder, MEAN, STD)
        self.short_px, self.long_px = _sides(folder)

    def detect(self, image: Image) -> list[Detection]:
        """Give the boxes in an image, shape (H, W, 3), uint8, RGB; the surest first."""
        height, width = image.shape[:2]
        size_hw = fitted_size((height, width), short_px=self.short_px, long_px=self.long_px)
        pixels = network_input(image, size_hw=size_hw, colours=self.colours, runner=self.runner)
        with self.runner.running():
            said = self.model(
                pixel_values=pixels,
                input_ids=self.ids,
                token_type_ids=torch.zeros_like(self.ids),
                attention_mask=torch.ones_like(self.ids),
            )
        fit = self._fit(said.logits[0].float().sigmoid())  # (Q, K)
        scores, numbers = fit.max(1)  # (Q,)
        corners = _corners(said.pred_boxes[0].float(), height, width)  # (Q, 4)
        if not scores.isfinite().all() or not corners.isfinite().all():
            raise DatasetError("Grounding DINO's scores are no numbers; try --dtype float32")
        surest = scores.sort(descending=True, stable=True).indices
        return [
            Detection(self.phrases[int(numbers[q])].class_name, float(scores[q]), (x0, y0, x1, y1))
            for q in surest.tolist()
            if scores[q] >= self.threshold
            for x0, y0, x1, y1 in [corners[q].tolist()]
            if x1 > x0 and y1 > y0
        ]

    def _fit(self, words: Tensor) -> Tensor:
        """Say how well each phrase fits, (Q, K), from what fits each word, (Q, T)."""
        return torch.stack([words[:, span].amax(1) for span in self.spans], dim=1)


def fitted_size(size_hw: tuple[int, int], *, short_px: int, long_px: int) -> tuple[int, int]:
    """Fit a picture so that its short side has some length, unless its long side gets too long.

    Example:
        >>> fitted_size((3072, 4096), short_px=800, long_px=1333)
        (800, 1066)
        >>> fitted_size((1000, 3000), short_px=800, long_px=1333)
        (444, 1333)
    """
    short, long = sorted(size_hw)
    exact = min(float(short_px), long_px * short / long)
    sides = max(1, round(exact)), max(1, int(exact * long / short))
    return sides if size_hw[0] <= size_hw[1] else sides[::-1]


def _spans(words: Sequence[list[int]], *, start: int, dot: int) -> tuple[list[slice], list[int]]:
    """Put the words of phrases in a row, and say where each phrase stands."""
    spans, ids = [], [start]
    for phrase in words:
        if not phrase:
            raise DatasetError("a prompt has no letter that Grounding DINO knows; write it anew")
        spans.append(slice(len(ids), len(ids) + len(phrase)))
        ids += [*phrase, dot]
    return spans, ids


def _sides(folder: ModelFolder) -> tuple[int, int]:
    size = folder.image_settings().get("size", {})
    sides = [SHORT_PX, LONG_PX]
    if isinstance(size, dict):
        sides = [size.get("shortest_edge", SHORT_PX), size.get("longest_edge", LONG_PX)]
    if not all(type(side) is int and 0 < side < 2**14 for side in sides):
        raise DatasetError(f"size of images in '{folder.path}' is {size!r}, expected two sides")
    return sides[0], sides[1]


def _corners(boxes: Tensor, height: int, width: int) -> Tensor:
    """Turn centres and sizes, in shares of the image, into corners in pixels, within it."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    extent = boxes.new_tensor([width, height])
    low = ((centre - half) * extent).clamp(min=0)
    high = torch.minimum((centre + half) * extent, extent)
    if math.prod(boxes.shape) == 0:
        return boxes
    return torch.cat([low, high], dim=1)
