"""Networks of others are trained, scored, kept and predicted with as ours."""

import json
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from lively_networks import photo
from test_budget import Held, demand
from torch import nn
from training_runs import ALONE, SMALL, weights

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from massformer import peers
from massformer.building import build_run
from massformer.checkpoint import LoadedModel, load_model, save_model
from massformer.config import load_config
from massformer.conversion import released_table
from massformer.data import open_split
from massformer.deployment import Deployed
from massformer.evaluate import evaluate as evaluate_command
from massformer.inference import budget
from massformer.inference.predictor import Predictor, Settings, Wanted
from massformer.inference.strips import decode, strip_of
from massformer.losses import Criterion
from massformer.macs import count_macs
from massformer.optimiser import build_optimiser
from massformer.peers import Peer, build_network
from massformer.pixel_losses import pixel_losses
from massformer.predict import predict as predict_command
from massformer.preset_files import peer_names
from massformer.run_config import LossConfig, TrainConfig
from massformer.train import train as train_command

needs_transformers = pytest.mark.skipif(
    find_spec("transformers") is None, reason="transformers is missing: pip install mass13k[peers]"
)
NAMES = ("mask2former-r18", "maskformer-r50", "upernet-r50")
PEERS = [pytest.param(f"peer:{name}", marks=needs_transformers, id=name) for name in NAMES]
TINY = (
    *SMALL,
    *("model.backbone=resnet18", "model.width=32", "model.encoder_layers=1", "model.norm=batch"),
)
NO_IMAGE_IS_ALIKE = (5, 4, 3, 2)  # sides of the four maps of a ResNet-18 of width 8 in these tests

MMSEG_CONFIG = """
norm_cfg = dict(type="SyncBN", requires_grad=True)
head = dict(type="FCNHead", in_channels=64, channels=8, num_convs=1, num_classes=19)
head |= dict(norm_cfg=norm_cfg, concat_input=False)
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(type="SegDataPreProcessor"),
    pretrained="open-mmlab://nothing",
    backbone=dict(type="ResNet", depth=18, base_channels=8, stem_channels=8, norm_cfg=norm_cfg),
    decode_head=dict(in_index=3, **head),
    auxiliary_head=dict(in_index=3, **head),
)
"""


def tiny_peer(name, *overrides):
    """Give a network of random weights, with statistics that are none of a fresh one."""
    config = load_config("tiny", [*TINY, *overrides], name).model
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_network(config).eval()
        for key, buffer in model.named_buffers():
            if key.endswith(("running_mean", "running_var")):
                buffer.copy_(torch.rand(buffer.shape) + 0.5)
    return LoadedModel(model, config, MASS13K)


class Dense(nn.Module):
    """A network of the least kind: one convolution, whose map fits no stride."""

    def __init__(self, classes):
        super().__init__()
        self.mix = nn.Conv2d(3, classes, 3, stride=2)

    def forward(self, images):
        return self.mix(images)


@pytest.fixture
def own_network(monkeypatch):
    def build(config):
        return Peer(nn.Identity(), Dense(config.classes))

    monkeypatch.setitem(peers.BUILDERS, "mine", build)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = load_config("tiny", ["model.network=mine"]).model
        yield LoadedModel(build_network(config).eval(), config, MASS13K)


@needs_transformers
def test_the_networks_have_the_parameters_of_the_originals():
    counts = {}
    for name in peer_names():
        with torch.device("meta"):
            model = build_network(load_config("massformer", model=f"peer:{name}").model)
        counts[name] = sum(
            each.numel() for key, each in model.named_parameters() if "auxiliary" not in key
        )
    assert counts == {
        "mask2former-r18": 12_992_520,
        "mask2former-r50": 44_004_616,
        "maskformer-r50": 41_271_112,
        "upernet-r50": 64_025_159,
    }


@pytest.fixture
def transformers():
    """Give the library as it is after the first use: then it puts itself into sys.modules anew."""
    import transformers

    assert transformers.Mask2FormerForUniversalSegmentation
    return sys.modules["transformers"]


@pytest.mark.parametrize("name", PEERS)
def test_a_head_says_what_the_whole_network_says(name, transformers, monkeypatch):
    kinds = {
        "mask2former": "Mask2FormerForUniversalSegmentation",
        "maskformer": "MaskFormerForInstanceSegmentation",
        "upernet": "UperNetForSemanticSegmentation",
    }
    kind = kinds[load_config("tiny", model=name).model.network]
    built, real = [], getattr(transformers, kind)
    monkeypatch.setattr(transformers, kind, lambda config: built.append(real(config)) or built[-1])
    peer = tiny_peer(name, "model.layers=2").model
    (whole,) = built
    features = tuple(
        torch.randn(2, 8 * 2**level, side, side + 1) for level, side in enumerate(NO_IMAGE_IS_ALIKE)
    )
    maps = SimpleNamespace(feature_maps=features, hidden_states=None, attentions=None)
    backbone = nn.Module()
    backbone.forward = backbone.forward_with_filtered_kwargs = lambda images, **rest: maps
    with torch.no_grad():
        said = peer.head(features)
        if kind.startswith("UperNet"):
            whole.backbone = backbone
            theirs = whole.eval()(torch.zeros(2, 3, 20, 24)).logits
            ours = F.interpolate(said["logits"], (20, 24), mode="bilinear")
            assert torch.allclose(theirs, ours, atol=1e-6)
            return
        whole.model.pixel_level_module.encoder = backbone
        theirs = whole.eval()(torch.zeros(2, 3, 20, 24))
    assert torch.allclose(theirs.class_queries_logits, said["class_logits"][-1], atol=1e-6)
    assert torch.allclose(theirs.masks_queries_logits, said["mask_logits"][-1], atol=1e-6)
    assert len(said["class_logits"]) == len(said["mask_logits"]) >= 2


@needs_transformers
def test_the_loss_without_reweighting_is_that_of_mask2former(transformers, monkeypatch):
    built, real = [], transformers.Mask2FormerForUniversalSegmentation
    monkeypatch.setattr(
        transformers,
        "Mask2FormerForUniversalSegmentation",
        lambda config: built.append(real(config)) or built[-1],
    )
    config = load_config("tiny", TINY, "peer:mask2former-r18")
    build_network(config.model)
    (theirs,) = built
    label_maps = torch.randint(0, 4, (2, 8, 8)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    label_maps = label_maps.byte()
    class_logits, mask_logits = torch.randn(2, 8, 8), torch.randn(2, 8, 16, 16)
    present = [label_map.unique().long() for label_map in label_maps]
    masks = [
        (label_map == classes[:, None, None]).float()
        for label_map, classes in zip(label_maps, present, strict=True)
    ]
    torch.manual_seed(1)
    wanted = theirs.get_loss_dict(mask_logits, class_logits, masks, present, None)

    def draw(rows, count):
        return torch.rand(rows, count, 2)

    settings = LossConfig(reweight=config.loss.reweight)
    criterion = Criterion(settings, torch.zeros(7), draw)
    said = {"class_logits": (class_logits,), "mask_logits": (mask_logits,), "edge_logits": None}
    torch.manual_seed(1)
    found = criterion(said, label_maps, torch.zeros_like(label_maps))
    pairs = {"class": "loss_cross_entropy", "mask": "loss_mask", "dice": "loss_dice"}
    for name, their_name in pairs.items():
        assert float(found[name]) == pytest.approx(float(wanted[their_name]), rel=1e-5)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_is_trained_scored_and_predicts_from_the_shell(name, tiny_dataset, tmp_path):
    run, shell = tmp_path / "run", CliRunner()
    sets = [*TINY, f"data.root={tiny_dataset}", "train.steps=2", "train.panels=1"]
    words = ["tiny", "--model", name, *(f"--set={each}" for each in sets), "--device=cpu"]
    done = shell.invoke(train_command, [*words, "--out", str(run)])
    assert done.exit_code == 0, done.output
    network = load_config(str(run / "config.toml")).model.network
    assert name.startswith(f"peer:{network}")

    done = shell.invoke(
        evaluate_command, [str(run / "last"), str(tiny_dataset), "--workers=0", "--json"]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["images"] == 2

    out = tmp_path / "predictions"
    done = shell.invoke(
        predict_command, [str(run / "last"), str(tiny_dataset), "--split=test", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert len(list(out.rglob("*.png"))) == 1


@needs_transformers
def test_a_run_with_dropout_goes_on_to_the_bit(tiny_dataset):
    sets = [*TINY, f"data.root={tiny_dataset}", "train.ema=0.9"]
    config = load_config("tiny", sets, "peer:maskformer-r50")
    source = open_split(config.data, "train")
    unbroken, first = build_run(config, source, ALONE), build_run(config, source, ALONE)
    dropout = unbroken.model.head.mask_decoder.decoder.dropout
    assert dropout > 0
    for _ in range(3):
        unbroken.advance()
    first.advance()
    second = build_run(config, source, ALONE)
    second.model.load_state_dict(first.model.state_dict())
    second.go_on_from(first.state())
    torch.manual_seed(99)
    for _ in range(2):
        second.advance()
    assert torch.equal(weights(unbroken), weights(second))


@pytest.mark.parametrize("name", PEERS)
def test_strips_are_those_of_the_whole(name):
    loaded = tiny_peer(name)
    images = torch.randn(1, 3, 75, 98)
    with torch.no_grad():
        decoded = decode(loaded.model, images)
        strips = [
            strip_of(loaded.model, decoded, slice(top, min(top + 14, 75))).values
            for top in range(0, 75, 14)
        ]
        said = loaded.model(images)
    found = torch.cat(strips, dim=1)
    maps = said["logits"] if "logits" in said else said["mask_logits"][-1]
    full = F.interpolate(maps, scale_factor=4, mode="bilinear", align_corners=False)
    full = full[:, :, :75, :98]
    if "logits" in said:
        whole = full.softmax(1)[0]
    else:
        classes = said["class_logits"][-1].softmax(-1)[..., :-1]
        whole = torch.einsum("bqk,bqhw->bkhw", classes, full.sigmoid())[0]
    assert found.shape == (7, 75, 98)
    assert torch.allclose(found, whole, atol=1e-5)


@pytest.mark.parametrize("name", PEERS)
def test_a_network_as_a_folder_is_the_same_network(name, tmp_path):
    loaded = tiny_peer(name)
    save_model(tmp_path / "network", loaded)
    again = load_model(tmp_path / "network")
    image = photo(60, 100)  # below the least side, which is filled up
    before, after = (Predictor(each).predict(image).label_map for each in (loaded, again))
    assert again.config == loaded.config
    assert before.shape == (60, 100)
    assert np.array_equal(before, after)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_holds_no_more_than_foreseen(name, monkeypatch):
    monkeypatch.setattr(budget, "WHOLE_STRIPS_BYTES", 0)
    config = load_config("tiny", model=name).model
    model = build_network(config).eval()
    held = Held(model.state_dict().values())
    with torch.no_grad(), held:
        decode(model, torch.zeros(1, 3, 128, 160))
    foreseen = demand(model=config).forward_bytes(128 * 160)
    assert 0.6 * foreseen < held.most < 1.05 * foreseen


@needs_transformers
def test_multiply_adds_are_those_of_the_paper_s_table():
    config = load_config("massformer", model="peer:mask2former-r50").model
    counted = sum(macs.total for macs in count_macs(config, (4096, 4096)).values())
    assert counted == pytest.approx(4155e9, rel=0.01)  # printed for MPFormer, the same network


@needs_transformers
def test_norms_and_embeddings_of_peers_do_not_decay_and_backbones_learn_slowly():
    model = tiny_peer("peer:mask2former-r18").model
    optimiser = build_optimiser(model, TrainConfig(), samples=16)
    backbone, rest, plain = ({id(each) for each in g["params"]} for g in optimiser.param_groups)
    parameters = {key: each for key, each in model.named_parameters() if each.requires_grad}
    assert backbone == {id(parameters[key]) for key in parameters if key.startswith("backbone.")}
    assert id(parameters["head.mask_decoder.queries_embedder.weight"]) in plain
    assert id(parameters["head.mask_decoder.decoder.layernorm.bias"]) in plain
    assert id(parameters["head.class_embed.weight"]) in rest
    assert optimiser.param_groups[0]["peak_lr"] == pytest.approx(3e-5)


@needs_transformers
def test_what_the_release_does_alone_is_refused_for_others(tmp_path):
    loaded = tiny_peer("peer:upernet-r50")
    with pytest.raises(DatasetError, match="export is for massformer alone"):
        Deployed(loaded)
    with pytest.raises(DatasetError, match="the released code is for massformer alone"):
        released_table(loaded)
    with pytest.raises(DatasetError, match="no edge head"):
        Predictor(loaded).predict(photo(64, 64), Wanted(edges=True))


@needs_transformers
def test_a_width_that_does_not_fit_is_said_before_anything_is_built():
    with pytest.raises(DatasetError, match="model.width is 40, expected a multiple of 32"):
        tiny_peer("peer:mask2former-r18", "model.width=40")


def test_without_transformers_a_peer_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "transformers", None)
    for network in ("mask2former", "maskformer", "upernet"):
        with pytest.raises(DatasetError, match=r"pip install 'mass13k\[peers\]'"):
            build_network(load_config("tiny", [f"model.network={network}"]).model)


def test_names_of_no_network_are_refused_with_those_that_are_known(tmp_path, own_network):
    with pytest.raises(DatasetError, match="no network 'peer:vgg', expected peer:mask2former-r18"):
        load_config("tiny", model="peer:vgg")
    save_model(tmp_path / "network", own_network)
    peers.BUILDERS.pop("mine")
    with pytest.raises(DatasetError, match=r"'mine', expected one of massformer, mask2former, "):
        load_model(tmp_path / "network")


def test_a_peer_keeps_the_classes_and_all_but_the_network_of_a_preset(tmp_path):
    preset = tmp_path / "my.toml"
    preset.write_text("[model]\nclasses = 3\nwidth = 8\n[loss]\npoints = 9\n[train]\nsteps = 5\n")
    config = load_config(str(preset), ["model.layers=2"], "peer:mask2former-r18")
    assert (config.model.classes, config.model.width, config.model.layers) == (3, 128, 2)
    assert (config.loss.points, config.loss.reweight, config.train.steps) == (9, "off", 5)


def test_a_network_of_one_s_own_is_trained_and_kept(own_network, tiny_dataset, tmp_path):
    sets = [*TINY, f"data.root={tiny_dataset}", "train.lr=0.1", "model.network=mine"]
    config = load_config("tiny", sets)
    run = build_run(config, open_split(config.data, "train"), ALONE)
    losses = [run.advance().losses for _ in range(4)]
    assert set(losses[0]) == {"pixel"}
    assert losses[-1]["pixel"] < losses[0]["pixel"]
    save_model(tmp_path / "mine", LoadedModel(run.model, config.model, MASS13K))
    image = photo(70, 90)
    kept = Predictor(load_model(tmp_path / "mine")).predict(image).label_map
    assert np.array_equal(
        kept, Predictor(LoadedModel(run.model, config.model, MASS13K)).predict(image).label_map
    )


def test_a_map_without_a_stride_is_enlarged_to_the_image(own_network):
    images = torch.randn(1, 3, 71, 90)  # the map has 35x44 pixels, no stride gives that
    with torch.no_grad():
        decoded = decode(own_network.model, images)
        found = strip_of(own_network.model, decoded, slice(10, 30)).values
        logits = own_network.model(images)["logits"]
    whole = F.interpolate(logits, (71, 90), mode="bilinear", align_corners=False)
    assert torch.allclose(found, whole.softmax(1)[0, :, 10:30], atol=1e-5)


def test_tiles_of_a_dense_network_are_blended(own_network):
    predictor = Predictor(own_network, Settings(tile_px=64))
    image = photo(100, 150)
    assert predictor.grid((100, 150)).tiles > 1
    assert predictor.predict(image).label_map.shape == (100, 150)


def test_ignored_pixels_count_nothing_in_the_loss_of_pixels():
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    label_maps = torch.randint(0, 3, (2, 8, 8), dtype=torch.uint8)
    label_maps[:, :3] = 255
    said = {"logits": logits, "auxiliary_logits": (logits,)}
    losses = {name: loss.detach() for name, loss in pixel_losses(said, label_maps).items()}
    full = F.interpolate(logits.detach(), (8, 8), mode="bilinear")
    known = label_maps != 255
    wanted = F.cross_entropy(full.permute(0, 2, 3, 1)[known], label_maps[known].long())
    assert float(losses["pixel"]) == pytest.approx(float(wanted), rel=1e-5)
    assert float(losses["0.pixel"]) == pytest.approx(0.4 * float(wanted), rel=1e-5)
    nothing = pixel_losses(said, torch.full_like(label_maps, 255))
    assert float(nothing["pixel"].detach()) == 0


def test_a_name_of_mmsegmentation_says_how_to_make_it_known():
    with pytest.raises(DatasetError, match=r"'mmseg:fcn', .*; pass its --mmseg CONFIG.py"):
        build_network(load_config("tiny", ["model.network=mmseg:fcn"]).model)


@pytest.mark.filterwarnings("default")  # of 2023, and full of what is deprecated since
@pytest.mark.skipif(find_spec("mmseg") is None, reason="mmsegmentation is missing")
def test_a_network_of_mmsegmentation_is_trained_and_scored(tiny_dataset, tmp_path):
    config, run, shell = tmp_path / "fcn.py", tmp_path / "run", CliRunner()
    config.write_text(MMSEG_CONFIG)
    sets = [*TINY, f"data.root={tiny_dataset}", "train.steps=2", "data.batch_size=2"]
    words = ["tiny", f"--mmseg={config}", *(f"--set={each}" for each in sets), "--device=cpu"]
    done = shell.invoke(train_command, [*words, "--out", str(run)])
    assert done.exit_code == 0, done.output
    words = [str(run / "last"), str(tiny_dataset), f"--mmseg={config}", "--workers=0", "--json"]
    done = shell.invoke(evaluate_command, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["images"] == 2


def test_a_backbone_that_is_not_ours_takes_no_weights_of_imagenet(own_network, tiny_dataset):
    sets = [*TINY, f"data.root={tiny_dataset}", "model.network=mine", "train.pretrained=imagenet"]
    config = load_config("tiny", sets)
    with pytest.raises(DatasetError, match="a backbone of its own"):
        build_run(config, open_split(config.data, "train"), ALONE)
