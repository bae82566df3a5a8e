"""Backbones that were trained on ImageNet: torchvision's files, fetched when first asked for.

They lie where torchvision itself keeps them, in the hub folder of PyTorch (``TORCH_HOME``), so a
machine that has one needs no network.
"""

import hashlib
import logging
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import torch

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.outputs import write_file
from massformer.backbone import ResNet
from massformer.config import Backbone
from massformer.weights import fill, foreign_tensors

log = logging.getLogger(__name__)

SOURCE = "https://download.pytorch.org/models/"
FILES: dict[Backbone, str] = {  # the end of a name is the begin of the file's SHA-256
    "resnet18": "resnet18-f37072fd.pth",
    "resnet50": "resnet50-0676ba61.pth",
}
WIDTH = 64  # channels of their stems
CLASSIFIER = ("fc.weight", "fc.bias")
TIMEOUT_S = 30


def load_pretrained(backbone: ResNet, name: Backbone, path: Path | None = None) -> None:
    """Give a backbone the weights that torchvision has for it.

    Args:
        backbone: May be on the device ``meta``; then it is on the CPU afterwards.
        name: Which one it is.
        path: A file of the same layout; None takes the one in PyTorch's folder, fetched if need be.

    Raises:
        DatasetError: There are no such weights, they cannot be had, or the file does not fit.
    """
    width = backbone.conv1.out_channels
    if path is None and width != WIDTH:
        raise DatasetError(
            f"ImageNet weights of {name} are {WIDTH} channels wide, model.backbone_width is "
            f"{width}; train it from scratch, or pass a file of your own"
        )
    if path is None:
        path = cached_file(name)
    if path.name in FILES.values():
        _check_digest(read_bytes(path, kind="weights"), path)
    tensors = foreign_tensors(path)
    found = {key: tensor for key, tensor in tensors.items() if key not in CLASSIFIER}
    for key in backbone.state_dict():
        if key.endswith(".num_batches_tracked"):  # which files before 2019 do not have
            found.setdefault(key, torch.tensor(0))
    fill(backbone, found, f"'{path}'")


def cached_file(name: Backbone) -> Path:
    """Give the file with the weights of a backbone, and fetch it if it is not there yet.

    Raises:
        DatasetError: It cannot be fetched; the message says where from, and where to put it.
    """
    if name not in FILES:
        known = " and ".join(FILES)
        raise DatasetError(f"no ImageNet weights are known for '{name}', only for {known}")
    path = Path(torch.hub.get_dir(), "checkpoints", FILES[name])
    if path.exists():
        return path
    url = SOURCE + FILES[name]
    log.warning("fetching %s, once", url)
    try:
        with urlopen(url, timeout=TIMEOUT_S) as reply:
            content = reply.read()
    except (OSError, HTTPException) as error:
        raise DatasetError(
            f"cannot fetch weights of {name} ({error}); fetch {url} on another machine and put it "
            f"at '{path}', or pass its path"
        ) from error
    _check_digest(content, path, found=url)
    write_file(path, content)
    return path


def _check_digest(content: bytes, path: Path, found: str = "") -> None:
    """Compare content with the checksum in the name of its file.

    Raises:
        DatasetError: They differ.
    """
    digest = hashlib.sha256(content).hexdigest()
    expected = path.stem.rpartition("-")[2]
    if not digest.startswith(expected):
        advice = "a page of a proxy?" if found else "delete it and fetch it again"
        raise DatasetError(
            f"'{found or path}' has the checksum {digest[: len(expected)]}, expected {expected}; "
            f"it is damaged or something else; {advice}"
        )
