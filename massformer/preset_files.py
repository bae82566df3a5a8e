"""Files of settings: the presets that come with the package, networks of others, and your own."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes

PEER = "peer:"  # what the name of a network of others begins with on the command line
SUFFIX = ".toml"


def preset_names() -> list[str]:
    """List the presets that come with the package."""
    return _names_in(_presets())


def peer_names() -> list[str]:
    """List the networks of others whose settings come with the package."""
    return _names_in(_presets() / "peers")


def read_table(preset: str) -> dict[str, Any]:
    """Read settings as nested tables.

    Args:
        preset: Name of a preset, or path of a TOML file.

    Raises:
        DatasetError: Neither preset nor file, or not TOML.
    """
    try:
        if preset in preset_names():
            return _table_of(_presets() / f"{preset}{SUFFIX}")
        if not preset.endswith(SUFFIX):
            known = ", ".join(preset_names())
            raise DatasetError(f"no preset '{preset}', expected {known}, or the path of a .toml")
        return tomllib.loads(read_bytes(Path(preset), kind="settings").decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"settings '{preset}': {error}") from error


def with_peer(table: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Put a network of others in the place of a preset's.

    Args:
        table: Settings as nested tables. Of its section ``model`` only the number of classes stays.
        model: Such as ``"peer:mask2former-r50"``.

    Raises:
        DatasetError: There is no such network.
    """
    name = model.removeprefix(PEER)
    if not model.startswith(PEER) or name not in peer_names():
        known = ", ".join(PEER + each for each in peer_names())
        raise DatasetError(f"no network '{model}', expected {known}")
    peer = _table_of(_presets() / "peers" / f"{name}{SUFFIX}")
    old = table.get("model", {})
    classes = {"classes": old["classes"]} if "classes" in old else {}
    others = {section: {**table.get(section, {}), **peer[section]} for section in peer}
    return {**table, **others, "model": peer["model"] | classes}


def _presets() -> Traversable:
    return resources.files("massformer") / "presets"


def _names_in(folder: Traversable) -> list[str]:
    names = (file.name for file in folder.iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def _table_of(file: Traversable) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))
