"""Networks as files: what was written is read, and what does not fit is named."""

import os
import tomllib

import pytest
import torch
from tiny_networks import (
    rewritten,
    same_tensors,
    saved_file,
    saved_folder,
    tiny_network,
    with_tensors,
)

from mass13k_tools.classes import SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from massformer.checkpoint import (
    CLASSES,
    SETTINGS,
    WEIGHTS,
    checkpoint_table,
    load_model,
    save_model,
    write_checkpoint,
)
from massformer.config import load_config, settings_toml
from massformer.weights import read_pickle

STREET = Taxonomy(
    "street",
    (SemanticClass(4, "road"), SemanticClass(9, "Straße", ("way",), (1, 2, 3), "pseudo")),
    (4, *[-1] * 8, 9, *[255] * 246),
)


@pytest.fixture
def folder(tmp_path):
    return saved_folder(tmp_path)


@pytest.fixture
def file(tmp_path):
    return saved_file(tmp_path)


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


def test_networks_and_checkpoints_are_whole_after_a_power_cut(tmp_path, monkeypatch):
    sizes = set()
    monkeypatch.setattr(os, "fsync", lambda handle: sizes.add(os.fstat(handle).st_size))
    written = tiny_network("model.classes=2", taxonomy=STREET)
    write_checkpoint(tmp_path / "last.pt", checkpoint_table(written))
    assert (tmp_path / "last.pt").stat().st_size in sizes
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "other.txt").write_text("mine")
    for name in ("alone", "both"):
        sizes.clear()
        save_model(tmp_path / name, written, among_others=True)
        assert {(tmp_path / name / each).stat().st_size for each in (WEIGHTS, SETTINGS)} <= sizes


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
    assert load_config(str(folder / SETTINGS)).model == tiny_network().config


def test_a_network_tells_nothing_of_its_training(folder, file):
    assert list(tomllib.loads((folder / SETTINGS).read_text())) == ["model"]
    assert list(read_pickle(file)["config"]) == ["model"]


FORMER = {"train": {"speed": "high"}, "weather": {"rain": 1}}  # settings that nobody knows


def test_networks_with_settings_of_another_program_are_read(folder, file):
    settings = folder / SETTINGS
    settings.write_text(settings.read_text() + settings_toml(FORMER))
    table = read_pickle(file)["config"]
    rewritten(file, config=table | FORMER)
    for path in (folder, file):
        read = load_model(path)
        assert same_tensors(read, tiny_network())
        assert read.config == tiny_network().config


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[model]\nwide = 8", "no setting 'model.wide'"),
        ("[train]\nsteps = 8", "no section 'model', found train"),
        ("model = 8", "'model' is a section of settings"),
        ("[model", "Expected"),
    ],
)
def test_settings_that_are_no_networks_are_named_with_their_file(folder, content, said):
    (folder / SETTINGS).write_text(content)
    with pytest.raises(DatasetError, match=f"settings '.*{SETTINGS}': {said}"):
        load_model(folder)


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
