"""Parts of the released network by themselves: deformable convolution and sine encoding."""

from pathlib import Path

import numpy as np
import torch
from reference_model import REFERENCE

from massformer.attention import sine_encoding
from massformer.deform import deform_conv2d

KERNELS = (1, 3, 5, 7)
ENCODINGS = {  # stored name -> rows, columns, channels
    "nf64_16x16": (16, 16, 128),
    "nf128_8x16": (8, 16, 256),
    "nf128_12x20": (12, 20, 256),
}
DEFORM_TOLERANCE = 1e-12
SINE_TOLERANCE = 1e-5


def deform_deviations(kernel: int, folder: Path = REFERENCE) -> dict[str, float]:
    """Hold our deformable convolution against the official kernel, in float64.

    Args:
        kernel: One of :data:`KERNELS`.
        folder: Where the stored arrays lie.

    Returns:
        The largest difference of the result and of each gradient.
    """
    with np.load(folder / "dcn_reference.npz", allow_pickle=False) as file:
        stored = {
            name.removeprefix(f"k{kernel}_"): torch.from_numpy(file[name])
            for name in file.files
            if name.startswith(f"k{kernel}_")
        }
    inputs = {name: stored[name].requires_grad_() for name in ("x", "offset", "mask", "weight")}
    y = deform_conv2d(**inputs)
    gradients = torch.autograd.grad(y, tuple(inputs.values()), stored["grad_out"])
    found = {"y": y} | {f"grad_{name}": g for name, g in zip(inputs, gradients, strict=True)}
    return {
        name: float((given - stored[name]).detach().abs().max()) for name, given in found.items()
    }


def sine_deviation(name: str, folder: Path = REFERENCE) -> float:
    """Give the largest difference of our sine encoding from a stored one."""
    height, width, channels = ENCODINGS[name]
    with np.load(folder / "sine_pos.npz", allow_pickle=False) as file:
        stored = file[name]
    found = sine_encoding(height, width, channels, torch.device("cpu")).numpy()
    return float(np.abs(found - stored).max())
