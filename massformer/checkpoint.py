"""Networks as files: one format, written and read by everything here.

A folder holds ``model.safetensors``, ``config.toml`` (the network's settings; it also does as a
preset) and ``classes.toml`` (which class each of the network's outputs is, in this order). A
training checkpoint is one ``.pt`` file of the same content, to which training adds its settings and
what it needs to go on:
``{"format": "massformer/1", "config": tables, "classes": TOML, "model": tensors, …}``.

Of settings only the section ``model`` is read, and of that every name: whoever only predicts need
not know how a network was trained.
"""

import io
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.outputs import write_file, write_files, write_folder
from mass13k_tools.taxonomy_file import read_taxonomy, taxonomy_from_table, taxonomy_toml
from massformer.config import (
    ModelConfig,
    load_model_config,
    model_from_table,
    model_table,
    settings_toml,
)
from massformer.peers import LAYERED, Network, build_network
from massformer.released import is_released
from massformer.weights import fill, named_tensors, read_pickle, read_safetensors, state_dict_of

FORMAT = "massformer/1"
WEIGHTS, SETTINGS, CLASSES = "model.safetensors", "config.toml", "classes.toml"


class LoadedModel(NamedTuple):
    """A network and what is known of it."""

    model: Network
    config: ModelConfig
    taxonomy: Taxonomy
    """Its class number k is that of the network's output k."""


def load_model(path: Path) -> LoadedModel:
    """Read a network from a folder or a training checkpoint.

    Args:
        path: The folder, or the ``.pt`` file.

    Returns:
        The network on the CPU, float32, in evaluation mode.

    Raises:
        DatasetError: It is no checkpoint of ours, is damaged, or does not fit its own settings.
    """
    if path.is_dir():
        return _load_folder(path)
    if path.name in (WEIGHTS, SETTINGS, CLASSES):
        raise DatasetError(f"'{path}' is one of the files of a checkpoint, expected their folder")
    content = read_pickle(path)
    table = content if isinstance(content, Mapping) else {}
    if "format" not in table:
        raise _no_checkpoint(content, path)
    _check_format(table["format"], path)
    try:
        config = model_from_table(_entry(table, "config", dict))
        classes = tomllib.loads(_entry(table, "classes", str))
        taxonomy = taxonomy_from_table(classes, path.stem)
    except (DatasetError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DatasetError(f"checkpoint '{path}': {error}") from error
    return assemble(config, taxonomy, named_tensors(table.get("model"), path), f"'{path}'")


def files_of(path: Path) -> list[Path]:
    """Name the files of a network, whether they are there or not."""
    return [path / name for name in (WEIGHTS, SETTINGS, CLASSES)] if path.is_dir() else [path]


def save_model(
    folder: Path, loaded: LoadedModel, *, overwrite: bool = False, among_others: bool = False
) -> None:
    """Write a network as a folder, which appears as a whole.

    Args:
        folder: Where to.
        loaded: What to write; its tensors may be on any device.
        overwrite: Replace another network there.
        among_others: Where the folder also holds other files, leave them there, and replace the
            network file by file.

    Raises:
        DatasetError: Something else is there, or it cannot be written.
    """
    tensors = {key: tensor.contiguous() for key, tensor in _tensors(loaded).items()}
    contents = {
        WEIGHTS: safetensors.torch.save(tensors, metadata={"format": FORMAT}),
        SETTINGS: settings_toml(model_table(loaded.config)).encode(),
        CLASSES: taxonomy_toml(loaded.taxonomy).encode(),
    }
    if among_others and folder.is_dir() and {*folder.iterdir()} - {*files_of(folder)}:
        files = {folder / name: each for name, each in contents.items()}
        write_files(files, overwrite=overwrite, durable=True)
    else:
        write_folder(folder, contents, overwrite=overwrite, durable=True)


def checkpoint_table(loaded: LoadedModel) -> dict[str, Any]:
    """Give what a training checkpoint holds of its network; training adds entries of its own."""
    return {
        "format": FORMAT,
        "config": model_table(loaded.config),
        "classes": taxonomy_toml(loaded.taxonomy),
        "model": _tensors(loaded),
    }


def write_checkpoint(path: Path, table: Mapping[str, Any], *, overwrite: bool = False) -> None:
    """Write a file that :func:`massformer.weights.read_pickle` reads.

    Args:
        path: Where to.
        table: Only tensors, texts, numbers, None, and lists, tuples and dictionaries of them.
        overwrite: Replace a file that is there.
    """
    content = io.BytesIO()
    torch.save(dict(table), content)
    write_file(path, content.getvalue(), overwrite=overwrite, durable=True)


def assemble(
    config: ModelConfig, taxonomy: Taxonomy, tensors: Mapping[str, Tensor], source: str
) -> LoadedModel:
    """Put a network together.

    Args:
        config: Its settings.
        taxonomy: Its classes.
        tensors: All of its tensors, by our names.
        source: What they are from, for messages.

    Raises:
        DatasetError: They do not fit each other.
    """
    check_classes(config, taxonomy, source)
    layers = max(config.layers, config.encoder_layers)
    if config.network in LAYERED and layers > len(tensors):  # before as many layers are made
        raise DatasetError(f"{source} has {len(tensors)} tensors, too few for {layers} layers")
    try:
        model = unfilled_model(config)
    except DatasetError as error:
        raise DatasetError(f"network of {source}: {error}") from error
    fill(model, tensors, source)
    return LoadedModel(model.eval(), config, taxonomy)


def unfilled_model(config: ModelConfig) -> Network:
    """Build a network without values: it takes no memory, no time, and no random numbers."""
    with torch.device("meta"):
        return build_network(config)


def check_classes(config: ModelConfig, taxonomy: Taxonomy, source: str) -> None:
    """Make sure that a taxonomy has as many classes as a network.

    Raises:
        DatasetError: It has not.
    """
    if len(taxonomy.classes) != config.classes:
        raise DatasetError(
            f"the network of {source} has {config.classes} classes, but taxonomy "
            f"'{taxonomy.name}' has {len(taxonomy.classes)}"
        )


def _load_folder(folder: Path) -> LoadedModel:
    if missing := [file.name for file in files_of(folder) if not file.is_file()]:
        raise DatasetError(
            f"folder '{folder}' has no '{missing[0]}', expected {WEIGHTS}, {SETTINGS} and {CLASSES}"
        )
    tensors, notes = read_safetensors(folder / WEIGHTS)
    _check_format(notes.get("format"), folder / WEIGHTS)
    config = load_model_config(folder / SETTINGS)
    taxonomy = read_taxonomy(folder / CLASSES)
    return assemble(config, taxonomy, tensors, f"'{folder / WEIGHTS}'")


def _check_format(found: Any, path: Path) -> None:
    if not isinstance(found, str) or found != FORMAT:
        what = "no format" if found is None else f"format {found!r:.40}"
        raise DatasetError(f"'{path}' has {what}, expected '{FORMAT}'; a newer massformer may know")


def _entry(table: Mapping[str, Any], name: str, kind: type) -> Any:
    value = table.get(name)
    if type(value) is not kind:
        raise DatasetError(f"its '{name}' is {value!r:.40}, expected {kind.__name__}")
    return value


def _no_checkpoint(content: Any, path: Path) -> DatasetError:
    tensors = state_dict_of(content)
    if isinstance(tensors, Mapping) and is_released(map(str, tensors)):
        return DatasetError(
            f"'{path}' has the names of the released network; "
            f"'python -m massformer.convert {path} --out FOLDER' makes it readable"
        )
    keys = ", ".join(map(str, list(content)[:3])) if isinstance(content, Mapping) else "no table"
    return DatasetError(f"'{path}' is no checkpoint of massformer: it holds {keys:.120}")


def _tensors(loaded: LoadedModel) -> dict[str, Tensor]:
    return {key: tensor.cpu() for key, tensor in loaded.model.state_dict().items()}
