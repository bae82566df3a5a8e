"""Networks of others, so that the same program trains, scores and compares them.

A peer is a backbone and a head. The backbones of those that come with the package are ours, so
that ImageNet's weights, learning rates and norms are the same on both sides of a comparison; the
heads are those of transformers. A network of your own is a row more in :data:`BUILDERS`:

    BUILDERS["mine"] = lambda config: Peer(nn.Identity(), MyNetwork(config.classes))

and ``--set model.network=mine``. Letters in shape comments: B images, K classes, H and W rows and
columns of the image.
"""

from collections.abc import Callable
from typing import TypedDict, final

from torch import Tensor, nn

from mass13k_tools.errors import DatasetError
from massformer.backbone import ResNet
from massformer.config import OURS, ModelConfig
from massformer.model import BACKBONE_DEPTHS, MassFormer, Predictions, build_model
from massformer.norms import group_norms
from massformer.peer_heads import mask2former_head, maskformer_head, upernet_head


@final
class DensePredictions(TypedDict):
    """What a network says of each pixel by itself, without queries."""

    logits: Tensor
    """Of the classes, shape (B, K, h, w), of any stride."""
    auxiliary_logits: tuple[Tensor, ...]
    """Of heads that only train the network, each (B, K, h, w)."""


class Peer(nn.Module):
    """A network that is not MaSSFormer."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        """Put it together.

        Args:
            backbone: Gives the head what it takes of images (B, 3, H, W); it learns more slowly, by
                ``train.backbone_lr``. ``nn.Identity()`` where there is none to tell apart.
            head: Gives :class:`massformer.model.Predictions` if it has queries, else
                :class:`DensePredictions`, or only logits (B, K, h, w).
        """
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Predictions | DensePredictions:
        """Predict; images as :meth:`massformer.model.MassFormer.forward` takes them."""
        said: Tensor | Predictions | DensePredictions = self.head(self.backbone(images))
        if isinstance(said, Tensor):
            return {"logits": said, "auxiliary_logits": ()}
        return said


Network = MassFormer | Peer
MMSEG = "mmseg:"  # what names of networks of mmsegmentation begin with
LAYERED = (OURS, "mask2former", "maskformer")  # those with as many layers as the settings say
Builder = Callable[[ModelConfig], Peer]


def build_network(config: ModelConfig) -> Network:
    """Build the network that the settings name, with fresh weights.

    Raises:
        DatasetError: None has this name, it cannot have these sizes, or what it is built with is
            not installed.
    """
    if config.network == OURS:
        return build_model(config)
    if config.network not in BUILDERS:
        known = ", ".join([OURS, *BUILDERS])
        advice = "; pass its --mmseg CONFIG.py" if config.network.startswith(MMSEG) else ""
        raise DatasetError(f"model.network is '{config.network}', expected one of {known}{advice}")
    return BUILDERS[config.network](config)


def only_ours(model: Network, purpose: str) -> MassFormer:
    """Give a network that is MaSSFormer.

    Raises:
        DatasetError: It is another one.
    """
    if isinstance(model, Peer):
        raise DatasetError(f"{purpose} is for {OURS} alone, this network is another one")
    return model


def _with_head(head: Callable[[ModelConfig, tuple[int, ...]], nn.Module]) -> Builder:
    def build(config: ModelConfig) -> Peer:
        backbone = ResNet(BACKBONE_DEPTHS[config.backbone], config.backbone_width)
        peer = Peer(backbone, head(config, backbone.out_channels))
        if config.norm == "group":
            group_norms(peer.head)
        return peer

    return build


BUILDERS: dict[str, Builder] = {
    "mask2former": _with_head(mask2former_head),
    "maskformer": _with_head(maskformer_head),
    "upernet": _with_head(upernet_head),
}
USED_WHOLE = (OURS, *BUILDERS)  # those of which every parameter is used in every step
