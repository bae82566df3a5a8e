"""A tiny network of random weights whose label maps have several classes, and pictures for it."""

import numpy as np
import torch
import torch.nn.functional as F
from tiny_networks import tiny_network
from torch import nn

from mass13k_tools.classes import MASS13K


def lively_network(*overrides, taxonomy=MASS13K):
    """Give a network whose norms fit its weights and whose queries differ in class and mask."""
    loaded = tiny_network(*overrides, taxonomy=taxonomy)
    model = loaded.model
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        images = F.interpolate(torch.randn(2, 3, 16, 16), (128, 128), mode="bilinear")
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None
        model.train()(images)
        model.eval()
        decoder = model.mask_decoder
        decoder.class_embed.weight.mul_(5)
        decoder.class_embed.bias.sub_(model(images)["class_logits"][-1].mean((0, 1)))
        decoder.mask_embed[-1].weight.mul_(3)
        decoder.mask_embed[-1].bias.zero_()
    return loaded


def photo(height, width, seed=0):
    """Paint soft patches of random colours."""
    rng = np.random.default_rng(seed)
    patches = rng.normal(128, 70, (1, 3, -(-height // 8) + 1, -(-width // 8) + 1))
    soft = F.interpolate(torch.from_numpy(patches), scale_factor=8, mode="bilinear")
    image = soft[0, :, :height, :width].permute(1, 2, 0).clamp(0, 255)
    return image.byte().contiguous().numpy()
