"""The networks whose outputs under the released code are known, and what ours makes of them.

Their weights follow a rule, so nobody needs to keep them: each tensor is drawn by a generator that
is seeded by the tensor's released name. The input is drawn as well. Stored are only outputs of the
released code (PyTorch 2.13 on a CPU, float64), sliced as :data:`ARRAYS` says.
"""

import copy
import json
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from massformer.checkpoint import unfilled_model
from massformer.config import ModelConfig, load_config
from massformer.model import MassFormer, semantic_scores
from massformer.peers import only_ours
from massformer.released import released_name
from massformer.weights import fill

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT.parent / "shared" / "reference"  # where the stored outputs lie, if anywhere
DIGEST = ROOT / "tests" / "reference_digest.json"

VARIANTS: dict[str, tuple[str, list[str]]] = {  # preset and what is changed in it
    "r50": ("massformer", []),
    "r18": ("massformer", ["model.backbone=resnet18"]),
    "lite_r18": ("massformer-lite", []),
}
SIZE_HW = (256, 512)
EMBEDDINGS = ("query_embed", "query_feat", "level_embed")
SAMPLES = 24  # values of each array in the digest


class Stored(NamedTuple):
    """An array that was stored: of which part of the network, and which of its values."""

    part: str
    values: tuple[slice, ...] = (slice(None),)


EVERY = slice(None)
EIGHTH = (EVERY, slice(None, None, 8))
COARSE = (*EIGHTH, slice(None, None, 4), slice(None, None, 4))
STAGE = (EVERY, slice(None, None, 16), *COARSE[2:])

ARRAYS: dict[str, Stored] = {
    "backbone_stage1": Stored("backbone.0", STAGE),
    "backbone_stage2": Stored("backbone.1", STAGE),
    "backbone_stage3": Stored("backbone.2", STAGE),
    "backbone_stage4": Stored("backbone.3", STAGE),
    "I_in_projections_0": Stored("pixel_decoder.projections.0", COARSE),
    "I_in_projections_3": Stored("pixel_decoder.projections.3", EIGHTH),
    "I_conv_avg": Stored("pixel_decoder.context"),
    "I_SEB_0": Stored("pixel_decoder.squeeze.3", EIGHTH),
    "I_SEB_1": Stored("pixel_decoder.squeeze.2", EIGHTH),
    "I_SEB_2": Stored("pixel_decoder.squeeze.1", COARSE),
    "I_SEB_3": Stored("pixel_decoder.squeeze.0", COARSE),
    "I_CST_0": Stored("pixel_decoder.cst.0", EIGHTH),
    "I_CST_1": Stored("pixel_decoder.cst.1", EIGHTH),
    "I_CST_2": Stored("pixel_decoder.cst.2", COARSE),
    "I_CST_cross_self_attn": Stored("pixel_decoder.cst.attention", EIGHTH),
    "I_RFB_0": Stored("pixel_decoder.rfb.0", COARSE),
    "I_RFB_1": Stored("pixel_decoder.rfb.1", COARSE),
    "I_LSE": Stored("pixel_decoder.lse", COARSE),
    "I_edge_rec": Stored("pixel_decoder.egf", COARSE),
    "D1": Stored("D1", COARSE),
    "D1_corner": Stored("D1", (EVERY, slice(None, None, 2), slice(6), slice(6))),
    "D1_corner_end": Stored("D1", (EVERY, slice(None, None, 2), slice(-6, None), slice(-6, None))),
    "D2": Stored("D2", (EVERY, slice(None, None, 4), slice(None, None, 2), slice(None, None, 2))),
    "D3": Stored("D3", (EVERY, slice(None, None, 2))),
    "D4": Stored("D4"),
    "edge_logits": Stored("edge_logits"),
    "cls_logits": Stored("class_logits"),
    "mask_logits_inter": Stored(
        "coarse_mask_logits", (EVERY, EVERY, slice(None, None, 2), *COARSE[2:])
    ),
    "mask_logits_final": Stored("mask_logits", (EVERY, EVERY, *COARSE[2:])),
    "sem_logits": Stored("scores", (EVERY, EVERY, *COARSE[2:])),
    "sem_argmax": Stored("label_map"),
}
TRANSFORMER = ("cls_logits", "mask_logits_inter", "mask_logits_final", "sem_logits")


def reference_config(variant: str) -> ModelConfig:
    """Give the settings of a network whose outputs are known."""
    preset, overrides = VARIANTS[variant]
    return load_config(preset, overrides).model


def reference_value(key: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Draw a tensor by its released name."""
    *_, owner, last = key.split(".")
    if last == "num_batches_tracked":
        return np.array(0)
    drawn = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    if last == "running_mean" or last in ("bias", "in_proj_bias"):
        drawn = 0.1 * drawn
    elif last == "running_var":
        drawn = 1 + 0.1 * np.abs(drawn)
    elif last == "weight" and len(shape) == 1:
        drawn = 1 + 0.1 * drawn
    elif owner not in EMBEDDINGS:
        drawn = drawn / np.sqrt(np.prod(shape[1:]))
    return drawn.astype(np.float32)


@lru_cache(maxsize=1)
def reference_model(variant: str) -> MassFormer:
    """Build a network with the weights that the rule gives it; it is shared, so copy it."""
    model = only_ours(unfilled_model(reference_config(variant)), "the reference")
    tensors = {
        key: torch.from_numpy(reference_value(released_name(key), tuple(own.shape)))
        for key, own in model.state_dict().items()
    }
    fill(model, tensors, "the rule")
    return model.eval()


def reference_arrays(variant: str, dtype: torch.dtype) -> dict[str, NDArray[Any]]:
    """Run a network as the released one was run, and cut out what was stored of that.

    Args:
        variant: One of :data:`VARIANTS`.
        dtype: float64 or float32.
    """
    model = copy.deepcopy(reference_model(variant)).to(dtype)
    drawn = np.random.default_rng(0).standard_normal((1, 3, *SIZE_HW)).astype(np.float32)
    parts = _traced(model, torch.from_numpy(drawn).to(dtype))
    return {name: parts[stored.part].numpy()[stored.values] for name, stored in ARRAYS.items()}


@torch.no_grad()
def _traced(model: MassFormer, images: Tensor) -> dict[str, Tensor]:
    """Run a network and keep what its parts give, by their names; of several, with numbers."""
    parts: dict[str, Tensor] = {}

    def keep(name: str, given: Any) -> None:
        if isinstance(given, Tensor):
            parts[name] = given.clone()
        elif isinstance(given, tuple):
            for number, each in enumerate(given):
                keep(f"{name}.{number}", each)

    def hook(name: str) -> Any:
        def kept(module: nn.Module, inputs: Any, given: Any) -> None:
            keep(name, given)

        return kept

    for name, module in model.named_modules():
        if any(f"{stored.part}.".startswith(f"{name}.") for stored in ARRAYS.values()):
            module.register_forward_hook(hook(name))
    given = model(images)
    *coarse, final = given["mask_logits"]
    levels = {f"D{4 - number}": parts[f"pixel_decoder.0.{number}"] for number in range(3)}
    scores = semantic_scores(given["class_logits"][-1], final, SIZE_HW)
    assert given["edge_logits"] is not None, "the network has an edge head"
    return (
        parts
        | levels
        | {
            "D1": model.pixel_decoder.mask_features(parts["pixel_decoder.1"]),
            "edge_logits": given["edge_logits"],
            "class_logits": torch.stack(given["class_logits"]),
            "coarse_mask_logits": torch.stack(coarse),
            "mask_logits": final,
            "scores": scores,
            "label_map": scores.argmax(1),
        }
    )


def tolerance(name: str, dtype: torch.dtype) -> float:
    """Say how far an array may be from the released one; of label maps, the share of pixels.

    In float32 a bit of an attention mask may flip, which moves later predictions by a thousandth.
    """
    if name == "sem_argmax":
        return 0.0 if dtype == torch.float64 else 1e-3
    if dtype == torch.float64:
        return 1e-5
    return 2e-3 if name in TRANSFORMER else 1e-4


def deviation(name: str, found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Give the largest difference of two arrays; of label maps, the share of pixels."""
    if found.shape != expected.shape:
        return float("inf")
    if name == "sem_argmax":
        return float(np.mean(found != expected))
    return float(np.abs(found.astype(np.float64) - expected).max())


def digest(array: NDArray[Any]) -> dict[str, Any]:
    """Give the shape, mean and deviation of an array, and some of its values."""
    values = array.astype(np.float64).ravel()
    return {
        "shape": list(array.shape),
        "mean": round(values.mean(), 9),
        "std": round(values.std(), 9),
        "values": [float(f"{value:.8g}") for value in values[_sampled(values.size)]],
    }


def digest_deviation(name: str, found: NDArray[Any], expected: Mapping[str, Any]) -> float:
    """Give the largest difference of an array from a digest, in a value or a moment."""
    if list(found.shape) != expected["shape"]:
        return float("inf")
    values = found.astype(np.float64).ravel()
    sampled = values[_sampled(values.size)]
    if name == "sem_argmax":
        return float(np.mean(sampled != expected["values"]))
    moments = abs(values.mean() - expected["mean"]), abs(values.std() - expected["std"])
    return float(max(np.abs(sampled - expected["values"]).max(), *moments))


def _sampled(size: int) -> NDArray[np.int64]:
    """Choose values from all over an array."""
    return np.linspace(0, size - 1, SAMPLES).round().astype(np.int64)


def read_digest() -> dict[str, dict[str, dict[str, Any]]]:
    """Read what is kept in the repository of the stored outputs: variant -> array -> digest."""
    table: dict[str, dict[str, dict[str, Any]]] = json.loads(DIGEST.read_text(encoding="utf-8"))
    return table


def stored_arrays(variant: str, folder: Path = REFERENCE) -> dict[str, NDArray[Any]]:
    """Read all stored outputs of a network."""
    with np.load(folder / f"forward_{variant}.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
