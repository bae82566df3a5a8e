"""The pixel decoder of MaSSFormer: a global path, a local path, and their fusion.

Read it beside Figure 3 of the paper. Letters in shape comments: B images, C its width, H and W
rows and columns of the image. Every stage of the paper's Table 4 can be left out: :mod:`ablation`
has what stands in its place.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from massformer.ablation import PlainDetail, PlainGrowth, PlainPyramid, PlainSum
from massformer.blocks import ConvBNReLU, PooledBatchNorm, by_rows, cut, doubled, halved
from massformer.deform import DeformConv, DeformUp
from massformer.norms import needs_whole_maps
from massformer.window_attention import WindowAttention


class Stages(NamedTuple):
    """Which of the stages that Table 4 of the paper adds one by one are there."""

    cst: bool = True
    rfb: bool = True
    lse: bool = True
    egf: bool = True


ALL_STAGES = Stages()


class PixelFeatures(NamedTuple):
    """What the pixel decoder makes of an image."""

    levels: tuple[Tensor, Tensor, Tensor]
    """Maps of strides 32, 16 and 8, each (B, 2C, h, w): the paper's D4, D3 and D2."""
    fused: Tensor
    """Shape (B, C, H/2, W/2), of which :meth:`PixelDecoder.mask_features` makes D1."""
    edge_logits: Tensor | None
    """Shape (B, 1, H/2, W/2), positive at edges; None without EGF."""


class PixelDecoder(nn.Module):
    """From the four stages of a backbone to maps that queries look at."""

    def __init__(
        self, in_channels: tuple[int, ...], width: int = 128, stages: Stages = ALL_STAGES
    ) -> None:
        super().__init__()
        self.projections = nn.ModuleList(ConvBNReLU(channels, width) for channels in in_channels)
        self.context = nn.Sequential()
        self.context.add_module("conv", nn.Conv2d(in_channels[-1], width, 1, bias=False))
        self.context.add_module("bn", PooledBatchNorm(width))
        self.context.add_module("relu", nn.ReLU(inplace=True))
        self.squeeze = nn.ModuleList(SqueezeExcite(width) for _ in in_channels)
        self.cst = ContextTransformer(width) if stages.cst else PlainPyramid()
        self.rfb = ReceptiveFields(width) if stages.rfb else PlainGrowth()
        self.lse = DetailEnhancement(width) if stages.lse else PlainDetail()
        self.egf = EdgeGuidedFusion(width) if stages.egf else PlainSum()
        self.out = nn.ModuleList(ConvBNReLU(width, 2 * width) for _ in in_channels)

    def project(self, stages: tuple[Tensor, ...]) -> list[Tensor]:
        """Bring the stages of a backbone to one width, weight their channels, add the context.

        Args:
            stages: Strides 4, 8, 16, 32, each with its own number of channels.

        Returns:
            The paper's S1 to S4, each (B, C, h, w).
        """
        projected = [
            squeeze(project(stage))
            for squeeze, project, stage in zip(self.squeeze, self.projections, stages, strict=True)
        ]
        projected[-1] = projected[-1] + self.context(stages[-1].mean((2, 3), keepdim=True))
        return projected

    def forward(self, images: Tensor, projected: list[Tensor]) -> PixelFeatures:
        """Decode.

        Args:
            images: Normalised, shape (B, 3, H, W).
            projected: S1 to S4, from :meth:`project`.
        """
        s1, s2, s3, s4 = projected

        # Global: semantics from the coarse maps to 1/8
        x32, x16, x8 = self.cst(s4, s3)
        x8, x4 = self.rfb(cut(x8, like=s2) + s2)

        # Local: details from the image and the finest stage; then both are fused at 1/2
        detail = self.lse(images, s1)
        x2 = doubled(cut(x4, like=s1), like=detail)
        guided, edge_logits = self.egf.guide(x2, detail)
        del detail  # 1.6 GB of a 4K photo, not asked for again
        fused = self.egf(x2, guided)

        d4, d3, d2 = (out(x) for out, x in zip(list(self.out)[1:], (x32, x16, x8), strict=True))
        return PixelFeatures((d4, d3, d2), fused, edge_logits)

    def mask_features(self, fused: Tensor) -> Tensor:
        """Make D1 of fused features (B, C, h, w) or of some rows of them: (B, 2C, h, w), >= 0."""
        features: Tensor = self.out[0](fused)
        return features

    def coarse_mask_features(self, fused: Tensor) -> Tensor:
        """Make D1 at half its size, (B, 2C, h / 2, w / 2), of fused features (B, C, h, w)."""
        return by_rows(
            lambda rows: halved(self.mask_features(rows)),
            fused,
            training=needs_whole_maps(self),
            shrink=2,
        )


class SqueezeExcite(nn.Module):
    """Weight channels by what the whole map holds (SEB).

    The factor is 1.5 to 1.73, because the release takes the sigmoid twice.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width // 2, 1, bias=False)
        self.bn = PooledBatchNorm(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Weight a map, shape (B, C, h, w)."""
        pooled = x.mean((2, 3), keepdim=True)
        excitation: Tensor = self.conv2(F.relu(self.bn(self.conv1(pooled)))).sigmoid()
        return x + x * excitation.sigmoid()


class ContextTransformer(nn.Module):
    """Cross-scale transformer (CST): coarse semantics meet finer ones in windows at 1/16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deform1 = DeformUp(width)
        self.attention = WindowAttention(width)
        self.deform2 = DeformUp(width)

    def forward(self, s4: Tensor, s3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give maps at 1/32, 1/16 and, a row or column too large at times, 1/8."""
        x32 = self.deform1(s4)
        x16 = self.deform2(self.attention(cut(self.deform1.enlarged(x32), like=s3), s3))
        return x32, x16, self.deform2.enlarged(x16)


class ReceptiveFields(nn.Module):
    """Receptive field block (RFB): deformable convolutions of four sizes side by side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(DeformConv(width, width // 4, k) for k in (1, 3, 5, 7))
        self.mix = nn.Conv2d(width, width, 1)
        self.mix_bn = nn.BatchNorm2d(width)
        self.up = nn.Conv2d(width, width, 3, padding=1)
        self.up_bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give a map at 1/8 and one at 1/4 of a map (B, C, h, w) at 1/8."""
        x8 = torch.cat([branch(x) for branch in self.branches], dim=1)
        x8 = F.relu(self.mix_bn(self.mix(x8)))
        x4 = F.interpolate(x8, scale_factor=2, mode="bilinear", align_corners=False)
        return x8, F.relu(self.up_bn(self.up(x4)))


class DetailEnhancement(nn.Module):
    """Local structure enhancement (LSE): fine features beside the image itself, at 1/2."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.conv = ConvBNReLU(half + 3, half)
        self.deform = DeformConv(half + 3, half, kernel=3)
        self.conv_attention = SpatialAttention()
        self.deform_attention = SpatialAttention()
        self.mix = ConvBNReLU(width, width)

    def forward(self, images: Tensor, s1: Tensor) -> Tensor:
        """Give details (B, C, H/2, W/2) of images (B, 3, H, W) and features at 1/4."""
        image = halved(images)
        first, second = s1.chunk(2, dim=1)  # each half enlarged when it is its turn: 4K is large
        x = self.conv_attention(self.conv(torch.cat([image, doubled(first, like=image)], dim=1)))
        y = self.deform_attention(
            self.deform(torch.cat([image, doubled(second, like=image)], dim=1))
        )
        return by_rows(
            lambda x, y: self.mix(torch.cat([x, y], dim=1)), x, y, training=needs_whole_maps(self)
        )


class SpatialAttention(nn.Module):
    """Weight pixels by the mean and the maximum of their channels; sigmoid first, as released."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """Weight a map, shape (B, C, h, w)."""
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        attention: Tensor = self.conv(summary.sigmoid())
        return x * attention + x


class EdgeGuidedFusion(nn.Module):
    """Edge-guided fusion (EGF): details decide where semantics are sharpened."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.edge_head = nn.Sequential(ConvBNReLU(width, 16), nn.Conv2d(16, 1, 1))
        self.conv1 = nn.Conv2d(width, half, 1)
        self.deform = DeformConv(half, half, kernel=3)
        self.conv2 = nn.Conv2d(half, width, 1)
        self.bn = nn.BatchNorm2d(width)

    def guide(self, x: Tensor, detail: Tensor) -> tuple[Tensor, Tensor | None]:
        """Choose by details what to sharpen of semantics, and see edges in both.

        Args:
            x: Semantics, shape (B, C, h, w).
            detail: Shape (B, C, h, w).

        Returns:
            Shape (B, C / 2, h, w), for :meth:`forward`; and edge logits, shape (B, 1, h, w).
        """
        edge_logits = by_rows(self._edges, x, detail, training=needs_whole_maps(self))
        return by_rows(self._guided, x, detail, training=needs_whole_maps(self)), edge_logits

    def forward(self, x: Tensor, guided: Tensor) -> Tensor:
        """Sharpen semantics (B, C, h, w) by what :meth:`guide` chose."""
        return by_rows(self._merged, x, self.deform(guided), training=needs_whole_maps(self))

    def _edges(self, x: Tensor, detail: Tensor) -> Tensor:
        edge_logits: Tensor = self.edge_head(x + detail)
        return edge_logits

    def _guided(self, x: Tensor, detail: Tensor) -> Tensor:
        guided: Tensor = self.conv1(detail.sigmoid() * x)
        return guided

    def _merged(self, x: Tensor, sharpened: Tensor) -> Tensor:
        refined: Tensor = self.bn(self.conv2(sharpened))
        return refined + x
