"""Tensors from files, and whether they fit a network.

Files come from strangers. Pickles are read by ``weights_only`` alone, so nothing in them runs; what
else training programs keep beside tensors becomes an empty object.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import check_ordinary

Problem = Literal["missing", "unexpected", "of another shape"]

ZIP = b"PK\x03\x04"  # how files of torch.save begin since 2020; older ones cannot be mapped
TENSORS = ("state_dict", "model")  # where other programs keep the tensors in a checkpoint
WRAPPERS = ("module.", "_orig_mod.")  # what parallel and compiled networks put before each name
NAMED = 3  # keys of each kind that a message names
# Kinds of objects that mmengine's checkpoints hold; none is ever built
FOREIGN = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    *("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"),
    *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    *("numpy.ndarray", "numpy.dtype", "builtins.getattr"),
)


class _Nothing:
    """What stands for a foreign object: takes everything, keeps and does nothing."""

    def __new__(cls, *arguments: Any) -> "_Nothing":
        return super().__new__(cls)

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class Difference(NamedTuple):
    """A tensor in which a file and a network differ; blank where one of them has none."""

    problem: Problem
    key: str
    found: str
    expected: str


def read_pickle(path: Path) -> Any:
    """Read a file of ``torch.save``; tensors stay on disk until they are used.

    Args:
        path: The file.

    Returns:
        What was saved, of which only tensors, texts, numbers and containers of them are left.

    Raises:
        DatasetError: It cannot be read, is damaged, or holds objects that could run code.
    """
    check_ordinary(path, kind="checkpoint")
    with path.open("rb") as file:
        mapped = file.read(len(ZIP)) == ZIP
    try:
        with (
            torch.serialization.safe_globals([(_Nothing, name) for name in FOREIGN]),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", UserWarning)  # of files that are refused right after
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # damaged pickles raise anything
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused is None:
            raise DatasetError(
                f"cannot read checkpoint '{path}': it is damaged, cut short or not by torch.save"
            ) from error
        raise DatasetError(
            f"'{path}' holds an object '{refused[1]}' beside tensors; such objects can run code, "
            "so nothing was read; ask its author for the state dict alone, or, if you trust it, "
            "run torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW_FILE)"
        ) from error


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and the texts that were kept with them.

    Raises:
        DatasetError: The file cannot be read or is damaged.
    """
    check_ordinary(path, kind="weights")
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}
            return tensors, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise DatasetError(f"cannot read weights '{path}': {error}") from error


def foreign_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of another program's checkpoint, by their names there.

    Args:
        path: A ``.safetensors`` file, or one of ``torch.save``: a state dict, or a checkpoint that
            has one.

    Raises:
        DatasetError: It cannot be read, or holds none.
    """
    if path.suffix == ".safetensors":
        return named_tensors(read_safetensors(path)[0], path)
    content = read_pickle(path)
    return named_tensors(state_dict_of(content), path)


def state_dict_of(content: Any) -> Any:
    """Find the tensors in another program's checkpoint: the whole of it, or an entry."""
    if isinstance(content, Mapping):
        for name in TENSORS:
            if isinstance(content.get(name), Mapping):
                return content[name]
    return content


def named_tensors(table: Any, path: Path) -> dict[str, Tensor]:
    """Make sure that a table holds tensors by name; names lose what wrappers put before them.

    Args:
        table: What was read.
        path: The file that it is from.

    Raises:
        DatasetError: Something else is in it, or the tensors claim more than the file holds.
    """
    if not isinstance(table, Mapping) or not table:
        raise DatasetError(f"'{path}' holds no tensors by name, expected a state dict")
    for key, value in table.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            kind = type(value).__name__
            raise DatasetError(f"'{path}' has '{key}' of kind {kind}, expected names and tensors")
        if value.is_meta:
            raise DatasetError(f"'{path}' has no values of '{key}', only their shape")
    dense = (tensor for tensor in table.values() if tensor.layout == torch.strided)
    claimed, held = sum(tensor.nbytes for tensor in dense), path.stat().st_size
    if claimed > held:
        raise DatasetError(f"tensors of '{path}' claim {claimed} bytes, but the file has {held}")
    tensors = dict(table)
    for wrapper in WRAPPERS:
        if all(key.startswith(wrapper) for key in tensors):
            tensors = {key.removeprefix(wrapper): tensor for key, tensor in tensors.items()}
    return tensors


def compare(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[Difference]:
    """List where tensors differ from those of a network, by name, shape or kind of number.

    Floating dtypes all do, as they are converted.
    """
    differences = []
    for key, wanted in expected.items():
        if key not in found:
            differences.append(Difference("missing", key, "", described(wanted)))
        elif not _fits(found[key], wanted):
            row = Difference("of another shape", key, described(found[key]), described(wanted))
            differences.append(row)
    return differences + [
        Difference("unexpected", key, described(tensor), "")
        for key, tensor in found.items()
        if key not in expected
    ]


def summary(differences: Sequence[Difference]) -> str:
    """Count the differences of each kind and name the first ones, in one line.

    Example:
        >>> summary([Difference("missing", "a", "", "float32 3"),
        ...          Difference("of another shape", "b", "float32 8x4", "float32 13x4")])
        '1 missing (a); 1 of another shape (b is float32 8x4, expected float32 13x4)'
    """
    parts = []
    for problem in get_args(Problem):
        rows = [row for row in differences if row.problem == problem]
        names = [
            f"{row.key} is {row.found}, expected {row.expected}"
            if row.found and row.expected
            else row.key
            for row in rows[:NAMED]
        ] + ["…"] * (len(rows) > NAMED)
        if rows:
            parts.append(f"{len(rows)} {problem} ({', '.join(names)})")
    return "; ".join(parts)


def _fits(found: Tensor, wanted: Tensor) -> bool:
    return (
        found.shape == wanted.shape
        and found.layout == torch.strided
        and not found.is_quantized
        and not found.is_complex()
        and found.is_floating_point() >= wanted.is_floating_point()  # counters may be either
    )


def described(tensor: Tensor) -> str:
    """Write kind and shape, such as ``"float32 64x3x7x7"``."""
    kinds = [tensor.dtype] if tensor.layout == torch.strided else [tensor.layout, tensor.dtype]
    kind = " ".join(str(each).removeprefix("torch.") for each in kinds)
    return f"{kind} {'x'.join(map(str, tensor.shape)) or '1'}"


def fill(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Give a module its tensors, as copies of its own dtypes.

    Args:
        module: May be on the device ``meta``; then it is on the CPU afterwards.
        tensors: All that it has.
        source: What they are from, for messages.

    Raises:
        DatasetError: Not just these are there, or they hold values that are not finite.
    """
    expected = module.state_dict()
    if differences := compare(tensors, expected):
        raise DatasetError(f"tensors of {source} do not fit the network: {summary(differences)}")
    copies = {
        key: torch.empty(own.shape, dtype=own.dtype).copy_(tensors[key])
        for key, own in expected.items()
    }
    if broken := [key for key, copy in copies.items() if not copy.isfinite().all()]:
        raise DatasetError(
            f"{len(broken)} of {len(expected)} tensors of {source} hold nan or infinity, the first "
            f"is {broken[0]}; that training went wrong, take an earlier checkpoint"
        )
    module.load_state_dict(copies, assign=True)
