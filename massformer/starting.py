"""Training that starts from a whole network: one of an earlier run, or the authors', converted."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from mass13k_tools.classes import SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.printing import toml_value
from massformer.checkpoint import load_model
from massformer.config import ModelConfig, settings
from massformer.model import MassFormer
from massformer.peers import Network
from massformer.weights import fill

CLASS_ROWS = ("mask_decoder.class_embed.weight", "mask_decoder.class_embed.bias")


def start_from(path: Path, model: Network, config: ModelConfig, taxonomy: Taxonomy) -> None:
    """Give a network the weights of another one of the same make.

    Its classes may be others: a class takes the weights of the one of its name or of a common
    alias, "no object" those of "no object", and a class that the other network does not know keeps
    its fresh ones. All else does not depend on the classes.

    Args:
        path: Folder or training checkpoint of the other network.
        model: With fresh weights, which are replaced.
        config: Of the model.
        taxonomy: Of the model; its class number k is that of output k.

    Raises:
        DatasetError: The other network cannot be read, is of another make, or has other classes and
            is none of ours.
    """
    start = load_model(path)
    other = dict(settings(replace(start.config, classes=config.classes)))
    for name, value in settings(config):
        if other[name] != value:
            its = toml_value(other[name])
            raise DatasetError(
                f"train.start: the network '{path}' has model.{name} = {its}, expected "
                f"{toml_value(value)}; pass --set model.{name}={its}"
            )
    known, wanted = start.taxonomy.classes, taxonomy.classes
    rows = [_row_of(row, known) for row in wanted]
    tensors = start.model.state_dict()
    if rows != [*range(len(known))]:
        if not isinstance(model, MassFormer):
            raise DatasetError(
                f"train.start: the network '{path}' has the classes {_names(known)}, expected "
                f"{_names(wanted)}; only massformer's may be others"
            )
        fresh = model.state_dict()
        for key in CLASS_ROWS:
            tensors[key] = _by_class(tensors[key], fresh[key], rows)
    fill(model, tensors, f"'{path}'")


def _row_of(wanted: SemanticClass, known: Sequence[SemanticClass]) -> int | None:
    """Say which of the known classes is the wanted one, by its very name or else by any it has."""
    names = [row.name for row in known]
    if wanted.name in names:
        return names.index(wanted.name)
    return next((index for index, row in enumerate(known) if wanted.called & row.called), None)


def _names(classes: Sequence[SemanticClass]) -> str:
    return ", ".join(row.name for row in classes)


def _by_class(start: Tensor, fresh: Tensor, rows: Sequence[int | None]) -> Tensor:
    """Take rows (K + 1, …) of the classes that both know; the last row is "no object"."""
    taken = fresh.clone()
    for index, row in enumerate(rows):
        if row is not None:
            taken[index] = start[row]
    taken[-1] = start[-1]
    return taken
