"""What prediction holds at once is known beforehand, and tiles are as large as a budget allows."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from lively_networks import lively_network, photo
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mass13k_tools.errors import DatasetError
from massformer import blocks, deform
from massformer.config import load_config
from massformer.inference import budget
from massformer.inference.budget import (
    WHOLE_PX,
    Demand,
    grid_in_budget,
    strip_rows,
    usual_grid,
)
from massformer.inference.predictor import Predictor, Settings, Wanted
from massformer.inference.strips import decode
from massformer.inference.tiling import Grid, side_of
from massformer.inference.views import Views
from massformer.model import build_model

PHOTO = (3072, 4096)


class Held(TorchDispatchMode):
    """Counts the bytes of all tensors that are there at a time, beside the weights."""

    def __init__(self, weights):
        super().__init__()
        self.known = {each.untyped_storage()._cdata for each in weights}
        self.now, self.most = 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            if isinstance(each, torch.Tensor):
                storage = each.untyped_storage()
                if storage._cdata not in self.known:
                    self.known.add(storage._cdata)
                    self.now += storage.nbytes()
                    weakref.finalize(storage, self.free, storage._cdata, storage.nbytes())
        self.most = max(self.most, self.now)
        return made

    def free(self, name, count):
        self.known.discard(name)
        self.now -= count


def demand(preset="massformer", **other):
    config = load_config(preset).model
    made = Demand(
        model=config,
        parameters=37_578_176,
        dtype="float32",
        channels=7,
        kept=1,
        most_scale=1.0,
        averaged=False,
    )
    return replace(made, **other)


@pytest.mark.parametrize("dtype", ["float32", "bf16"])
@pytest.mark.parametrize("preset", ["massformer", "massformer-lite", "tiny"])
def test_a_network_holds_no_more_than_foreseen_and_not_much_less(preset, dtype, monkeypatch):
    monkeypatch.setattr(blocks, "STRIP_BYTES", 2**14)  # as small for this image as for a photo
    monkeypatch.setattr(deform, "GROUP_BYTES", 1)
    monkeypatch.setattr(budget, "WHOLE_STRIPS_BYTES", 0)
    model = build_model(load_config(preset).model).eval()
    half = dtype == "bf16"
    weight_bytes = 2 * sum(each.numel() for each in model.parameters()) * half
    images = torch.zeros(1, 3, 256, 320)
    held = Held(model.state_dict().values())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half), held:
        decode(model, images)
    foreseen = demand(preset, dtype=dtype).forward_bytes(256 * 320) + weight_bytes
    assert 0.7 * foreseen < held.most < 1.03 * foreseen


def test_a_photo_fits_into_8_gib_in_one_piece():
    needs = demand(channels=8, kept=9)
    assert grid_in_budget(PHOTO, needs, 8 * 2**30, on_host=True) == Grid(1, 1)


def test_smaller_budgets_give_smaller_tiles_that_fit():
    needs = demand()
    tiles = []
    for gib in (8, 6, 4, 3, 2, 1.5):
        grid = grid_in_budget(PHOTO, needs, gib * 2**30, on_host=True)
        assert needs.device_bytes(PHOTO, grid) + needs.host_bytes(PHOTO) <= gib * 2**30
        tiles.append(grid.tiles)
    assert tiles == sorted(tiles)
    assert tiles[0] == 1 < tiles[1] < tiles[-1]


def test_what_lies_beside_the_network_counts_only_in_its_own_memory():
    needs = demand()
    gib = needs.device_bytes(PHOTO, Grid()) / 2**30 + 0.1
    assert grid_in_budget(PHOTO, needs, gib * 2**30, on_host=False) == Grid()
    assert grid_in_budget(PHOTO, needs, gib * 2**30, on_host=True).tiles > 1


@pytest.mark.parametrize(
    "more",
    [
        {"most_scale": 1.5},
        {"averaged": True},
        {"channels": 200},
        {"parameters": 10**9},
        {"model": replace(load_config("massformer").model, width=256)},
        {"model": replace(load_config("tiny").model, backbone_width=256)},
    ],
)
def test_whoever_holds_more_needs_more(more):
    grid = Grid(2, 2)
    small = demand("tiny") if more.get("model", demand().model).width == 32 else demand()
    assert replace(small, **more).device_bytes(PHOTO, grid) > small.device_bytes(PHOTO, grid)


def test_half_precision_needs_less():
    assert demand(dtype="bf16").device_bytes(PHOTO, Grid()) < demand().device_bytes(PHOTO, Grid())


def test_a_budget_that_fits_nothing_says_what_would():
    with pytest.raises(DatasetError, match=r"512.0 MiB are too little for an image of 3072x4096"):
        grid_in_budget(PHOTO, demand(), 2**29, on_host=True)


def test_without_budget_images_are_whole_up_to_16_megapixels():
    for size in (PHOTO, (4096, 4096), (1, 1), (64, 262_144)):
        assert usual_grid(size) == Grid()
    for size in ((4097, 4096), (3000, 20_000), (20_000, 3000), (1, 10**7)):
        grid = usual_grid(size)
        assert grid.tiles > 1
        sides = side_of(size[0], grid.rows), side_of(size[1], grid.columns)
        assert np.prod([max(64, side) for side in sides]) <= WHOLE_PX


def test_a_panorama_is_cut_along_its_longer_side():
    assert usual_grid((3000, 20_000)) == Grid(1, 4)
    assert usual_grid((20_000, 3000)) == Grid(4, 1)


def test_strips_are_of_whole_pairs_of_rows():
    for width in (1, 63, 4096, 10**6):
        for device in ("cpu", "cuda"):
            rows = strip_rows(width, 100, device)
            assert rows >= 2
            assert rows % 2 == 0


def test_the_predictor_tells_all_that_it_holds():
    gib = 1.5
    plain = Predictor(lively_network(), Settings(memory_gb=gib))
    views = Predictor(lively_network(), Settings(memory_gb=gib, views=Views((1.0, 2.0))))
    wanted = Wanted(tuple(range(7)), edges=True)
    tiles = [
        plain.grid(PHOTO).tiles,
        plain.grid(PHOTO, wanted).tiles,
        views.grid(PHOTO, wanted).tiles,
    ]
    assert tiles == sorted(set(tiles))


def test_a_small_budget_changes_nothing_but_the_tiles():
    size = (640, 640)
    image = photo(*size)
    small = Predictor(lively_network(), Settings(memory_gb=0.843))
    assert small.grid(size).tiles > 1
    assert small.predict(image).label_map.shape == size
