"""MaSSFormer (Xie et al., MaSS13K, CVPR 2025): backbone, pixel decoder, mask decoder.

Letters in shape comments: B images, Q queries, K classes, H and W rows and columns of the image.
"""

from typing import TypedDict, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from massformer.backbone import ResNet
from massformer.blocks import halved
from massformer.config import Backbone, ModelConfig
from massformer.mask_decoder import MaskDecoder, mask_logits_of
from massformer.norms import group_norms
from massformer.pixel_decoder import PixelDecoder, PixelFeatures, Stages

MIN_SIDE_PX = 64
BACKBONE_DEPTHS: dict[Backbone, int] = {"resnet18": 18, "resnet50": 50}


@final  # so that its keys tell it apart
class Predictions(TypedDict):
    """What the network says of images; losses and matching are elsewhere."""

    class_logits: tuple[Tensor, ...]
    """One per prediction (before the first layer, then after each), (B, Q, K + 1)."""
    mask_logits: tuple[Tensor, ...]
    """One per prediction, (B, Q, h, w): all at a quarter of the image but the last, at a half."""
    edge_logits: Tensor | None
    """Shape (B, 1, H/2, W/2); None without edge-guided fusion."""


class MassFormer(nn.Module):
    """The network; images of any size from 64x64 on."""

    def __init__(
        self, backbone: ResNet, pixel_decoder: PixelDecoder, mask_decoder: MaskDecoder
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pixel_decoder = pixel_decoder
        self.mask_decoder = mask_decoder

    def forward(self, images: Tensor) -> Predictions:
        """Predict masks and their classes.

        Args:
            images: RGB, normalised by mean and deviation of ImageNet, shape (B, 3, H, W), H and W
                at least 64.

        Raises:
            ValueError: The images are smaller.
        """
        features = self.features(images)
        mask_features = self.pixel_decoder.mask_features(features.fused)
        *coarse, last = self.mask_decoder(features.levels, halved(mask_features))
        mask_logits = mask_logits_of(last.mask_embedding, mask_features)
        return {
            "class_logits": tuple(each.class_logits for each in (*coarse, last)),
            "mask_logits": (*(each.coarse_mask_logits for each in coarse), mask_logits),
            "edge_logits": features.edge_logits,
        }

    def features(self, images: Tensor) -> PixelFeatures:
        """Compute all that stands between the images and the queries; as :meth:`forward`."""
        if min(images.shape[2:]) < MIN_SIDE_PX:
            raise ValueError(
                f"images are {images.shape[2]}x{images.shape[3]}, expected {MIN_SIDE_PX} pixels "
                "or more each way; enlarge them first"
            )
        projected = self.pixel_decoder.project(self.backbone(images))
        features: PixelFeatures = self.pixel_decoder(images, projected)
        return features


def build_model(config: ModelConfig) -> MassFormer:
    """Build the network with fresh weights; seed torch before for the same ones again."""
    backbone = ResNet(BACKBONE_DEPTHS[config.backbone], config.backbone_width)
    stages = Stages(cst=config.cst, rfb=config.rfb, lse=config.lse, egf=config.egf)
    pixel_decoder = PixelDecoder(backbone.out_channels, config.width, stages)
    if config.norm == "group":
        group_norms(pixel_decoder)
    return MassFormer(
        backbone,
        pixel_decoder,
        MaskDecoder(
            2 * config.width,
            queries=config.queries,
            layers=config.layers,
            feed_forward=config.feed_forward,
            classes=config.classes,
        ),
    )


def semantic_scores(class_logits: Tensor, mask_logits: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Combine classes and masks of the last prediction, the released formula in one piece.

    Each pixel's score of a class is the sum over queries of the probability that the query has the
    class times the probability that its mask has the pixel.

    Args:
        class_logits: Shape (B, Q, K + 1).
        mask_logits: Shape (B, Q, ceil(H / 2), ceil(W / 2)).
        size_hw: H and W of the image.

    Returns:
        Shape (B, K, H, W), 0 or more; the label map is its argmax over the classes.
    """
    classes = class_logits.softmax(-1)[..., :-1]
    masks = F.interpolate(mask_logits, scale_factor=2, mode="bilinear", align_corners=False)
    masks = masks.narrow(2, 0, size_hw[0]).narrow(3, 0, size_hw[1]).sigmoid()
    return torch.einsum("bqk,bqhw->bkhw", classes, masks)
