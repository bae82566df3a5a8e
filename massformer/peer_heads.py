"""Heads of other networks, those of transformers, on the four maps of a ResNet.

Each is built as a whole by transformers, with its fresh weights; backbone and loss are left behind.
Letters in shape comments: B images, Q queries, D width, K classes, H and W rows and columns of the
image.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from mass13k_tools.errors import DatasetError
from massformer.blocks import PooledBatchNorm
from massformer.config import ModelConfig
from massformer.mask_decoder import HEADS, mask_logits_of

GROUPS = 32  # of the group norms in mask2former and maskformer
STAGES = ["stage1", "stage2", "stage3", "stage4"]
Features = tuple[Tensor, ...]
"""Maps of strides 4, 8, 16 and 32."""
Said = dict[str, Any]
"""As :class:`massformer.model.Predictions` or :class:`massformer.peers.DensePredictions`."""


def mask2former_head(config: ModelConfig, channels: tuple[int, ...]) -> nn.Module:
    """Build pixel decoder and mask decoder of Mask2Former (Cheng et al., 2022)."""
    _check_width(config, GROUPS)
    with _transformers(config) as library:
        network = library.Mask2FormerForUniversalSegmentation(
            library.Mask2FormerConfig(
                backbone_config=_maps(library, channels),
                num_labels=config.classes,
                feature_size=config.width,
                mask_feature_size=config.width,
                hidden_dim=config.width,
                encoder_layers=config.encoder_layers,
                encoder_feedforward_dim=4 * config.width,
                decoder_layers=config.layers + 1,  # it counts the prediction before the first
                dim_feedforward=config.feed_forward,
                num_queries=config.queries,
                num_attention_heads=HEADS,
            )
        )
    return _Mask2FormerHead(network)


def maskformer_head(config: ModelConfig, channels: tuple[int, ...]) -> nn.Module:
    """Build feature pyramid and mask decoder of MaskFormer (Cheng et al., 2021)."""
    _check_width(config, GROUPS)
    with _transformers(config) as library:
        network = library.MaskFormerForInstanceSegmentation(
            library.MaskFormerConfig(
                backbone_config=_maps(library, channels),
                num_labels=config.classes,
                fpn_feature_size=config.width,
                mask_feature_size=config.width,
                decoder_config=library.DetrConfig(
                    d_model=config.width,
                    decoder_layers=config.layers,
                    decoder_ffn_dim=config.feed_forward,
                    decoder_attention_heads=HEADS,
                    num_queries=config.queries,
                ),
            )
        )
    return _MaskFormerHead(network)


def upernet_head(config: ModelConfig, channels: tuple[int, ...]) -> nn.Module:
    """Build the head of UperNet (Xiao et al., 2018), and the auxiliary one that trains it."""
    with _transformers(config) as library:
        network = library.UperNetForSemanticSegmentation(
            library.UperNetConfig(
                backbone_config=_maps(library, channels),
                num_labels=config.classes,
                hidden_size=config.width,
                auxiliary_in_channels=channels[2],
                auxiliary_channels=config.width // 2,
            )
        )
    return _UperNetHead(network)


class _Mask2FormerHead(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.pixel_decoder = network.model.pixel_level_module.decoder
        self.mask_decoder = network.model.transformer_module
        self.class_embed = network.class_predictor

    def forward(self, features: Features) -> Said:
        pixels = self.pixel_decoder(features)
        decoded = self.mask_decoder(pixels.multi_scale_features, pixels.mask_features)
        queries = decoded.intermediate_hidden_states  # each (Q, B, D)
        return {
            "class_logits": tuple(self.class_embed(each.transpose(0, 1)) for each in queries),
            "mask_logits": decoded.masks_queries_logits,
            "edge_logits": None,
        }


class _MaskFormerHead(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.pixel_decoder = network.model.pixel_level_module.decoder
        self.mask_decoder = network.model.transformer_module
        self.class_embed = network.class_predictor
        self.mask_embed = network.mask_embedder

    def forward(self, features: Features) -> Said:
        mask_features = self.pixel_decoder(features).last_hidden_state  # (B, D, H/4, W/4)
        decoded = self.mask_decoder(features[-1], output_hidden_states=True)
        # Before the first layer queries know nothing of the image; only the last ones are normed
        inner = [self.mask_decoder.decoder.layernorm(x) for x in decoded.hidden_states[1:-1]]
        queries = [*inner, decoded.last_hidden_state]  # each (B, Q, D)
        return {
            "class_logits": tuple(self.class_embed(each) for each in queries),
            "mask_logits": tuple(
                mask_logits_of(self.mask_embed(each), mask_features) for each in queries
            ),
            "edge_logits": None,
        }


class _UperNetHead(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.main = network.decode_head
        self.auxiliary = network.auxiliary_head
        for pooled in self.main.psp_modules.blocks:
            if pooled.layers[0].output_size == 1:  # a batch of one image has no variance there
                norm = pooled.layers[1].batch_norm
                pooled.layers[1].batch_norm = PooledBatchNorm(norm.num_features)

    def forward(self, features: Features) -> Said:
        auxiliary = (self.auxiliary(features),) if self.training else ()
        return {"logits": self.main(features), "auxiliary_logits": auxiliary}


@contextmanager
def _transformers(config: ModelConfig) -> Iterator[ModuleType]:
    """Give the library while it keeps its advice on backbones to itself."""
    try:
        import transformers
    except ImportError as error:
        raise DatasetError(
            f"network '{config.network}' is built by transformers, which is not installed; "
            "run pip install 'mass13k[peers]'"
        ) from error
    log: Any = transformers.utils.logging
    before = log.get_verbosity()
    log.set_verbosity_error()
    try:
        yield transformers
    finally:
        log.set_verbosity(before)


def _maps(library: ModuleType, channels: tuple[int, ...]) -> Any:
    """Describe a backbone by its maps; what is built of this is small and thrown away."""
    return library.ResNetConfig(
        embedding_size=1,
        hidden_sizes=list(channels),
        depths=[1] * len(channels),
        layer_type="basic" if channels[0] < 256 else "bottleneck",
        out_features=STAGES,
    )


def _check_width(config: ModelConfig, divisor: int) -> None:
    if config.width % divisor:
        raise DatasetError(
            f"model.width is {config.width}, expected a multiple of {divisor} for "
            f"'{config.network}'"
        )
