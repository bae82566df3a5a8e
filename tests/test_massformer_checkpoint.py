"""Networks as files: what was written is read, and nothing else is."""

import os
import pickle

import pytest
import safetensors.torch
import torch
from tiny_networks import released_state, same_tensors, save_like_mmengine, tiny_network

from mass13k_tools.classes import SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from massformer.checkpoint import (
    CLASSES,
    FORMAT,
    SETTINGS,
    WEIGHTS,
    checkpoint_table,
    load_model,
    save_model,
    write_checkpoint,
)
from massformer.config import load_config
from massformer.weights import foreign_tensors, read_pickle

STREET = Taxonomy(
    "street",
    (SemanticClass(4, "road"), SemanticClass(9, "Straße", ("way",), (1, 2, 3), "pseudo")),
    (4, *[-1] * 8, 9, *[255] * 246),
)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "network"
    save_model(path, tiny_network())
    return path


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "last.pt"
    write_checkpoint(path, checkpoint_table(tiny_network()))
    return path


def rewritten(file, **entries):
    """Change entries of a training checkpoint."""
    write_checkpoint(file, read_pickle(file) | entries, overwrite=True)
    return file


def with_tensors(file, **tensors):
    """Change tensors of a training checkpoint; None takes one away. Dots are written as __."""
    model = dict(read_pickle(file)["model"])
    model |= {key.replace("__", "."): tensor for key, tensor in tensors.items()}
    kept = {key: tensor for key, tensor in model.items() if tensor is not None}
    return rewritten(file, model=kept)


def test_a_folder_gives_back_every_bit_the_settings_and_the_classes(tmp_path):
    written = tiny_network("model.classes=2", "model.cst=false", taxonomy=STREET)
    save_model(tmp_path / "network", written)
    read = load_model(tmp_path / "network")
    assert same_tensors(read, written)
    assert read.config == written.config
    assert read.taxonomy == STREET
    assert not read.model.training
    for ours, theirs in zip(read.model.parameters(), written.model.parameters(), strict=True):
        assert ours.dtype == torch.float32 and ours.requires_grad == theirs.requires_grad
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        first, second = read.model(images), written.model(images)
    assert torch.equal(first["mask_logits"][-1], second["mask_logits"][-1])


def test_a_training_checkpoint_gives_back_the_same_and_what_training_added(tmp_path):
    written = tiny_network("model.classes=2", taxonomy=STREET)
    extra = {"optimizer": {"state": {0: {"step": torch.tensor(3.0)}}}, "iteration": 7}
    write_checkpoint(tmp_path / "last.pt", checkpoint_table(written) | extra)
    read = load_model(tmp_path / "last.pt")
    assert same_tensors(read, written)
    assert (read.config, read.taxonomy) == (written.config, STREET)
    assert read_pickle(tmp_path / "last.pt")["iteration"] == 7


def test_the_same_network_is_written_to_the_same_bytes(folder, tmp_path):
    save_model(tmp_path / "again", load_model(folder))
    for name in (WEIGHTS, SETTINGS, CLASSES):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_another_network_is_replaced_only_when_asked(folder):
    save_model(folder, tiny_network())
    other = tiny_network(seed=1)
    with pytest.raises(DatasetError, match="--overwrite"):
        save_model(folder, other)
    save_model(folder, other, overwrite=True)
    assert same_tensors(load_model(folder), other)


def test_its_settings_do_as_a_preset(folder):
    assert load_config(str(folder / SETTINGS)) == tiny_network().config


def test_reading_draws_no_random_numbers(folder):
    torch.manual_seed(3)
    state = torch.get_rng_state()
    load_model(folder)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_become_float32(file, dtype):
    model = read_pickle(file)["model"]
    stored = {key: t.to(dtype) if t.is_floating_point() else t for key, t in model.items()}
    read = load_model(rewritten(file, model=stored)).model.state_dict()
    for key, tensor in read.items():
        assert tensor.dtype == model[key].dtype
        assert torch.equal(tensor, stored[key].to(tensor.dtype)), key


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_that_wrappers_changed_are_understood(file, wrapper):
    model = {wrapper + key: tensor for key, tensor in read_pickle(file)["model"].items()}
    assert same_tensors(load_model(rewritten(file, model=model)), tiny_network())


def test_a_network_survives_that_its_file_is_replaced(file):
    read = load_model(file)
    file.write_bytes(b"")
    assert same_tensors(read, tiny_network())


# Tensors that do not fit

BIAS = torch.zeros(8)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"mask_decoder__class_embed__bias": None}, r"1 missing \(mask_decoder.class_embed.bias\)"),
        ({"head__bias": BIAS, "tail": BIAS}, r"2 unexpected \(head.bias, tail\)"),
        (
            {"mask_decoder__class_embed__bias": torch.zeros(13)},
            r"1 of another shape \(\S+class_embed.bias is float32 13, expected float32 8\)",
        ),
        ({"mask_decoder__class_embed__bias": torch.zeros(8, dtype=torch.int64)}, "is int64 8"),
        (
            {"mask_decoder__class_embed__bias": BIAS.to_sparse()},
            "is sparse_coo float32 8, expected",
        ),
        ({"mask_decoder__class_embed__bias": BIAS + torch.nan}, "1 of .* hold nan or infinity"),
        ({"mask_decoder__class_embed__bias": BIAS - torch.inf}, "mask_decoder.class_embed.bias;"),
        ({"mask_decoder__class_embed__bias": "zeros"}, "of kind str, expected names and tensors"),
        ({"big": torch.zeros(1).expand(10**9)}, "claim 400.* bytes, but the file has"),
    ],
)
def test_tensors_that_do_not_fit_are_counted_and_named(file, tensors, said):
    with pytest.raises(DatasetError, match=said) as error:
        load_model(with_tensors(file, **tensors))
    assert "last.pt" in str(error.value) and "\n" not in str(error.value)


def test_of_many_differences_all_are_counted_and_the_first_named(file):
    model = {key: t for key, t in read_pickle(file)["model"].items() if "mask_embed" not in key}
    with pytest.raises(DatasetError, match=r"6 missing \((mask_decoder\S+, ){3}…\)$"):
        load_model(rewritten(file, model=model))


# Files that are something else, or damaged


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"format": "massformer/9"}, "format 'massformer/9', expected 'massformer/1'"),
        ({"format": 1}, "expected 'massformer/1'"),
        ({"config": {"model": {"widht": 8}}}, "no setting 'model.widht'"),
        ({"config": []}, r"its 'config' is \[\], expected dict"),
        ({"config": {"model": {"queries": 10**30}}}, "no network is as large as"),
        ({"config": {"model": {"layers": 10**12}}}, "too few for model.layers"),
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
