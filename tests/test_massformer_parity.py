"""Our network is the released one, number by number."""

import hashlib
import json

import numpy as np
import pytest
import torch
from reference_model import (
    ARRAYS,
    REFERENCE,
    VARIANTS,
    deviation,
    digest,
    digest_deviation,
    read_digest,
    reference_arrays,
    reference_config,
    stored_arrays,
    tolerance,
)
from write_reference_digest import digest_text

from massformer.checkpoint import unfilled_model
from massformer.released import released_name

here = pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no stored outputs at {REFERENCE}")

# Parameters of the released networks: all, those that are trained, and block by block
COUNTS = {
    "r50": {
        "": (37_578_176, 37_525_056),
        "backbone": (23_508_032, 23_508_032 - 53_120),
        "pixel_decoder": (4_345_720,) * 2,
        "pixel_decoder.projections": (492_544,) * 2,
        "pixel_decoder.context": (262_400,) * 2,
        "pixel_decoder.squeeze": (66_048,) * 2,
        "pixel_decoder.cst": (1_541_174,) * 2,
        "pixel_decoder.cst.deform1": (441_243,) * 2,
        "pixel_decoder.cst.deform2": (441_243,) * 2,
        "pixel_decoder.cst.attention": (658_688,) * 2,
        "pixel_decoder.rfb": (1_702_652,) * 2,
        "pixel_decoder.lse": (76_282,) * 2,
        "pixel_decoder.egf": (2_097 + 69_403,) * 2,
        "pixel_decoder.egf.edge_head": (2_097,) * 2,
        "pixel_decoder.out": (133_120,) * 2,
        "mask_decoder.layers.0": (1_578_752,) * 2,
        "mask_decoder.layers": (9_473_024 - 512,) * 2,
        "mask_decoder.norm": (512,) * 2,
        "mask_decoder.query_feat": (25_600,) * 2,
        "mask_decoder.query_embed": (25_600,) * 2,
        "mask_decoder.level_embed": (768,) * 2,
        "mask_decoder.class_embed": (2_056,) * 2,
        "mask_decoder.mask_embed": (197_376,) * 2,
    },
    "r18": {
        "": (24_681_408, 24_671_808),
        "backbone": (11_176_512, 11_176_512 - 9_600),
        "pixel_decoder": (3_780_472,) * 2,
    },
    "lite_r18": {
        "": (15_080_864, 15_071_264),
        "backbone": (11_176_512, 11_176_512 - 9_600),
        "pixel_decoder": (1_450_584,) * 2,
        "pixel_decoder.projections": (61_952,) * 2,
        "pixel_decoder.context": (32_896,) * 2,
        "pixel_decoder.squeeze": (16_640,) * 2,
        "pixel_decoder.cst": (534_070,) * 2,
        "pixel_decoder.cst.attention": (297_600,) * 2,
        "pixel_decoder.rfb": (724_476,) * 2,
        "pixel_decoder.lse": (24_282,) * 2,
        "pixel_decoder.egf": (1_073 + 21_403,) * 2,
        "pixel_decoder.out": (33_792,) * 2,
        "mask_decoder.layers.0": (396_160,) * 2,
        "mask_decoder.class_embed": (1_032,) * 2,
        "mask_decoder.mask_embed": (49_536,) * 2,
    },
}
# Of the released names and shapes, sorted, one "name shape" a line: how many, and their SHA-256
KEYS = {
    "r50": (660, "7c1003032ebdd667f91ddca2779c0c220014883063224cd8d77ab60479084c76"),
    "r18": (462, "a4f5bc6ef18523e7c98c9bad7b45149a7c07a1ebe27970f5c6e5b7f6edcda9c3"),
    "lite_r18": (462, "1699b87650581caafb8752bfe9214b942e013bfe8ed72167474f1df736ae74e3"),
}


def released_shapes(variant):
    tensors = unfilled_model(reference_config(variant)).state_dict()
    return {released_name(key): list(tensor.shape) for key, tensor in tensors.items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_block_has_as_many_parameters_as_the_released_one(variant):
    model = unfilled_model(reference_config(variant))
    found = {}
    for block in COUNTS[variant]:
        parameters = list(model.get_submodule(block).parameters())
        trained = sum(each.numel() for each in parameters if each.requires_grad)
        found[block] = (sum(each.numel() for each in parameters), trained)
    assert found == COUNTS[variant]


@pytest.mark.parametrize("variant", VARIANTS)
def test_under_their_released_names_all_tensors_have_the_released_shapes(variant):
    shapes = released_shapes(variant)
    lines = sorted(f"{key} {shape}" for key, shape in shapes.items())
    found = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert (len(shapes), found) == KEYS[variant]


@here
@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_and_buffers_are_those_of_the_stored_list(variant):
    rows = json.loads((REFERENCE / f"params_{variant}.json").read_text())
    assert released_shapes(variant) == {key: shape for key, shape, _ in rows}
    model = unfilled_model(reference_config(variant))
    buffers = {released_name(name) for name, _ in model.named_buffers()}
    assert buffers == {key for key, _, is_buffer in rows if is_buffer}


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, pytest.param(torch.float32, marks=pytest.mark.slow)],
    ids=["float64", "float32"],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_outputs_and_all_stages_are_those_of_the_released_network(variant, dtype):
    arrays = reference_arrays(variant, dtype)
    table = read_digest()[variant]
    found = {name: digest_deviation(name, arrays[name], table[name]) for name in ARRAYS}
    if REFERENCE.is_dir():  # then every stored value, not a few of each array
        stored = stored_arrays(variant)
        assert set(stored) == set(ARRAYS)
        for name in ARRAYS:
            found[name] = max(found[name], deviation(name, arrays[name], stored[name]))
    off = {name: far for name, far in found.items() if not far <= tolerance(name, dtype)}
    assert not off, off


@here
def test_the_digest_is_of_the_stored_outputs():
    written = json.loads(digest_text())
    kept = read_digest()
    assert written == kept, "run: python scripts/write_reference_digest.py FOLDER"


def test_a_digest_notices_what_differs_a_little():
    array = np.random.default_rng(7).standard_normal((1, 16, 32, 64)).astype(np.float32)
    kept = json.loads(json.dumps(digest(array)))
    assert digest_deviation("D1", array, kept) < 1e-7
    assert digest_deviation("D1", array + 1e-4, kept) > 9e-5
    assert digest_deviation("D1", array * 1.001, kept) > 1e-3
    assert digest_deviation("D1", array[..., ::-1], kept) > 1
    assert digest_deviation("D1", array[..., 1:], kept) == float("inf")
    labels = np.random.default_rng(7).integers(0, 7, (1, 64, 64))
    assert digest_deviation("sem_argmax", labels, digest(labels)) == 0
    assert digest_deviation("sem_argmax", 6 - labels, digest(labels)) > 0.5
