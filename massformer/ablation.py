"""What stands in the place of a stage of the pixel decoder that is left out (Table 4 of the paper).

Each class takes and gives what the stage does, with next to no arithmetic of its own.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from massformer.blocks import doubled


class PlainPyramid(nn.Module):
    """In the place of CST: maps grow by 2 and are added, as in a feature pyramid."""

    def forward(self, s4: Tensor, s3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the maps that :meth:`ContextTransformer.forward` gives."""
        x16 = doubled(s4, like=s3) + s3
        return s4, x16, F.interpolate(x16, scale_factor=2, mode="bilinear", align_corners=False)


class PlainGrowth(nn.Module):
    """In the place of RFB: the map itself, and twice as large."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the maps that :meth:`ReceptiveFields.forward` gives."""
        return x, F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class PlainDetail(nn.Module):
    """In the place of LSE: the finest stage of the backbone, enlarged by 2."""

    def forward(self, images: Tensor, s1: Tensor) -> Tensor:
        """Give the map that :meth:`DetailEnhancement.forward` gives."""
        return doubled(s1, like=images[..., ::2, ::2])


class PlainSum(nn.Module):
    """In the place of EGF: the sum of semantics and details, and no edges."""

    def guide(self, x: Tensor, detail: Tensor) -> tuple[Tensor, Tensor | None]:
        """Give the details as they are."""
        return detail, None

    def forward(self, x: Tensor, guided: Tensor) -> Tensor:
        """Add details to semantics."""
        return x + guided
