"""ResNet (He et al., 2016) with the parameter names of torchvision's, so that its weights fit."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn


class _Depth(NamedTuple):
    blocks: tuple[int, int, int, int]
    bottleneck: bool


_TABLE = {18: _Depth((2, 2, 2, 2), False), 50: _Depth((3, 4, 6, 3), True)}


class ResNet(nn.Module):
    """The four stages of a ResNet, without its classifier.

    Scale and shift of its batch norms stay as they were pre-trained, as in the release; their
    statistics follow the data in training.
    """

    def __init__(self, depth: int, width: int = 64) -> None:
        """Build it.

        Args:
            depth: 18 or 50.
            width: Channels of the stem, 64 for the published networks.
        """
        super().__init__()
        blocks, bottleneck = _TABLE[depth]
        growth = 4 if bottleneck else 1
        self.out_channels = tuple(width * growth * 2**stage for stage in range(4))
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        stages = []
        for stage, (count, out) in enumerate(zip(blocks, self.out_channels, strict=True)):
            layers = []
            for number in range(count):
                stride = 2 if stage and not number else 1
                layers.append(_Block(channels, out, stride=stride, bottleneck=bottleneck))
                channels = out
            stages.append(nn.Sequential(*layers))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give the maps of the four stages, strides 4, 8, 16 and 32, of images (B, 3, H, W)."""
        x = F.relu(self.bn1(self.conv1(images)), inplace=True)
        stage1 = self.layer1(F.max_pool2d(x, 3, stride=2, padding=1))
        stage2 = self.layer2(stage1)
        stage3 = self.layer3(stage2)
        return stage1, stage2, stage3, self.layer4(stage3)


class _Block(nn.Module):
    """A residual block: two 3x3 convolutions, or 1x1, 3x3 and 1x1 with a waist."""

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int, bottleneck: bool
    ) -> None:
        super().__init__()
        waist = out_channels // 4 if bottleneck else out_channels
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        widths = (in_channels, *[waist] * (len(kernels) - 1), out_channels)
        strided = kernels.index(3)  # the first 3x3 shrinks the map
        for number, kernel in enumerate(kernels):
            conv = nn.Conv2d(
                widths[number],
                widths[number + 1],
                kernel,
                stride=stride if number == strided else 1,
                padding=kernel // 2,
                bias=False,
            )
            self.add_module(f"conv{number + 1}", conv)
            self.add_module(f"bn{number + 1}", nn.BatchNorm2d(widths[number + 1]))
        self.depth = len(kernels)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Add to a map what the convolutions make of it."""
        identity = x if self.downsample is None else self.downsample(x)
        for number in range(1, self.depth + 1):
            x = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(x))
            if number < self.depth:
                x = F.relu(x, inplace=True)
        return F.relu(x + identity, inplace=True)
