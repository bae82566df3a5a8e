"""ImageNet weights: from a file, from PyTorch's folder, or fetched once; here from the disk."""

import hashlib

import pytest
import torch

from mass13k_tools.errors import DatasetError
from massformer import pretrained
from massformer.backbone import ResNet
from massformer.pretrained import FILES, cached_file, load_pretrained

WIDTH = 8  # of the stand-ins for torchvision's networks


def state(depth=18, *, tracked=True):
    """Give the tensors of a torchvision file: a backbone of other weights, and a classifier."""
    with torch.random.fork_rng():
        torch.manual_seed(depth)
        backbone = ResNet(depth, WIDTH)
        classifier = torch.rand(1000, backbone.out_channels[-1]), torch.rand(1000)
        tensors = {
            key: torch.rand(own.shape) if own.shape else own
            for key, own in backbone.state_dict().items()
        }
    if not tracked:
        tensors = {key: t for key, t in tensors.items() if "num_batches_tracked" not in key}
    return tensors | dict(zip(("fc.weight", "fc.bias"), classifier, strict=True))


def same(backbone, tensors):
    found = backbone.state_dict()
    return all(torch.equal(found[key], t) for key, t in tensors.items() if key[:2] != "fc")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder in the place of PyTorch's server, with a file named by its checksum."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    folder = tmp_path / "server"
    folder.mkdir()
    torch.save(state(), folder / "file")
    digest = hashlib.sha256((folder / "file").read_bytes()).hexdigest()
    name = f"resnet18-{digest[:8]}.pth"
    (folder / "file").rename(folder / name)
    monkeypatch.setattr(pretrained, "SOURCE", f"{folder.as_uri()}/")
    monkeypatch.setitem(FILES, "resnet18", name)
    monkeypatch.setattr(pretrained, "WIDTH", WIDTH)
    return folder


def test_the_names_carry_the_published_checksums():
    assert FILES == {"resnet18": "resnet18-f37072fd.pth", "resnet50": "resnet50-0676ba61.pth"}
    assert pretrained.SOURCE == "https://download.pytorch.org/models/"


@pytest.mark.parametrize(("depth", "name"), [(18, "resnet18"), (50, "resnet50")])
@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("tracked", [True, False])
def test_a_file_of_torchvisions_layout_is_read(tmp_path, depth, name, new_format, tracked):
    tensors = state(depth, tracked=tracked)
    path = tmp_path / "own.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=new_format)
    backbone = ResNet(depth, WIDTH)
    load_pretrained(backbone, name, path)
    assert same(backbone, tensors)
    assert not backbone.bn1.weight.requires_grad and backbone.conv1.weight.requires_grad


def test_weights_are_fetched_once(server, tmp_path, caplog):
    backbone = ResNet(18, WIDTH)
    load_pretrained(backbone, "resnet18")
    assert same(backbone, state())
    cached = tmp_path / "home" / "hub" / "checkpoints" / FILES["resnet18"]
    assert list(cached.parent.iterdir()) == [cached]
    assert [record.message for record in caplog.records] == [
        f"fetching {server.as_uri()}/{cached.name}, once"
    ]
    (server / cached.name).unlink()
    load_pretrained(ResNet(18, WIDTH), "resnet18")
    assert cached_file("resnet18") == cached


def test_without_network_a_line_says_what_to_fetch_and_where_to_put_it(server, tmp_path):
    name = FILES["resnet18"]
    (server / name).unlink()
    with pytest.raises(DatasetError) as error:
        load_pretrained(ResNet(18, WIDTH), "resnet18")
    line = str(error.value)
    assert f"fetch {server.as_uri()}/{name} on another machine" in line
    assert f"put it at '{tmp_path}/home/hub/checkpoints/{name}'" in line
    assert "\n" not in line


def test_something_else_than_was_asked_for_is_not_kept(server, tmp_path):
    (server / FILES["resnet18"]).write_bytes(b"<html>Please log in</html>")
    with pytest.raises(DatasetError, match=r"has the checksum .{8}, expected .{8}; .* a proxy"):
        load_pretrained(ResNet(18, WIDTH), "resnet18")
    assert not (tmp_path / "home").exists()


def test_a_damaged_file_is_noticed_wherever_it_lies(server, tmp_path):
    load_pretrained(ResNet(18, WIDTH), "resnet18")
    cached = cached_file("resnet18")
    cached.write_bytes(cached.read_bytes()[:-1])
    for path in (None, cached):
        with pytest.raises(DatasetError, match="has the checksum .*; delete it and fetch it again"):
            load_pretrained(ResNet(18, WIDTH), "resnet18", path)


def test_there_are_no_weights_for_other_widths_and_depths(server, tmp_path):
    with pytest.raises(DatasetError, match="are 8 channels wide, model.backbone_width is 16"):
        load_pretrained(ResNet(18, 16), "resnet18")
    with pytest.raises(DatasetError, match="known for 'resnet34', only for resnet18 and resnet50"):
        load_pretrained(ResNet(18, WIDTH), "resnet34")
    torch.save(state(50), tmp_path / "other.pth")
    with pytest.raises(DatasetError, match=r"other\.pth' do not fit .* unexpected \(layer1"):
        load_pretrained(ResNet(18, WIDTH), "resnet18", tmp_path / "other.pth")
