"""Activation checkpointing: heavy parts keep their inputs alone, and compute the rest once more.

What lies between input and output of a part is forgotten in the forward pass, and computed again
when the backward pass comes to it. Results, gradients and running statistics are the same.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from massformer.model import MassFormer


def checkpoint_activations(model: MassFormer) -> None:
    """Let backbone, pixel decoder and mask decoder compute twice, block by block."""
    for stage in model.backbone.children():
        for block in stage.children():
            _compute_twice(block)
    decoder = model.pixel_decoder
    for part in (decoder.cst, decoder.rfb, decoder.lse, decoder.egf):
        _compute_twice(part)
    _compute_twice(decoder.egf, "guide")
    _compute_twice(decoder.out[0])
    for layer in model.mask_decoder.layers:
        _compute_twice(layer)


def _compute_twice(part: nn.Module, method: str = "forward") -> None:
    # A partial of a function, not a closure: copies of the module compute with their own weights
    setattr(part, method, partial(_checkpointed, part, method))


def _checkpointed(part: nn.Module, method: str, *inputs: Any) -> Any:
    compute: Callable[..., Any] = getattr(type(part), method)
    if not (part.training and torch.is_grad_enabled()):
        return compute(part, *inputs)
    return checkpoint(
        compute,
        part,
        *inputs,
        use_reentrant=False,
        preserve_rng_state=False,  # nothing is drawn in the network
        context_fn=partial(_first_and_again, part),
    )


def _first_and_again(
    part: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _statistics_kept(part)


@contextmanager
def _statistics_kept(part: nn.Module) -> Iterator[None]:
    """Put back what batch norms count of their batches: they have counted this one already."""
    norms = [each for each in part.modules() if isinstance(each, _BatchNorm) and each.training]
    counted = [(buffer, buffer.clone()) for norm in norms for buffer in norm.buffers()]
    try:
        yield
    finally:
        for buffer, before in counted:
            buffer.copy_(before)
