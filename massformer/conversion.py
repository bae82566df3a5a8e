"""Checkpoints of the released code: read with the same care as ours, and written."""

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from massformer.checkpoint import LoadedModel, assemble, unfilled_model
from massformer.config import ModelConfig
from massformer.peers import only_ours
from massformer.released import LEFT_OUT, is_released, our_name, released_config, released_name
from massformer.weights import Difference, compare, foreign_tensors


class ReleasedModel(NamedTuple):
    """What a released checkpoint holds."""

    config: ModelConfig
    tensors: dict[str, Tensor]
    """The network's, by their released names."""
    left_out: tuple[str, ...]
    """Tensors beside the network."""
    differences: list[Difference]
    """Where they are not those of the network that their shapes speak of."""


def read_released(path: Path) -> ReleasedModel:
    """Read a checkpoint of the released code, and hold it against the network it should be.

    Raises:
        DatasetError: It cannot be read, or is nothing like the released network.
    """
    if path.is_dir():
        raise DatasetError(f"'{path}' is a folder, expected a file; ours need no conversion")
    found = foreign_tensors(path)
    tensors = {key: tensor for key, tensor in found.items() if not key.startswith(LEFT_OUT)}
    if not is_released(tensors):
        raise DatasetError(
            f"'{path}' has no names of the released network, such as "
            "decode_head.query_feat.weight; checkpoints of massformer need no conversion"
        )
    try:
        config = released_config(tensors)
    except DatasetError as error:
        raise DatasetError(f"'{path}' is not the released network: {error}") from error
    wanted = unfilled_model(config).state_dict()
    differences = compare(tensors, {released_name(key): wanted[key] for key in wanted})
    return ReleasedModel(config, tensors, tuple(sorted(set(found) - set(tensors))), differences)


def to_ours(released: ReleasedModel, taxonomy: Taxonomy, source: str) -> LoadedModel:
    """Make a network of a released checkpoint.

    Args:
        released: Without differences.
        taxonomy: Its classes.
        source: What it is from, for messages.

    Raises:
        DatasetError: Its values are not finite, or the classes do not fit.
    """
    tensors = {our_name(key): tensor for key, tensor in released.tensors.items()}
    return assemble(released.config, taxonomy, tensors, source)


def released_table(loaded: LoadedModel) -> dict[str, Any]:
    """Give a checkpoint that the released code reads: tensors by its names, classes, colours."""
    model = only_ours(loaded.model, "the released code")
    rows = loaded.taxonomy.classes
    classes = {"classes": [row.name for row in rows], "palette": [list(row.colour) for row in rows]}
    state = {released_name(key): tensor for key, tensor in model.state_dict().items()}
    return {"meta": {"dataset_meta": classes}, "state_dict": state}
