"""Checkpoints that are damaged, strange or planted: one line each, and nothing in them runs."""

import os
import pickle

import pytest
import safetensors.torch
import torch
from tiny_networks import (
    released_state,
    rewritten,
    save_like_mmengine,
    saved_file,
    saved_folder,
    tiny_network,
    with_tensors,
)

from mass13k_tools.errors import DatasetError
from massformer.checkpoint import CLASSES, FORMAT, SETTINGS, WEIGHTS, load_model
from massformer.weights import foreign_tensors, read_pickle


@pytest.fixture
def folder(tmp_path):
    return saved_folder(tmp_path)


@pytest.fixture
def file(tmp_path):
    return saved_file(tmp_path)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"format": "massformer/9"}, "format 'massformer/9', expected 'massformer/1'"),
        ({"format": 1}, "expected 'massformer/1'"),
        ({"config": {"model": {"wide": 8}}}, "no setting 'model.wide'"),
        ({"config": []}, r"its 'config' is \[\], expected dict"),
        ({"config": {"model": {"queries": 10**30}}}, "model.queries is 10+, expected 1 to 65536"),
        ({"config": {"model": {"width": 10**9}}}, "expected a multiple of 8 up to 65536"),
        ({"config": {"model": {"layers": 10**12}}}, "expected 1 to 1000"),
        ({"config": {"model": {"layers": 999}}}, "too few for 999 layers"),
        ({"format": torch.ones(2)}, "expected 'massformer/1'"),
        ({"classes": "x=" + "[" * 9000}, "maximum recursion depth"),
        ({"classes": "oops"}, "last.pt"),
        ({"classes": None}, "its 'classes' is None, expected str"),
        ({"classes": '[[classes]]\nid = 0\nname = "a"'}, "has 7 classes, but taxonomy .* has 1"),
        ({"model": {}}, "holds no tensors by name"),
        ({"model": None}, "holds no tensors by name"),
    ],
)
def test_a_checkpoint_with_other_entries_is_refused_in_one_line(file, entries, said):
    with pytest.raises(DatasetError, match=said) as error:
        load_model(rewritten(file, **entries))
    assert "last.pt" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kept", [0, 3, 1000, 30_000, -1])
def test_a_file_that_was_cut_short_is_refused(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(DatasetError, match=r"cannot read checkpoint '.*last\.pt'"):
        load_model(file)


@pytest.mark.parametrize("kept", [0, 3, 1000, 30_000, -1])
def test_weights_that_were_cut_short_are_refused(folder, kept):
    weights = folder / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(DatasetError, match=r"cannot read weights '.*model\.safetensors'"):
        load_model(folder)


def test_other_files_and_folders_are_refused(tmp_path, folder):
    (tmp_path / "notes.pt").write_text("a text, and no network")
    os.mkfifo(tmp_path / "pipe.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    for name, said in (
        ("notes.pt", "cannot read checkpoint"),
        ("pipe.pt", "no ordinary file"),
        ("missing.pt", "No such file"),
        ("list.pt", "is no checkpoint of massformer: it holds no table"),
        ("other.pt", "is no checkpoint of massformer: it holds weight"),
        (f"network/{WEIGHTS}", "expected their folder"),
    ):
        with pytest.raises(DatasetError, match=said):
            load_model(tmp_path / name)
    for name in (CLASSES, SETTINGS, WEIGHTS):
        (folder / name).unlink()
        with pytest.raises(DatasetError, match=f"network' has no '{name}'"):
            load_model(folder)


def test_tensors_without_values_or_of_values_beyond_float32_are_refused(file):
    key = "backbone__conv1__weight"
    own = read_pickle(file)["model"]["backbone.conv1.weight"]
    with_tensors(file, **{key: own.to("meta")})
    with pytest.raises(DatasetError, match="has no values of 'backbone.conv1.weight'"):
        load_model(file)
    with_tensors(file, **{key: torch.full_like(own, 1e300, dtype=torch.float64)})
    with pytest.raises(DatasetError, match="1 of .* tensors of .* hold nan or infinity"):
        load_model(file)


def test_weights_of_eight_bits_are_read(file):
    own = read_pickle(file)["model"]["backbone.conv1.weight"].to(torch.float8_e4m3fn)
    loaded = load_model(with_tensors(file, backbone__conv1__weight=own))
    assert torch.equal(loaded.model.backbone.conv1.weight, own.float())


def test_weights_of_another_program_are_refused(folder):
    tensors = safetensors.torch.load_file(folder / WEIGHTS)
    safetensors.torch.save_file(tensors, folder / WEIGHTS)
    with pytest.raises(DatasetError, match=f"has no format, expected '{FORMAT}'"):
        load_model(folder)


def test_a_released_checkpoint_is_told_how_to_become_readable(tmp_path):
    path = tmp_path / "iter_80000.pth"
    state = released_state(tiny_network())
    for content in (state, {"state_dict": state}, {"model": state}):
        torch.save(content, path)
        with pytest.raises(DatasetError, match=r"massformer\.convert .*iter_80000.pth --out"):
            load_model(path)


class Planted:
    """An object that writes a file when it is unpickled."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def test_nothing_in_a_file_is_run(tmp_path):
    told = tmp_path / "told"
    for number, planted in enumerate(
        (
            Planted(os.system, f"touch {told}"),
            Planted(open, str(told), "w"),
            Planted(eval, f"open({str(told)!r}, 'w')"),
            Planted(getattr, Planted(open, str(told), "w"), "name"),
        )
    ):
        path = tmp_path / f"{number}.pt"
        torch.save({"format": FORMAT, "model": planted}, path)
        with pytest.raises(DatasetError, match="nothing was read") as error:
            load_model(path)
        assert "\n" not in str(error.value)
        path.write_bytes(pickle.dumps({"format": FORMAT, "model": planted}, protocol=2))
        with pytest.raises(DatasetError):
            load_model(path)
    assert not told.exists()


def test_objects_of_mmengine_beside_the_tensors_are_left_alone(tmp_path, monkeypatch):
    state = released_state(tiny_network())
    path = tmp_path / "iter_80000.pth"
    save_like_mmengine(path, state, monkeypatch)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    read = foreign_tensors(path)
    assert all(torch.equal(read[key], state[key]) for key in state)
    assert read_pickle(path)["meta"]["epoch"] == 1
    allowed = map(str, torch.serialization.get_safe_globals())
    assert not any("mmengine" in each or "numpy" in each for each in allowed)


def test_files_of_torch_before_2020_are_read(tmp_path):
    state = {"weight": torch.rand(3, 4)}
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(foreign_tensors(tmp_path / "old.pth")["weight"], state["weight"])
