"""From settings to a run that is ready for its first step."""

import logging
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.parallel import DistributedDataParallel

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.sources import Source
from mass13k_tools.ops.weights import class_gains
from massformer.backbone import ResNet
from massformer.config import Config
from massformer.data import class_indices, crop_loader
from massformer.deform import DeformConv
from massformer.engine import Run, averaged
from massformer.losses import Criterion, random_points
from massformer.mask_decoder import LEVEL_STRIDES
from massformer.model import MassFormer
from massformer.norms import freeze_norms, has_norms, synchronise_norms, train_affine
from massformer.optimiser import build_optimiser
from massformer.peers import USED_WHOLE, Network, build_network, only_ours
from massformer.pretrained import load_pretrained
from massformer.ranks import Ranks
from massformer.recomputing import checkpoint_activations
from massformer.starting import start_from

log = logging.getLogger(__name__)


def build_run(config: Config, source: Source, ranks: Ranks, *, goes_on: bool = False) -> Run:
    """Build the network and all that trains it.

    The weights are the same on every rank; what is drawn during training is not.

    Args:
        config: Of the run.
        source: Samples to learn from.
        ranks: This process among those that train together.
        goes_on: The run was broken off and its own weights follow, so none learned elsewhere
            (``train.pretrained``, ``train.start``) are read.

    Raises:
        DatasetError: Data and network do not fit each other, or weights cannot be had.
    """
    settings = config.train
    classes = len(source.taxonomy.classes)
    if classes != config.model.classes:
        raise DatasetError(
            f"the network has {config.model.classes} classes, but '{config.data.root}' has "
            f"{classes}; pass --set model.classes={classes}"
        )
    if settings.precision != "float32" and ranks.device.type == "cpu":
        raise DatasetError(
            f"train.precision is {settings.precision}, but half precision is for GPUs: going "
            "backward in it on a CPU corrupts memory in PyTorch 2.13; expected float32"
        )
    alone = ranks.count == 1 or ranks.device.type != "cpu"
    if "sync" in (settings.backbone_norm, settings.head_norm) and not alone:
        raise DatasetError(
            "norms over all ranks (sync) are for GPUs; pass --set model.norm=group, or batch for "
            "train.backbone_norm and train.head_norm"
        )
    torch.manual_seed(settings.seed)
    model = build_network(config.model)
    if not goes_on:
        _give_weights(model, config, source.taxonomy)
    model = _prepared(model, config).to(ranks.device)
    generator = torch.Generator(ranks.device).manual_seed(settings.seed + ranks.rank)
    return Run(
        config,
        ranks,
        model,
        _wrapped(model, config, ranks),
        averaged(model, settings.ema),
        build_optimiser(
            model,
            settings,
            samples=config.data.batch_size * settings.accumulate * ranks.count,
        ),
        GradScaler(ranks.device.type, enabled=settings.precision == "fp16"),
        Criterion(
            config.loss,
            _gains(config, source.taxonomy).to(ranks.device),
            random_points(generator),
            ranks.mean,
        ),
        generator,
        crop_loader(source, config.data, ranks, seed=settings.seed),
        class_indices(source.taxonomy, ranks.device),
    )


def _prepared(model: Network, config: Config) -> Network:
    """Set norms, memory format and what is computed again as the settings say."""
    settings = config.train
    head = model.pixel_decoder if isinstance(model, MassFormer) else model.head
    fixed = settings.backbone_norm == "frozen" or not settings.backbone_affine
    scratch = settings.pretrained == "none" and not settings.start
    if fixed and scratch and has_norms(model.backbone):
        raise DatasetError(
            "a backbone without pre-trained weights must learn its norms: pass "
            "--set train.backbone_affine=true and leave train.backbone_norm at batch or sync"
        )
    train_affine(model.backbone, settings.backbone_affine)
    if settings.backbone_norm == "frozen":
        freeze_norms(model.backbone)
    elif settings.backbone_norm == "sync":
        synchronise_norms(model.backbone)
    if settings.head_norm == "sync":
        synchronise_norms(head)
    if settings.checkpointing:
        checkpoint_activations(only_ours(model, "train.checkpointing"))
    if settings.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def _give_weights(model: Network, config: Config, taxonomy: Taxonomy) -> None:
    """Put weights that were learned before in the place of fresh ones, as the settings say."""
    settings = config.train
    if settings.start:
        start_from(Path(settings.start), model, config.model, taxonomy)
    elif settings.pretrained == "none":
        return
    elif isinstance(model.backbone, ResNet):
        path = None if settings.pretrained == "imagenet" else Path(settings.pretrained)
        load_pretrained(model.backbone, config.model.backbone, path)
    else:
        raise DatasetError(
            f"network '{config.model.network}' has a backbone of its own, so train.pretrained "
            f"cannot be {settings.pretrained}; pass --set train.pretrained=none"
        )


def _wrapped(model: Network, config: Config, ranks: Ranks) -> nn.Module:
    wrapped: nn.Module = model
    if config.train.compile:
        _compile(model)
    if ranks.count > 1:
        unseen = config.model.layers < len(LEVEL_STRIDES)  # a level that no layer looks at
        unseen |= config.model.network not in USED_WHOLE
        wrapped = DistributedDataParallel(wrapped, find_unused_parameters=unseen)
    return wrapped


def _compile(model: Network) -> None:
    """Let torch compile all but deformable convolutions: with their many taps it takes hours."""
    forward = torch.compiler.disable(DeformConv.forward)  # type: ignore[no-untyped-call]
    for part in model.modules():
        if isinstance(part, DeformConv):
            vars(part)["forward"] = partial(forward, part)
    model.compile(dynamic=False)  # crops are all of one size


def _gains(config: Config, taxonomy: Taxonomy) -> torch.Tensor:
    """Say what the boundary weight counts for each class (Eq. 7)."""
    settings = config.loss
    if settings.reweight == "off":
        return torch.zeros(len(taxonomy.classes))
    released = settings.reweight == "released"
    precise = [released or row.id in taxonomy.precise_ids for row in taxonomy.classes]
    gains = class_gains(
        precise, precise_gain=settings.precise_gain, pseudo_gain=settings.pseudo_gain
    )
    return torch.from_numpy(gains)
