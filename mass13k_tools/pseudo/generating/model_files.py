"""Folders with networks of transformers, as the hub keeps them; nothing in them is ever run.

Only JSON, vocabularies and safetensors are read or fetched. Pickled weights, code beside them and
attention kernels from elsewhere are programs of strangers: they stay where they are.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import check_ordinary, read_bytes

FILES = ("*.json", "*.txt", "*.safetensors")
MOST_BYTES = 2**22  # of a JSON file with settings
EXTRA = "this needs transformers, which is not installed: pip install 'mass13k[sam]'"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A network in files."""

    name: str
    """Of the folder, or the hub's without the owner; short."""
    path: Path
    config: Mapping[str, Any]

    @property
    def model_type(self) -> str:
        """What kind of network it is, in transformers' word."""
        return str(self.config.get("model_type"))

    def digest(self) -> str:
        """Hash all files that are read, so that other weights of the same name are noticed."""
        total = hashlib.sha256()
        for path in _files(self.path):
            check_ordinary(path)
            with path.open("rb") as file:
                one = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{path.name} {one}\n".encode())
        return total.hexdigest()[:16]

    def image_settings(self) -> Mapping[str, Any]:
        """Read how images are prepared; empty where nothing is said."""
        for name in ("preprocessor_config.json", "processor_config.json"):
            if (self.path / name).exists():
                settings = _read_json(self.path / name)
                inner = settings.get("image_processor", settings)
                if isinstance(inner, Mapping):
                    return inner
        return {}


def model_folder(name: str) -> ModelFolder:
    """Find a network: in a folder of this machine, or on the hub, which keeps what was fetched.

    Args:
        name: Folder, or OWNER/NAME of the hub.

    Raises:
        DatasetError: It is neither, or it lacks files; the message says what to fetch.
    """
    folder = Path(name)
    here = bool(name) and folder.is_dir()
    if "://" in name or not (here or re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name)):
        raise DatasetError(
            f"no folder '{name}', expected one with config.json and model.safetensors, or a name "
            "of the Hugging Face hub such as facebook/sam2.1-hiera-large"
        )
    path = folder if here else _fetched(name)
    if not (path / "config.json").exists():
        raise DatasetError(f"no config.json in '{path}', expected a network as transformers saves")
    if not any(path.glob("*.safetensors")):
        raise DatasetError(
            f"no *.safetensors in '{path}', expected model.safetensors; pickled weights (*.bin, "
            "*.pt, *.pth) can run programs and are never read: fetch the safetensors of the hub"
        )
    # a folder such as '.' has no name of its own
    short = path.resolve().name if here else name.rpartition("/")[2]
    return ModelFolder(short, path, _read_json(path / "config.json"))


def _fetched(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise DatasetError(EXTRA) from error
    try:
        return Path(snapshot_download(name, allow_patterns=[*FILES]))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        short = name.rpartition("/")[2]
        patterns = " ".join(f"--include '{pattern}'" for pattern in FILES)
        raise DatasetError(
            f"no network '{name}' on this machine, and the hub gives none "
            f"({type(error).__name__}); where there is a network connection, run: hf download "
            f"{name} {patterns} --local-dir {short}; then pass the folder {short} in place of the "
            "name"
        ) from error


def _files(folder: Path) -> list[Path]:
    return sorted(path for pattern in FILES for path in folder.glob(pattern))


def _read_json(path: Path) -> Mapping[str, Any]:
    check_ordinary(path)
    if path.stat().st_size <= MOST_BYTES:
        try:
            found = json.loads(read_bytes(path))
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
    raise DatasetError(f"'{path}' is damaged, expected a JSON object of settings")
