"""Settings: frozen dataclasses, filled from a TOML preset and from ``--set section.name=value``.

An unknown name or a value of a wrong type is an error that says what is known there.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mass13k_tools.errors import DatasetError
from mass13k_tools.printing import toml_value
from massformer.preset_files import read_table, with_peer
from massformer.run_config import DataConfig, LossConfig, TrainConfig

Backbone = Literal["resnet18", "resnet50"]
OURS = "massformer"
MOST_LAYERS = 1000
MOST = 2**16  # of all other sizes; what is larger is a slip, and may be beyond what torch counts


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """What the network is made of; the defaults are the paper's MaSSFormer."""

    network: str = OURS
    """Which it is: massformer, or one of massformer.peers; sizes hold there where they have one."""
    backbone: Backbone = "resnet50"
    """Which ResNet reads the image."""
    backbone_width: int = 64
    """Channels of its stem; ImageNet weights exist for 64."""
    width: int = 128
    """Channels of the pixel decoder; queries have twice as many."""
    queries: int = 100
    """Masks that the network can propose."""
    layers: int = 6
    """Layers of the mask decoder."""
    feed_forward: int = 2048
    """Hidden width of its feed-forward blocks."""
    encoder_layers: int = 6
    """Layers of the transformer in the pixel decoder; only mask2former has it."""
    classes: int = 7
    """Classes, "others" included."""
    norm: Literal["batch", "group"] = "batch"
    """Norms of the pixel decoder; groups suit batches of one or two crops, and are not released."""
    cst: bool = True
    """Cross-scale transformer; this and the next three are the stages of the paper's Table 4."""
    rfb: bool = True
    """Receptive field block."""
    lse: bool = True
    """Local structure enhancement."""
    egf: bool = True
    """Edge-guided fusion and the edge head."""

    def __post_init__(self) -> None:
        sizes = ("queries", "layers", "encoder_layers", "feed_forward", "classes")
        for name in ("backbone_width", *sizes):
            value, most = getattr(self, name), MOST_LAYERS if name.endswith("layers") else MOST
            if not 1 <= value <= most:
                raise DatasetError(f"model.{name} is {value}, expected 1 to {most}")
        if not 8 <= self.width <= MOST or self.width % 8:
            raise DatasetError(
                f"model.width is {self.width}, expected a multiple of 8 up to {MOST}"
            )

    @property
    def sees_edges(self) -> bool:
        """Whether the network has an edge head."""
        return self.egf and self.network == OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    """The network."""
    loss: LossConfig = field(default_factory=LossConfig)
    """What is minimised."""
    data: DataConfig = field(default_factory=DataConfig)
    """What is learned from."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """How it is learned."""


def load_config(preset: str, overrides: Sequence[str] = (), model: str | None = None) -> Config:
    """Read settings.

    Args:
        preset: Name of a preset, or path of a TOML file.
        model: A network of others that takes the place of the preset's, such as
            ``"peer:mask2former-r50"``.
        overrides: Such as ``"model.queries=50"``; the value is written as in TOML, and a text that
            is no TOML value stands for itself.

    Raises:
        DatasetError: Neither preset nor file; not TOML; an unknown name or a value of a wrong type.

    Example:
        >>> load_config("tiny", ["model.queries=7"]).model.queries
        7
    """
    table = read_table(preset)
    if model is not None:
        table = with_peer(table, model)
    for override in overrides:
        _put(table, override)
    return config_from_table(table)


def config_from_table(table: Mapping[str, Any]) -> Config:
    """Build settings from nested tables; what they leave out has its default."""
    config: Config = _filled(Config, table, "")
    return config


def config_table(config: Config) -> dict[str, Any]:
    """Give settings as nested tables, which :func:`config_from_table` reads."""
    return asdict(config)


def load_model_config(path: Path) -> ModelConfig:
    """Read the settings of a network from a TOML file; see :func:`model_from_table`.

    Raises:
        DatasetError: No file, not TOML, or not settings of a network.
    """
    table = read_table(str(path))
    try:
        return model_from_table(table)
    except DatasetError as error:
        raise DatasetError(f"settings '{path}': {error}") from error


def model_from_table(table: Mapping[str, Any]) -> ModelConfig:
    """Build the settings of a network from nested tables.

    Sections beside ``model`` say how the network was trained, perhaps by an older or a newer
    program, and are passed over.

    Raises:
        DatasetError: There is no section ``model``; it has an unknown name or a wrong value.

    Example:
        >>> model_from_table({"model": {"queries": 7}, "train": {"speed": "high"}}).queries
        7
    """
    if "model" not in table:
        raise DatasetError(f"no section 'model', found {', '.join(table) or 'nothing'}")
    return config_from_table({"model": table["model"]}).model


def model_table(config: ModelConfig) -> dict[str, Any]:
    """Give the settings of a network as nested tables, which :func:`model_from_table` reads."""
    return {"model": asdict(config)}


def settings_toml(table: Mapping[str, Mapping[str, Any]]) -> str:
    """Write sections of settings as TOML, which :func:`load_config` reads.

    Example:
        >>> print(settings_toml({"data": {"root": "photos", "crop_px": (64, 64)}}), end="")
        [data]
        root = "photos"
        crop_px = [64, 64]
    """
    lines = []
    for section, values in table.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {toml_value(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def settings(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """List all settings by their full names, such as ``("model.queries", 100)``."""
    for each in fields(config):
        value = getattr(config, each.name)
        if is_dataclass(value):
            yield from settings(value, f"{prefix}{each.name}.")
        else:
            yield prefix + each.name, value


def _put(table: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals:
        raise DatasetError(f"'{override}' sets nothing, expected section.name=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = text
    *sections, last = name.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise DatasetError(f"'{override}': '{section}' is a setting, not a section of settings")
    table[last] = value


def _filled(kind: Any, table: Mapping[str, Any], prefix: str) -> Any:
    """Build a dataclass from a table, its own sections first."""
    known = get_type_hints(kind)
    for name in table:
        if name not in known:
            raise DatasetError(f"no setting '{prefix}{name}', known are: {', '.join(known)}")
    values = {}
    for name, value in table.items():
        if is_dataclass(known[name]):
            if not isinstance(value, Mapping):
                raise DatasetError(f"'{prefix}{name}' is a section of settings, found {value!r}")
            values[name] = _filled(known[name], value, f"{prefix}{name}.")
        else:
            values[name] = _checked(known[name], value, prefix + name)
    return kind(**values)


def _checked(kind: Any, value: Any, name: str) -> Any:
    """Return a value as its setting wants it: whole numbers do for floats, lists for tuples."""
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        expected = " or ".join(map(str, get_args(kind)))
    elif get_origin(kind) is tuple:
        if isinstance(value, list | tuple):
            return tuple(_checked(get_args(kind)[0], each, name) for each in value)
        expected = f"list of {get_args(kind)[0].__name__}"
    elif kind is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    elif type(value) is kind and kind is not float:
        return value
    else:
        expected = "a finite number" if kind is float else kind.__name__
    raise DatasetError(f"{name} is {value!r}, expected {expected}")
