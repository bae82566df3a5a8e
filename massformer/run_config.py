"""Settings of a training run: what is minimised, where its data come from, and how it goes on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mass13k_tools.errors import DatasetError

Sampling = Literal["uniform", "boundary", "rare"]
Place = Literal["host", "device"]
Schedule = Literal["cosine", "poly", "constant"]
Precision = Literal["float32", "bf16", "fp16"]
Norm = Literal["batch", "frozen", "sync"]

BY_COMPAT: Any = None  # a default that loss.compat decides
SWITCHES: dict[str, tuple[str | bool, str | bool]] = {  # setting of the loss: corrected, released
    "reweight": ("paper", "released"),
    "edge_target": ("edges", "released"),
    "edge_entropy": ("logits", "sigmoid"),
    "clamp_weights": (True, False),
    "normalise": ("step", "batch"),
}
MOST_KERNEL_PX = 255  # of the window of boundary weights

# Least and most that settings may be; what loader and network refuse themselves is left to them
LOSS_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("class_weight", "mask_weight", "dice_weight", "edge_weight"), (0, math.inf)),
    "no_object_weight": (0, math.inf),
    "points": (1, math.inf),
    "oversample": (1, math.inf),
    "worthwhile": (0, 1),
}
TRAIN_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("steps", "accumulate", "lr_batch", "keep"), (1, math.inf)),
    **dict.fromkeys(("validate_every", "save_every", "log_every"), (1, math.inf)),
    **dict.fromkeys(("lr", "weight_decay", "clip", "backbone_lr", "warmup"), (0, math.inf)),
    **dict.fromkeys(("panels", "validation_gb"), (0, math.inf)),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """What the terms of the loss count; the defaults are the released weights, corrected."""

    compat: Literal["corrected", "released"] = "corrected"
    """What reweight, edge_target, edge_entropy, clamp_weights and normalise are where they are not
    set; with released they cannot be set to anything else."""
    class_weight: float = 2.0
    """Of the classes of the queries."""
    mask_weight: float = 5.0
    """Of the cross-entropy of masks."""
    dice_weight: float = 5.0
    """Of the dice loss of masks."""
    edge_weight: float = 10.0
    """Of the edge head."""
    no_object_weight: float = 0.1
    """Of queries without target among the classes."""
    points: int = 12544
    """Where a mask is compared with its target: 112 x 112 points."""
    oversample: float = 3.0
    """Points that are drawn for each that is kept."""
    worthwhile: float = 0.75
    """Share of the points that lie where the mask is doubtful or near a boundary."""
    reweight: Literal["paper", "released", "off"] = BY_COMPAT
    """How boundary weights change the loss of masks and the choice of its points: by Eq. 7, or as
    if all classes were labelled precisely; off is the loss of Mask2Former."""
    precise_gain: float = 5.0
    """λ1 of Eq. 7: what the boundary weight counts for classes labelled precisely."""
    pseudo_gain: float = 1.0
    """λ2 of Eq. 7: what it counts against pseudo-labelled ones; not published."""
    weight_kernel_px: int = 5
    """Side of the window of the boundary weights, odd."""
    edge_target: Literal["edges", "released"] = BY_COMPAT
    """The edge map; or all pixels but padding, as the released code has it."""
    edge_entropy: Literal["logits", "sigmoid"] = BY_COMPAT
    """Of logits; or of their sigmoid, which is exactly 0 or 1 where they are large."""
    clamp_weights: bool = BY_COMPAT
    """Whether no pixel may count less than nothing, however large pseudo_gain is."""
    normalise: Literal["step", "batch"] = BY_COMPAT
    """Whether classes and edges are means over all batches and ranks of a step, so that it does not
    matter how the step is cut; or over each batch, and masks over the batches of all ranks."""

    def __post_init__(self) -> None:
        _check_ranges("loss", self, LOSS_RANGES)
        if not 3 <= self.weight_kernel_px <= MOST_KERNEL_PX or self.weight_kernel_px % 2 == 0:
            raise DatasetError(
                f"loss.weight_kernel_px is {self.weight_kernel_px}, "
                f"expected an odd number from 3 to {MOST_KERNEL_PX}"
            )
        for name, (corrected, released) in SWITCHES.items():
            given = getattr(self, name)
            if given is None:
                usual = released if self.compat == "released" else corrected
                object.__setattr__(self, name, usual)
            elif self.compat == "released" and given != released:
                raise DatasetError(
                    f"loss.compat is released, but loss.{name} is {given!r}, "
                    f"expected {released!r}; leave one of the two out"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Where training crops and validation images come from; the crops are the released recipe's."""

    root: str = ""
    """A data set in folders, or shards, here or far away such as s3://bucket/shards."""
    train_split: str = "train"
    """What is learned from."""
    val_split: str = "val"
    """What is scored during training; empty for none."""
    batch_size: int = 4
    """Crops of a step on every process, and of each part of an accumulated step."""
    workers: int = 2
    """Processes that make batches, on every rank."""
    crop_px: tuple[int, ...] = (1024, 1024)
    """Height and width of a crop."""
    short_sides_px: tuple[int, ...] = tuple(3072 * tenths // 10 for tenths in range(5, 21))
    """Short sides that an image is resized to before it is cropped."""
    most_long_side_px: int = 8192
    """Where the long side would be longer, the image is resized to this one instead."""
    sampling: Sampling = "uniform"
    """Where crops lie; boundary and rare go beyond the released recipe."""
    photometrics: Place = "device"
    """Where colours are distorted."""
    skip_damaged: bool = False
    """Take another sample where one cannot be read."""

    def __post_init__(self) -> None:
        if len(self.crop_px) != 2 or min(self.crop_px) < 64:
            raise DatasetError(
                f"data.crop_px is {list(self.crop_px)}, expected height and width of 64 or more"
            )
        if self.batch_size < 1:
            raise DatasetError(f"data.batch_size is {self.batch_size}, expected 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How a network is trained; the defaults are the released recipe where it holds for all."""

    steps: int = 80_000
    """Steps of the optimiser."""
    seed: int = 0
    """Of fresh weights, the order of samples, and all that is drawn."""
    lr: float = 3e-4
    """Learning rate for lr_batch samples a step."""
    lr_batch: int = 16
    """Samples of a step that lr is meant for; the rate follows the root of the samples taken."""
    backbone_lr: float = 0.1
    """What the backbone's learning rate is multiplied with."""
    weight_decay: float = 0.05
    """Of AdamW; norms and embeddings of the head have none. The norms of the backbone have it where
    they are trained, as released."""
    schedule: Schedule = "cosine"
    """How the learning rate falls to 0. Constant: it does not, and ema averages the weights."""
    warmup: int = 0
    """Steps over which it rises first."""
    clip: float = 0.01
    """Largest norm of the gradient of all parameters; 0 clips nothing."""
    accumulate: int = 1
    """Batches that make one step."""
    pretrained: str = "imagenet"
    """Weights of the backbone: imagenet, none, or the path of a file; not asked for with start."""
    start: str = ""
    """A whole network that training starts from, a folder or a checkpoint; its classes may be
    others. Empty: fresh weights, but for the backbone's."""
    backbone_norm: Norm = "batch"
    """Statistics of the backbone's batch norms: of the batch, frozen, or of all ranks."""
    head_norm: Literal["batch", "sync"] = "batch"
    """Statistics of the rest's; model.norm = "group" does without any."""
    backbone_affine: bool = False
    """Whether scale and shift of the backbone's norms are trained; from scratch they must be."""
    precision: Precision = "float32"
    """Of the arithmetic."""
    compile: bool = False
    """Whether torch.compile is used."""
    checkpointing: bool = False
    """Whether activations are computed again going backward and not kept: less memory, the same
    results, up to half as much time again."""
    channels_last: bool = False
    """Whether channels lie together in memory; faster on GPUs with tensor cores."""
    ema: float = 0.0
    """Decay of an average of the weights that is validated and kept in their place; 0: none."""
    validate_every: int = 5_000
    """Steps between validations."""
    validation_gb: float = 0.0
    """GiB that predicting an image may take; 0: as much as fits one whole photo of 4K."""
    save_every: int = 1_000
    """Steps between checkpoints from which a killed run goes on."""
    keep: int = 2
    """How many of these are kept."""
    log_every: int = 50
    """Steps between lines of the log."""
    panels: int = 4
    """Images of the split for validation that every validation draws a picture of; 0: none."""

    def __post_init__(self) -> None:
        _check_ranges("train", self, TRAIN_RANGES)
        if self.backbone_norm == "frozen" and self.backbone_affine:
            raise DatasetError(
                "train.backbone_norm is frozen, so train.backbone_affine would train nothing, "
                "expected false; or leave train.backbone_norm at batch or sync"
            )
        if self.compile and self.checkpointing:
            raise DatasetError(
                "train.compile and train.checkpointing do not go together, expected one of them"
            )
        if not 0 <= self.ema < 1:
            raise DatasetError(f"train.ema is {self.ema}, expected 0 up to 1")


def _check_ranges(
    section: str, settings: object, ranges: Mapping[str, tuple[float, float]]
) -> None:
    for name, (least, most) in ranges.items():
        value = getattr(settings, name)
        if not least <= value <= most or value == math.inf:  # nan, too
            expected = f"{least} or more" if most == math.inf else f"{least} to {most}"
            raise DatasetError(f"{section}.{name} is {value}, expected {expected}")
