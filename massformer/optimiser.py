"""AdamW with the groups and the schedule of the recipe."""

import math
from typing import Any

from torch import nn
from torch.optim import AdamW

from massformer.peers import Network
from massformer.run_config import TrainConfig

UNDECAYED = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.Embedding)


def build_optimiser(model: Network, settings: TrainConfig, *, samples: int) -> AdamW:
    """Make the optimiser, with three groups: backbone, rest, and rest without weight decay.

    Args:
        model: Of which all parameters that are not frozen are trained.
        settings: Learning rates and decay.
        samples: Of one step, on all ranks.
    """
    plain = {
        f"{path}.{name}"
        for path, module in model.named_modules()
        if isinstance(module, UNDECAYED)
        for name, _ in module.named_parameters(recurse=False)
    }
    lr = scaled_lr(settings, samples)
    groups: dict[str, dict[str, Any]] = {
        "backbone": {"params": [], "peak_lr": lr * settings.backbone_lr},
        "rest": {"params": [], "peak_lr": lr},
        "rest without decay": {"params": [], "peak_lr": lr, "weight_decay": 0.0},
    }
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rest = "rest without decay" if name in plain else "rest"
            groups["backbone" if name.startswith("backbone.") else rest]["params"].append(parameter)
    return AdamW(groups.values(), lr=lr, weight_decay=settings.weight_decay)


def scaled_lr(settings: TrainConfig, samples: int) -> float:
    """Give the learning rate for the samples of a step: Adam's follows their square root."""
    return settings.lr * math.sqrt(samples / settings.lr_batch)


def set_lr(optimiser: AdamW, settings: TrainConfig, step: int) -> float:
    """Give every group its learning rate for a step, counted from 0; return that of the rest."""
    factor = lr_factor(settings, step)
    for group in optimiser.param_groups:
        group["lr"] = group["peak_lr"] * factor
    return float(optimiser.param_groups[-1]["lr"])


def lr_factor(settings: TrainConfig, step: int) -> float:
    """Say which share of the learning rate holds at a step, counted from 0.

    Example:
        >>> settings = TrainConfig(steps=100, warmup=10)
        >>> [round(lr_factor(settings, step), 2) for step in (0, 9, 10, 55, 99)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    if settings.schedule == "constant":
        return 1.0
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    if settings.schedule == "poly":
        return float((1 - done) ** 0.9)
    return (1 + math.cos(math.pi * done)) / 2
