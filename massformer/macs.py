"""Multiply-adds of the network, counted without computing anything.

Counted are convolutions, linear layers and matrix products, each multiply with its add once; not
norms, interpolation, softmax or bilinear sampling. Kernels of deformable convolutions and products
of attention stand apart, because published counts leave one or both out.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from massformer.attention import Attention
from massformer.config import OURS, ModelConfig
from massformer.deform import DeformConv
from massformer.mask_decoder import MASK_STRIDE
from massformer.model import build_model
from massformer.peers import build_network

MASKS = "masks"
PRODUCTS = (
    torch.ops.aten.bmm,
    torch.ops.aten.baddbmm,
    torch.ops.aten._scaled_dot_product_efficient_attention,
    torch.ops.aten._scaled_dot_product_flash_attention,
)
MODULES = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, Attention, DeformConv)


class Macs(NamedTuple):
    """Multiply-adds of a part of the network."""

    plain: int = 0
    """Convolutions and linear layers; masks as products of queries and features."""
    deformable: int = 0
    """Kernels of deformable convolutions, as if they were ordinary ones."""
    attention: int = 0
    """Products of queries, keys and values."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.plain + self.deformable + self.attention


def count_macs(config: ModelConfig, size_hw: tuple[int, int]) -> dict[str, Macs]:
    """Count the multiply-adds for one image.

    Args:
        config: Of the network.
        size_hw: Height and width of the image, 64 or more.

    Returns:
        By block: ``backbone``, the parts of the pixel decoder, ``mask_decoder``, and ``masks`` of
        all predictions. Of networks of others ``backbone`` and ``head``.
    """
    if config.network != OURS:
        return _peer_macs(config, size_hw)
    blocks: dict[str, Macs] = {}
    with FakeTensorMode():
        model = build_model(config).eval().requires_grad_(False)
        for name, module in model.named_modules():
            if isinstance(module, MODULES):

                def count(
                    module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor, name: str = name
                ) -> None:
                    block = _block_of(name)
                    blocks[block] = added(blocks.get(block, Macs()), _macs(module, inputs, output))

                module.register_forward_hook(count)
        model(torch.empty(1, 3, *size_hw))
    return blocks | {MASKS: Macs(_mask_products(config, size_hw))}


def _peer_macs(config: ModelConfig, size_hw: tuple[int, int]) -> dict[str, Macs]:
    """Count by operations: products of two things that were computed are those of attention.

    Masks, products of queries and features, are among them here.
    """
    with torch.device("meta"):
        model = build_network(config).eval().to("meta")  # all of it: some parts do not listen
        images = torch.empty(1, 3, *size_hw)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(images)
    blocks = {}
    for block in ("backbone", "head"):
        counts = counter.get_flop_counts().get(f"{type(model).__name__}.{block}", {})
        products = sum(count for name, count in counts.items() if name in PRODUCTS)
        plain = sum(counts.values()) - products
        blocks[block] = Macs(plain // 2, attention=products // 2)
    return blocks


def added(*parts: Macs) -> Macs:
    """Add counts up, kind by kind."""
    return Macs(*map(sum, zip(*parts, strict=True)))


def _block_of(name: str) -> str:
    """Name the block that a module is in, such as ``cst`` of the pixel decoder."""
    parts = name.split(".")
    return parts[1] if parts[0] == "pixel_decoder" else parts[0]


def _macs(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Macs:
    if isinstance(module, Attention):
        (batch, queries, width), keys = inputs[0].shape, inputs[1].shape[1]
        # out_proj is a module of its own
        projected = batch * (queries + 2 * keys) * width * width
        return Macs(projected, attention=2 * batch * queries * keys * width)
    weight = module.weight
    if isinstance(module, DeformConv):  # its offsets are a module of their own
        return Macs(deformable=output.numel() * weight[0].numel())
    if isinstance(module, nn.ConvTranspose2d):
        return Macs(inputs[0].numel() * weight[0].numel())
    return Macs(output.numel() * weight[0].numel())


def _mask_products(config: ModelConfig, size_hw: tuple[int, int]) -> int:
    """Count the products of mask embeddings and features: all but the last at a quarter."""
    height, width = size_hw

    def pixels(stride: int) -> int:
        return -(-height // stride) * -(-width // stride)

    places = config.layers * pixels(MASK_STRIDE) + pixels(MASK_STRIDE // 2)
    return config.queries * 2 * config.width * places
