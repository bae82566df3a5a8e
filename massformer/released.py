"""The names that the released code gives to the tensors of the network, and ours.

The tensors themselves are the same, in order and shape, so either network reads the other's.
"""

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from mass13k_tools.errors import DatasetError
from massformer.config import ModelConfig

HEAD = "decode_head."
PIXELS = "decode_head.pixel_decoder.pixel_decoder."  # the outer one only holds the inner one
LEFT_OUT = ("data_preprocessor.", "ema_")  # beside the network: pixel means, averages of mmcv 1

Part = tuple[tuple[str, str], ...]

# What the parts of a block are called: released, ours
DEFORM: Part = (
    ("dcn_offset", "offset"),
    ("dcn.weight", "weight"),
    ("dcn_bn", "bn"),
    ("up_sample", "up"),
    ("up_bn", "up_bn"),
)
SQUEEZE: Part = (("mlp.0.mlp.0", "conv1"), ("mlp.0.mlp.1", "bn"), ("mlp.0.mlp.3", "conv2"))
FEED_FORWARD: Part = (("layers.0.0", "0"), ("layers.1", "2"))
SAME: Part = (("", ""),)

# What the blocks are called: released, ours, how their parts are called; * is a number
BLOCKS: tuple[tuple[str, str, Part], ...] = (
    ("backbone", "backbone", SAME),  # torchvision's names
    (PIXELS + "in_projections", "pixel_decoder.projections", SAME),
    (PIXELS + "conv_avg", "pixel_decoder.context", SAME),
    # The release counts from the coarsest stage, we from the finest
    (PIXELS + "SEB.0", "pixel_decoder.squeeze.3", SQUEEZE),
    (PIXELS + "SEB.1", "pixel_decoder.squeeze.2", SQUEEZE),
    (PIXELS + "SEB.2", "pixel_decoder.squeeze.1", SQUEEZE),
    (PIXELS + "SEB.3", "pixel_decoder.squeeze.0", SQUEEZE),
    (PIXELS + "CST.dcn*", "pixel_decoder.cst.deform*", DEFORM),
    (
        PIXELS + "CST.cross_self_attn.cross_attn.attn",
        "pixel_decoder.cst.attention.cross_attention",
        SAME,
    ),
    (
        PIXELS + "CST.cross_self_attn.self_attn.attn",
        "pixel_decoder.cst.attention.self_attention",
        SAME,
    ),
    (
        PIXELS + "CST.cross_self_attn.ffn*",
        "pixel_decoder.cst.attention.feed_forward*",
        FEED_FORWARD,
    ),
    (PIXELS + "RFB.deformaspp.*", "pixel_decoder.rfb.branches.*", DEFORM),
    (PIXELS + "RFB.conv1", "pixel_decoder.rfb.mix", SAME),
    (PIXELS + "RFB.bn", "pixel_decoder.rfb.mix_bn", SAME),
    (PIXELS + "RFB.upconv", "pixel_decoder.rfb.up", SAME),
    (PIXELS + "RFB.bn2", "pixel_decoder.rfb.up_bn", SAME),
    (PIXELS + "LSE.cbn1", "pixel_decoder.lse.conv", SAME),
    (PIXELS + "LSE.dcn3", "pixel_decoder.lse.deform", DEFORM),
    (PIXELS + "LSE.conv1", "pixel_decoder.lse.conv_attention.conv", SAME),
    (PIXELS + "LSE.conv2", "pixel_decoder.lse.deform_attention.conv", SAME),
    (PIXELS + "LSE.cbn2", "pixel_decoder.lse.mix", SAME),
    (PIXELS + "edge_conv", "pixel_decoder.egf.edge_head", SAME),
    (PIXELS + "edge_rec.conv*", "pixel_decoder.egf.conv*", SAME),
    (PIXELS + "edge_rec.dcn", "pixel_decoder.egf.deform", DEFORM),
    (PIXELS + "edge_rec.norm", "pixel_decoder.egf.bn", SAME),
    (PIXELS + "out", "pixel_decoder.out", SAME),
    (
        HEAD + "transformer_decoder.layers.*.cross_attn.attn",
        "mask_decoder.layers.*.cross_attention",
        SAME,
    ),
    (
        HEAD + "transformer_decoder.layers.*.self_attn.attn",
        "mask_decoder.layers.*.self_attention",
        SAME,
    ),
    (HEAD + "transformer_decoder.layers.*.ffn", "mask_decoder.layers.*.feed_forward", FEED_FORWARD),
    (HEAD + "transformer_decoder.layers.*.norms", "mask_decoder.layers.*.norms", SAME),
    (HEAD + "transformer_decoder.post_norm", "mask_decoder.norm", SAME),
    (HEAD + "query_feat", "mask_decoder.query_feat", SAME),
    (HEAD + "query_embed", "mask_decoder.query_embed", SAME),
    (HEAD + "level_embed", "mask_decoder.level_embed", SAME),
    (HEAD + "cls_embed", "mask_decoder.class_embed", SAME),
    (HEAD + "mask_embed", "mask_decoder.mask_embed", SAME),
)


def _rules(released: int, ours: int) -> list[tuple[re.Pattern[str], str]]:
    """Make one pattern of every block and part; the arguments say which column leads to which."""
    rules = []
    for *places, parts in BLOCKS:
        for names in parts:
            old, new = (
                f"{places[column]}.{names[column]}".rstrip(".") for column in (released, ours)
            )
            pattern = re.escape(old).replace(r"\*", r"(\d+)")
            rules.append((re.compile(pattern + r"(?=\.|$)"), new.replace("*", r"\g<1>")))
    return rules


_TO_OURS = _rules(0, 1)
_TO_RELEASED = _rules(1, 0)


def our_name(key: str) -> str:
    """Give our name of a tensor of the released network; names that it does not have stay.

    Example:
        >>> our_name("decode_head.pixel_decoder.pixel_decoder.CST.dcn1.dcn.weight")
        'pixel_decoder.cst.deform1.weight'
    """
    return _renamed(key, _TO_OURS)


def released_name(key: str) -> str:
    """Give the name that the release has for a tensor of ours.

    Example:
        >>> released_name("mask_decoder.layers.5.feed_forward.2.bias")
        'decode_head.transformer_decoder.layers.5.ffn.layers.1.bias'
    """
    return _renamed(key, _TO_RELEASED)


def _renamed(key: str, rules: list[tuple[re.Pattern[str], str]]) -> str:
    for pattern, new in rules:
        if match := pattern.match(key):
            return match.expand(new) + key[match.end() :]
    return key


def is_released(keys: Iterable[str]) -> bool:
    """Tell whether these are names of the released network."""
    return any(key.startswith(HEAD) for key in keys)


def released_config(tensors: Mapping[str, Tensor]) -> ModelConfig:
    """Tell from shapes which network tensors are of.

    Args:
        tensors: By their released names.

    Raises:
        DatasetError: A tensor that says it is missing, or shapes are no network's.
    """

    def side(key: str, axis: int = 0) -> int:
        if key not in tensors or tensors[key].dim() <= axis:
            found = "not there" if key not in tensors else "a single number"
            raise DatasetError(f"'{key}' is {found}")
        return tensors[key].shape[axis]

    layer = re.compile(re.escape(HEAD) + r"transformer_decoder\.layers\.(\d+)\.")
    numbers = {int(match[1]) for match in map(layer.match, tensors) if match}
    bottleneck = "backbone.layer1.0.conv3.weight" in tensors
    return ModelConfig(
        backbone="resnet50" if bottleneck else "resnet18",
        backbone_width=side("backbone.conv1.weight"),
        width=side(PIXELS + "conv_avg.conv.weight"),
        queries=side(HEAD + "query_feat.weight"),
        layers=len(numbers),
        feed_forward=side(HEAD + "transformer_decoder.layers.0.ffn.layers.0.0.weight"),
        classes=side(HEAD + "cls_embed.weight") - 1,
        cst=_has(tensors, "CST"),
        rfb=_has(tensors, "RFB"),
        lse=_has(tensors, "LSE"),
        egf=_has(tensors, "edge_rec"),
    )


def _has(tensors: Mapping[str, Tensor], stage: str) -> bool:
    return any(key.startswith(f"{PIXELS}{stage}.") for key in tensors)
