"""What becomes of batch norms: which statistics they take, and what of them is learned.

The release keeps ImageNet's scale and shift in the backbone and yet normalises by the statistics of
the batch; both can be chosen.
"""

import math
from collections.abc import Callable

from torch import nn

from massformer.blocks import PooledBatchNorm

GROUPS = 8
AFFINE = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm)


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm that normalises by its running statistics and never changes them."""

    def train(self, mode: bool = True) -> "FrozenBatchNorm":
        """Stay in evaluation mode."""
        return super().train(False)


def freeze_norms(module: nn.Module) -> None:
    """Let all batch norms keep their statistics, scale and shift."""
    _replace(module, _frozen)


def synchronise_norms(module: nn.Module) -> None:
    """Let batch norms take the statistics of all ranks; those of pooled maps keep their own."""
    _replace(module, nn.SyncBatchNorm.convert_sync_batchnorm)


def group_norms(module: nn.Module) -> None:
    """Put group norms in the place of all batch norms: no image depends on others in its batch."""
    _replace(module, _grouped, pooled=True)


def needs_whole_maps(module: nn.Module) -> bool:
    """Tell whether norms of a module take statistics of the map that they are given."""
    return module.training or any(isinstance(each, nn.GroupNorm) for each in module.modules())


def has_norms(module: nn.Module) -> bool:
    """Tell whether there are norms that :func:`train_affine` is about."""
    return any(isinstance(each, AFFINE) for each in module.modules())


def train_affine(module: nn.Module, train: bool) -> None:
    """Say whether scale and shift of all norms of a module are trained."""
    for each in module.modules():
        if isinstance(each, AFFINE):
            each.requires_grad_(train)


def _replace(
    module: nn.Module, new: Callable[[nn.BatchNorm2d], nn.Module], *, pooled: bool = False
) -> None:
    for name, child in module.named_children():
        if not isinstance(child, nn.BatchNorm2d):
            _replace(child, new, pooled=pooled)
        elif pooled or not isinstance(child, PooledBatchNorm):
            setattr(module, name, new(child))


def _frozen(norm: nn.BatchNorm2d) -> nn.Module:
    frozen = FrozenBatchNorm(norm.num_features).to(norm.running_mean)
    frozen.load_state_dict(norm.state_dict())
    frozen.requires_grad_(False)
    return frozen.eval()


def _grouped(norm: nn.BatchNorm2d) -> nn.Module:
    """Make a group norm; a map that was pooled to one pixel is one group, or little were left."""
    pooled = isinstance(norm, PooledBatchNorm)
    return nn.GroupNorm(1 if pooled else math.gcd(GROUPS, norm.num_features), norm.num_features)
