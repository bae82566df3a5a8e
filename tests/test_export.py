"""A network as one graph: the same results as the network, for any size and number of images."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from click.testing import CliRunner

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from massformer import deployment
from massformer.checkpoint import CLASSES, SETTINGS, LoadedModel, save_model
from massformer.config import load_config
from massformer.deployment import (
    FORMATS,
    Deployed,
    Graph,
    difference,
    onnx_bytes,
    onnx_graph,
    pt2_bytes,
    traced,
)
from massformer.export import export
from massformer.model import build_model

SIZES_HW = [(64, 64), (65, 97), (256, 256), (80, 333)]


# Tracing takes seconds for every deformable convolution: only those of EGF are left
FEWER_PARTS = ("model.cst=false", "model.rfb=false", "model.lse=false")
pytestmark = pytest.mark.xdist_group("export")  # one worker makes the graphs for all


def loaded_network(*overrides: str) -> LoadedModel:
    torch.manual_seed(0)
    config = load_config("tiny", ["model.layers=1", "model.queries=11", *overrides]).model
    return LoadedModel(build_model(config).eval(), config, MASS13K)


@pytest.fixture(
    scope="module",
    params=[FEWER_PARTS, pytest.param((), marks=pytest.mark.slow)],
    ids=["some parts", "all parts"],
)
def network(request: pytest.FixtureRequest) -> LoadedModel:
    return loaded_network(*request.param)


@pytest.fixture(scope="module")
def deployed(network: LoadedModel) -> Deployed:
    return Deployed(network, scores=True)


@pytest.fixture(scope="module")
def contents(deployed: Deployed) -> dict[str, bytes]:
    program = traced(deployed)
    return {".pt2": pt2_bytes(program, deployed), ".onnx": onnx_bytes(program, deployed)}


@pytest.fixture(scope="module", params=[".pt2", ".onnx"])
def graph(request: pytest.FixtureRequest, contents: dict[str, bytes]) -> Graph:
    _, to_graph = FORMATS[request.param]
    return to_graph(contents[request.param])


@pytest.mark.parametrize("size_hw", SIZES_HW)
def test_a_graph_gives_what_the_network_gives_at_any_size(graph, deployed, size_hw):
    found = difference(graph, deployed, size_hw)
    assert found.label_share <= 0.001
    assert found.apart < 1e-5


def test_a_graph_takes_any_number_of_images(graph, deployed):
    images = torch.randint(0, 256, (3, 3, 64, 70), dtype=torch.uint8)
    label_maps, edges, scores = graph(images)
    assert label_maps.dtype == torch.uint8 and label_maps.shape == (3, 64, 70)
    assert edges.shape == (3, 64, 70) and scores.shape == (3, 7, 64, 70)
    for number, image in enumerate(images):
        alone = graph(image[None])
        torch.testing.assert_close(alone[2][0], scores[number], atol=1e-5, rtol=0)
        assert (alone[0][0] != label_maps[number]).float().mean() <= 0.001


def test_label_maps_are_the_largest_score_and_hold_ids_of_the_taxonomy(deployed):
    label_map, _, scores = deployed(torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8))
    assert torch.equal(deployed.ids[scores.argmax(1)], label_map)


def test_a_graph_names_what_goes_in_and_comes_out_and_knows_its_classes(contents):
    import onnxruntime

    session = onnxruntime.InferenceSession(contents[".onnx"], providers=["CPUExecutionProvider"])
    (images,) = session.get_inputs()
    assert (images.name, images.shape) == ("images", ["batch", 3, "height", "width"])
    named = [(each.name, each.shape) for each in session.get_outputs()]
    assert named == [
        ("label_map", ["batch", "height", "width"]),
        ("edges", ["batch", "height", "width"]),
        ("scores", ["batch", 7, "height", "width"]),
    ]
    notes = session.get_modelmeta().custom_metadata_map
    assert "[model]" in notes[SETTINGS] and "sky" in notes[CLASSES]


def test_the_notes_of_a_torch_graph_lie_in_its_archive(contents):
    with ZipFile(BytesIO(contents[".pt2"])) as archive:
        notes = {Path(name).name: archive.read(name) for name in archive.namelist()}
    assert b"[model]" in notes[SETTINGS] and b"sky" in notes[CLASSES]


@pytest.fixture(scope="module")
def folder(network: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "net"
    save_model(path, network)
    return path


def test_the_command_writes_a_graph_and_says_how_far_it_is_from_the_network(
    folder, contents, tmp_path, monkeypatch
):
    # The graph is made once for all tests
    monkeypatch.setattr(deployment, "traced", lambda _: None)
    monkeypatch.setitem(FORMATS, ".onnx", (lambda *_: contents[".onnx"], onnx_graph))
    out = tmp_path / "net.onnx"
    result = CliRunner().invoke(export, [str(folder), "--out", str(out), "--scores"])
    assert result.exit_code == 0, result.output
    assert "at 203x331 0.0" in result.output
    assert out.read_bytes() == contents[".onnx"]


def test_a_graph_that_is_not_the_network_is_not_written(folder, tmp_path, monkeypatch):
    def other_graph(_: bytes) -> Graph:
        return lambda images: [
            torch.zeros(1, *images.shape[2:], dtype=torch.uint8),
            torch.zeros(1, *images.shape[2:]),
        ]

    monkeypatch.setattr(deployment, "traced", lambda _: None)
    monkeypatch.setitem(FORMATS, ".pt2", (lambda *_: b"graph", other_graph))
    result = CliRunner().invoke(export, [str(folder), "--out", str(tmp_path / "net.pt2")])
    assert result.exit_code == 1
    assert "the graph is not the network" in result.output
    assert not (tmp_path / "net.pt2").exists()


def test_what_a_graph_does_not_give_is_not_said_to_be_equal():
    deployed = Deployed(loaded_network("model.egf=false"))
    found = difference(lambda images: [deployed(images)[0]], deployed, (64, 64))
    assert found == (0.0, None)


@pytest.mark.parametrize(
    ("name", "said"),
    [("net.tflite", "ends in '.tflite', expected .onnx or .pt2"), ("old.onnx", "--overwrite")],
)
def test_mistakes_are_said_before_anything_is_traced(folder, tmp_path, monkeypatch, name, said):
    monkeypatch.setattr(deployment, "traced", lambda _: pytest.fail("traced"))
    (tmp_path / "old.onnx").write_bytes(b"mine")
    result = CliRunner().invoke(export, [str(folder), "--out", str(tmp_path / name)])
    assert result.exit_code == 1
    assert said in result.output
    assert (tmp_path / "old.onnx").read_bytes() == b"mine"


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(deployment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetError, match=r"onnx, which is not installed.*mass13k\[export\]"):
        deployment.check_installed(".onnx")
    deployment.check_installed(".pt2")
