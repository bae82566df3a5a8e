"""What ``bench_model.py`` measures, each time in a process of its own.

These are deformable convolutions and predictions of whole images, ours and others. A way prepares
all that is not to be measured, and gives the call that is.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np
import torch
from gathered_deform import gathered_deform_conv2d
from process_memory import forget_peak, own_peak_bytes
from torch import Tensor

from mass13k_tools.arrays import Image
from mass13k_tools.classes import MASS13K
from mass13k_tools.loader.torch_photometric import normalised
from massformer.checkpoint import LoadedModel
from massformer.config import load_config
from massformer.deform import deform_conv2d
from massformer.inference.predictor import Predictor, Settings
from massformer.model import MassFormer, build_model, semantic_scores
from massformer.pixel_decoder import PixelFeatures
from massformer.run_config import Precision

Call = Callable[[], object]
IN_CHANNELS, OUT_CHANNELS, KERNEL = 128, 32, 7  # the largest kernel of the network

GATHERED = "gather, then multiply"
TAP_BY_TAP = "tap by tap"
TORCHVISION = "torchvision"
ONE_PIECE = "one piece"
STRIPS = "strips"
COMPILED = "strips, compiled"
MASK2FORMER = "Mask2Former"


class Job(NamedTuple):
    """What is to be measured."""

    way: str
    size_hw: tuple[int, int]
    """Of the image, or of the map that is convolved."""
    preset: str = "massformer"
    """Our network, where the way has one."""
    backward: bool = False
    """Of deformable convolutions: also compute all four gradients."""
    device: str = "cpu"
    dtype: Precision = "float32"
    """Of our network's arithmetic."""
    calls: int = 1
    """That are timed, after a first one."""
    threads: int | None = None
    """Of torch; None: as many as it takes."""


class Measured(NamedTuple):
    """What a job took."""

    first_s: float
    """Of the first call."""
    seconds: float
    """Median of the others."""
    peak_bytes: int
    """The most that the process, or the device, held at once."""
    added_bytes: int
    """The same, without what it held before the first call."""


def measured(job: Job) -> Measured:
    """Run a job in a fresh process.

    Raises:
        subprocess.CalledProcessError: It failed; what it said last is printed.
    """
    command = [sys.executable, __file__, json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
    return Measured(*json.loads(done.stdout.splitlines()[-1]))


def measure(job: Job) -> Measured:
    """Run a job in this process."""
    if job.threads:
        torch.set_num_threads(job.threads)
    call = WAYS[job.way](job)
    cuda = job.device != "cpu"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() if cuda else forget_peak()
    first_s, *others = (_seconds(call, cuda=cuda) for _ in range(job.calls + 1))
    peak = torch.cuda.max_memory_allocated() if cuda else own_peak_bytes()
    return Measured(first_s, median(others), peak, peak - before)


def _seconds(call: Call, *, cuda: bool) -> float:
    started = time.perf_counter()
    call()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


# Deformable convolutions


def deform_inputs(job: Job) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw a map, offsets, factors and weights."""
    torch.manual_seed(0)
    taps = KERNEL * KERNEL
    x = torch.randn(1, IN_CHANNELS, *job.size_hw)
    offset = 2 * torch.randn(1, 2 * taps, *job.size_hw)
    mask = torch.rand(1, taps, *job.size_hw)
    weight = torch.randn(OUT_CHANNELS, IN_CHANNELS, KERNEL, KERNEL)
    x, offset, mask, weight = (
        each.to(job.device).requires_grad_(job.backward) for each in (x, offset, mask, weight)
    )
    return x, offset, mask, weight


def _deform(job: Job, function: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Call:
    def call_on(inputs: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
        with torch.set_grad_enabled(job.backward):
            y = function(*inputs)
            return torch.autograd.grad(y, inputs, torch.ones_like(y)) if job.backward else (y,)

    call_on(deform_inputs(job._replace(size_hw=(8, 8))))  # loads the code, which is memory, too
    inputs = deform_inputs(job)
    return lambda: call_on(inputs)


def _torchvision(job: Job) -> Call:
    kernel = import_module("torchvision.ops").deform_conv2d
    return _deform(
        job,
        lambda x, offset, mask, weight: kernel(x, offset, weight, padding=KERNEL // 2, mask=mask),
    )


# Whole images


def photo(size_hw: tuple[int, int]) -> Image:
    """Paint soft patches of random colours, a sixteenth as wide as the image."""
    patches = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    painted = cv2.resize(patches, size_hw[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(painted, dtype=np.uint8)


def fresh_network(preset: str) -> LoadedModel:
    """Build a network with random weights, the same ones every time."""
    torch.manual_seed(0)
    config = load_config(preset).model
    return LoadedModel(build_model(config).eval(), config, MASS13K)


def _predictor(job: Job) -> Predictor:
    return Predictor(fresh_network(job.preset), Settings(dtype=job.dtype), device=job.device)


def _strips(job: Job) -> Call:
    predictor, image = _predictor(job), photo(job.size_hw)
    return lambda: predictor.predict(image).label_map


def _compiled(job: Job) -> Call:
    predictor, image = _predictor(job), photo(job.size_hw)
    assert isinstance(predictor.model, MassFormer)
    # All but the queries, and the masks, which are made in strips
    features: Callable[[Tensor], PixelFeatures] = predictor.model.features
    vars(predictor.model)["features"] = torch.compile(features)
    return lambda: predictor.predict(image).label_map


def _one_piece(job: Job) -> Call:
    """Predict by the released formula, all masks in full size at once."""
    predictor, image = _predictor(job), photo(job.size_hw)

    def call() -> Tensor:
        with torch.no_grad():
            predictions = predictor.model(_normalised(image))
            scores = semantic_scores(
                predictions["class_logits"][-1], predictions["mask_logits"][-1], job.size_hw
            )
            return scores[0].argmax(0)

    return call


def _mask2former(job: Job) -> Call:
    """Predict with the Mask2Former of transformers as its documentation shows.

    Its post-processing combines masks at 384x384 pixels and enlarges the result.
    """
    library = import_module("transformers")
    torch.manual_seed(0)
    backbone = library.ResNetConfig(out_features=["stage1", "stage2", "stage3", "stage4"])
    config = library.Mask2FormerConfig(backbone_config=backbone, num_labels=len(MASS13K.classes))
    model = library.Mask2FormerForUniversalSegmentation(config).eval()
    processor = library.Mask2FormerImageProcessorPil()
    image = photo(job.size_hw)

    def call() -> object:
        with torch.no_grad():
            outputs = model(pixel_values=_normalised(image))
            label_maps = processor.post_process_semantic_segmentation(
                outputs, target_sizes=[job.size_hw]
            )
        return label_maps[0]

    return call


def _normalised(image: Image) -> Tensor:
    return normalised(torch.from_numpy(image).permute(2, 0, 1)[None])


WAYS: dict[str, Callable[[Job], Call]] = {
    GATHERED: lambda job: _deform(job, gathered_deform_conv2d),
    TAP_BY_TAP: lambda job: _deform(job, deform_conv2d),
    TORCHVISION: _torchvision,
    ONE_PIECE: _one_piece,
    STRIPS: _strips,
    COMPILED: _compiled,
    MASK2FORMER: _mask2former,
}


if __name__ == "__main__":
    way, size_hw, *others = json.loads(sys.argv[1])
    print(json.dumps(measure(Job(way, tuple(size_hw), *others))))
