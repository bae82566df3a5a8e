"""Masks of what a text names, by SAM 3, which needs no detector.

Letters in shape comments: Q objects, h and w rows and columns of its masks.
"""

from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

from mass13k_tools.arrays import Image
from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.generating.finding import Found
from mass13k_tools.pseudo.generating.model_files import ModelFolder
from mass13k_tools.pseudo.generating.networks import (
    Runner,
    colours_of,
    load,
    load_tokenizer,
    network_input,
)
from mass13k_tools.pseudo.generating.prompts import Phrase
from mass13k_tools.pseudo.generating.sam import HALVES

TYPES = ("sam3", "sam3_video")  # the hub's files say the second
WORDS = 32  # that a phrase is filled up to


class Sam3:
    """The network, and the phrases that it looks for."""

    def __init__(
        self, folder: ModelFolder, phrases: Sequence[Phrase], *, threshold: float, runner: Runner
    ) -> None:
        """Load it.

        Args:
            folder: With its files.
            phrases: What it looks for, each by itself.
            threshold: Least score of an object.
            runner: Where it runs.

        Raises:
            DatasetError: Files are missing or damaged, or a phrase is too long.
        """
        self.threshold, self.runner = threshold, runner
        tokenizer = load_tokenizer("CLIPTokenizer", folder)
        self.model = load("Sam3Model", folder, runner)
        self.side = int(self.model.config.vision_config.image_size)
        self.colours = colours_of(folder, *HALVES)
        self.texts = []
        for phrase in phrases:
            words = tokenizer(
                phrase.text, return_tensors="pt", padding="max_length", max_length=WORDS
            ).to(runner.device)
            if words.input_ids.shape[1] > WORDS:
                raise DatasetError(f"phrase '{phrase.text}' is too long for SAM 3")
            self.texts.append((phrase.class_name, words.input_ids, words.attention_mask))

    def find(self, image: Image) -> Iterator[Found]:
        """Give all objects of an image, shape (H, W, 3), uint8, RGB."""
        pixels = network_input(
            image, size_hw=(self.side, self.side), colours=self.colours, runner=self.runner
        )
        with self.runner.running():
            seen = self.model.get_vision_features(pixel_values=pixels)
        for class_name, ids, attention in self.texts:
            with self.runner.running():
                said = self.model(vision_embeds=seen, input_ids=ids, attention_mask=attention)
            scores = said.pred_logits[0].float().sigmoid()  # (Q,)
            if said.presence_logits is not None:  # whether there is any at all
                scores = scores * said.presence_logits[0].float().sigmoid()
            if not scores.isfinite().all():
                raise DatasetError("SAM 3's scores are no numbers; try --dtype float32")
            for number in torch.nonzero(scores >= self.threshold)[:, 0].tolist():
                shares = said.pred_masks[:, number : number + 1].float().sigmoid()  # (1, 1, h, w)
                shares = functional.interpolate(shares, image.shape[:2], mode="bilinear")
                mask = (shares[0, 0] > 0.5).cpu().numpy()
                yield Found(mask, class_name, detector_score=float(scores[number]))
