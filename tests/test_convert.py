"""The released network's checkpoints become ours, and ours the released network's."""

import json
import shutil

import pytest
import torch
from click.testing import CliRunner
from tiny_networks import released_state, same_tensors, save_like_mmengine, tiny_network

from massformer.checkpoint import load_model, save_model, unfilled_model
from massformer.config import ModelConfig, load_config
from massformer.convert import convert
from massformer.released import is_released, our_name, released_config, released_name
from massformer.weights import read_pickle

PIXELS = "decode_head.pixel_decoder.pixel_decoder."
TWELVE = "".join(f'[[classes]]\nid = {number}\nname = "class {number}"\n' for number in range(12))


def run(*arguments, code=0):
    result = CliRunner().invoke(convert, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def network():
    return tiny_network("model.egf=true")


@pytest.fixture
def checkpoint(tmp_path, network):
    """A checkpoint as the released code writes it."""
    path = tmp_path / "iter_80000.pth"
    torch.save({"meta": {"iter": 80000}, "state_dict": released_state(network)}, path)
    return path


def changed(checkpoint, **tensors):
    """Change tensors of a released checkpoint; None takes one away. Dots are written as __."""
    state = dict(read_pickle(checkpoint)["state_dict"])
    state |= {key.replace("__", "."): tensor for key, tensor in tensors.items()}
    state = {key: tensor.clone() for key, tensor in state.items() if tensor is not None}
    checkpoint.unlink()
    torch.save({"state_dict": state}, checkpoint)
    return checkpoint


# Names


@pytest.mark.parametrize("preset", ["massformer", "massformer-lite", "tiny"])
def test_every_name_leads_to_a_released_one_and_back(preset):
    tensors = unfilled_model(load_config(preset).model).state_dict()
    released = [released_name(key) for key in tensors]
    assert len(set(released)) == len(tensors)
    assert all(key.startswith(("backbone.", "decode_head.")) for key in released)
    assert [our_name(key) for key in released] == list(tensors)


@pytest.mark.parametrize(
    ("released", "ours"),
    [
        ("backbone.layer3.5.bn2.running_var", "backbone.layer3.5.bn2.running_var"),
        (PIXELS + "SEB.0.mlp.0.mlp.3.weight", "pixel_decoder.squeeze.3.conv2.weight"),
        (PIXELS + "SEB.3.mlp.0.mlp.0.weight", "pixel_decoder.squeeze.0.conv1.weight"),
        (PIXELS + "RFB.bn2.bias", "pixel_decoder.rfb.up_bn.bias"),
        (PIXELS + "LSE.conv2.bias", "pixel_decoder.lse.deform_attention.conv.bias"),
        (PIXELS + "edge_rec.dcn.dcn.weight", "pixel_decoder.egf.deform.weight"),
        ("decode_head.level_embed.weight", "mask_decoder.level_embed.weight"),
        (
            "decode_head.transformer_decoder.layers.11.ffn.layers.0.0.bias",
            "mask_decoder.layers.11.feed_forward.0.bias",
        ),
    ],
)
def test_names_of_single_tensors(released, ours):
    assert (our_name(released), released_name(ours)) == (ours, released)


def test_names_of_other_networks_stay_as_they_are():
    for name in ("decode_head.conv_seg.weight", "backbones.conv1", PIXELS + "RFBs.bn", "neck.0"):
        assert our_name(name) == name
    assert is_released(["decode_head.conv_seg.weight"])
    assert not is_released(["mask_decoder.norm.weight", "backbone.conv1.weight"])


@pytest.mark.parametrize(
    "model",
    [
        ModelConfig(),
        ModelConfig(backbone="resnet18"),
        load_config("massformer-lite").model,
        ModelConfig(queries=50, classes=12, layers=9, feed_forward=512, width=96),
        ModelConfig(backbone_width=32, cst=False),
        ModelConfig(rfb=False, lse=False),
        ModelConfig(egf=False),
    ],
)
def test_shapes_tell_which_network_it_is(model):
    tensors = unfilled_model(model).state_dict()
    assert released_config({released_name(key): tensors[key] for key in tensors}) == model


# The program


def test_a_released_checkpoint_becomes_readable_bit_by_bit(checkpoint, network, tmp_path):
    result = run(checkpoint, "--out", tmp_path / "network")
    read = load_model(tmp_path / "network")
    assert same_tensors(read, network)
    assert read.config == network.config
    assert read.taxonomy == network.taxonomy
    assert "resnet18, width 8, 5 queries, 2 layers, 7 classes of 'mass13k'" in result.stdout


def test_there_and_back_every_bit_is_the_same(network, tmp_path):
    save_model(tmp_path / "network", network)
    run(tmp_path / "network", "--to", "released", "--out", tmp_path / "back.pth")
    content = torch.load(tmp_path / "back.pth", weights_only=True)
    assert set(content["state_dict"]) == set(released_state(network))
    assert content["meta"]["dataset_meta"]["classes"][:2] == ["background", "person"]
    assert content["meta"]["dataset_meta"]["palette"][1] == [255, 0, 0]
    run(tmp_path / "back.pth", "--out", tmp_path / "again")
    assert same_tensors(load_model(tmp_path / "again"), network)


def test_a_checkpoint_full_of_mmengines_objects_is_read(network, tmp_path, monkeypatch):
    path = tmp_path / "iter_80000.pth"
    save_like_mmengine(path, released_state(network), monkeypatch)
    run(path, "--out", tmp_path / "network")
    assert same_tensors(load_model(tmp_path / "network"), network)


@pytest.mark.parametrize("wrapped", [lambda s: s, lambda s: {"model": s, "ema_state_dict": {}}])
def test_the_tensors_are_found_wherever_they_are(network, tmp_path, wrapped):
    state = {f"module.{key}": tensor.half() for key, tensor in released_state(network).items()}
    torch.save(wrapped(state), tmp_path / "weights.pth")
    run(tmp_path / "weights.pth", "--out", tmp_path / "network")
    read = load_model(tmp_path / "network").model.state_dict()
    for key, tensor in network.model.state_dict().items():
        assert read[key].dtype == tensor.dtype
        assert torch.equal(read[key], tensor.half().to(tensor.dtype)), key


def test_tensors_beside_the_network_are_named(checkpoint, network, tmp_path):
    beside = {"data_preprocessor__mean": torch.zeros(3, 1, 1), "ema_backbone": torch.zeros(2)}
    changed(checkpoint, **beside)
    result = run(checkpoint, "--out", tmp_path / "network", "--json")
    report = json.loads(result.stdout)
    assert report["left_out"] == ["data_preprocessor.mean", "ema_backbone"]
    assert report["problems"] == []
    assert report["model"]["width"] == 8
    assert report["parameters"] == sum(each.numel() for each in network.model.parameters())
    result = run(checkpoint, "--out", tmp_path / "network")
    assert "left out, beside the network: data_preprocessor.mean, ema_backbone" in result.stdout


def test_classes_of_other_data_come_with_their_taxonomy(tmp_path):
    twelve = tiny_network("model.classes=12")
    torch.save(released_state(twelve), tmp_path / "twelve.pth")
    (tmp_path / "twelve.toml").write_text(TWELVE)
    (tmp_path / "one.toml").write_text('[[classes]]\nid = 0\nname = "a"')
    out = ("--out", tmp_path / "network")
    result = run(tmp_path / "twelve.pth", *out, code=1)
    assert "has 12 classes, but taxonomy 'mass13k' has 7; name its classes by --c" in result.output
    result = run(tmp_path / "twelve.pth", *out, "--classes", tmp_path / "one.toml", code=1)
    assert "has 12 classes, but taxonomy 'one' has 1" in result.output
    run(tmp_path / "twelve.pth", *out, "--classes", tmp_path / "twelve.toml")
    read = load_model(tmp_path / "network")
    assert same_tensors(read, twelve)
    assert [row.name for row in read.taxonomy.classes][-1] == "class 11"


def test_what_does_not_fit_is_listed_and_nothing_is_written(checkpoint, tmp_path):
    norm = "decode_head__transformer_decoder__post_norm__"
    changed(
        checkpoint,
        **{norm + "bias": None, norm + "weight": torch.zeros(3), "neck__0": torch.zeros(2, 5)},
    )
    out = tmp_path / "network"
    result = run(checkpoint, "--out", out, code=1)
    norm = norm.replace("__", ".")
    for row in (
        ("missing", norm + "bias", "float32 16"),
        ("of another shape", norm + "weight", "float32 3", "float32 16"),
        ("unexpected", "neck.0", "float32 2x5"),
    ):
        assert any(all(cell in line for cell in row) for line in result.stdout.splitlines()), row
    assert "is not the released network: 1 missing" in result.stderr
    assert not out.exists()

    report = json.loads(run(checkpoint, "--out", out, "--json", code=1).stdout)
    assert report["out"] is None
    assert {row["problem"]: row["key"] for row in report["problems"]} == {
        "missing": norm + "bias",
        "of another shape": norm + "weight",
        "unexpected": "neck.0",
    }


def test_of_many_differences_the_first_are_shown_and_all_are_counted(checkpoint, tmp_path):
    state = {key: t for key, t in read_pickle(checkpoint)["state_dict"].items() if "LSE" not in key}
    state[PIXELS + "LSE.cbn1.conv.weight"] = torch.zeros(4, 7, 1, 1)
    torch.save(state, tmp_path / "less.pth")
    result = run(tmp_path / "less.pth", "--out", tmp_path / "network", code=1)
    assert "23 missing (" in result.stderr
    assert "… and 3 more; --json has all of them" in result.stdout


def test_mistakes_are_one_line(checkpoint, network, tmp_path):
    save_model(tmp_path / "ours", network)
    ours = tmp_path / "ours" / "model.safetensors"
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"decode_head.conv_seg.weight": torch.zeros(7, 4)}, tmp_path / "other.pth")
    nan = shutil.copy(checkpoint, tmp_path / "nan.pth")
    changed(nan, decode_head__cls_embed__bias=torch.full((8,), torch.nan))
    out = ("--out", tmp_path / "out")
    for arguments, said in (
        ((tmp_path / "text.pth", *out), "cannot read checkpoint"),
        ((ours, *out), "has no names of the released network"),
        ((tmp_path / "other.pth", *out), "other.pth' is not the released network: 'backbone.conv1"),
        ((nan, *out), "hold nan or infinity"),
        ((checkpoint, *out, "--to", "released"), "massformer.convert"),
        ((tmp_path / "ours", *out), "ours' is a folder, expected a file"),
        (
            (tmp_path / "ours", "--out", ours, "--to", "released", "--overwrite"),
            "network that is read",
        ),
    ):
        result = run(*arguments, code=1)
        assert said in result.stderr and result.stderr.count("\n") == 1, result.stderr
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    result = run(checkpoint, *out, "--overwrite", code=1)
    assert "holds 'thesis.tex' already" in result.stderr


def test_another_network_is_replaced_only_when_asked(checkpoint, tmp_path):
    out = ("--out", tmp_path / "network")
    run(checkpoint, *out)
    run(checkpoint, *out)  # the same one again
    torch.save(released_state(tiny_network(seed=1)), tmp_path / "second.pth")
    assert "--overwrite" in run(tmp_path / "second.pth", *out, code=1).stderr
    run(tmp_path / "second.pth", *out, "--overwrite")
    assert same_tensors(load_model(tmp_path / "network"), tiny_network(seed=1))


def test_the_help_has_an_example():
    assert "python -m massformer.convert massformer_r50.pth --out" in run("--help").stdout
