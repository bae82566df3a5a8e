"""Settings: frozen dataclasses, filled from a TOML preset and from ``--set section.name=value``.

An unknown name or a value of a wrong type is an error that says what is known there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from massformer.run_config import DataConfig, TrainConfig

Backbone = Literal["resnet18", "resnet50"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """What the network is made of; the defaults are the paper's MaSSFormer."""

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
        for name in ("backbone_width", "queries", "layers", "feed_forward", "classes"):
            if getattr(self, name) < 1:
                raise DatasetError(f"model.{name} is {getattr(self, name)}, expected 1 or more")
        if self.width < 8 or self.width % 8:
            raise DatasetError(f"model.width is {self.width}, expected a multiple of 8")


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """What the terms of the loss count; the defaults are the released weights, corrected."""

    class_weight: float = 2.0
    """Of the classes of the queries."""
    mask_weight: float = 5.0
    """Of the cross-entropy of masks."""
    dice_weight: float = 5.0
    """Of the dice loss of masks."""
    edge_weight: float = 10.0
    """Of the edge head."""
    no_object_weight: float = 0.1
    """Of queries without target among the classes."""
    points: int = 12544
    """Where a mask is compared with its target: 112 x 112 points."""
    oversample: float = 3.0
    """Points that are drawn for each that is kept."""
    worthwhile: float = 0.75
    """Share of the points that lie where the mask is doubtful or near a boundary."""
    reweight: Literal["paper", "off"] = "paper"
    """Whether boundary weights change the loss of masks (Eq. 7)."""
    precise_gain: float = 5.0
    """λ1 of Eq. 7: what the boundary weight counts for classes labelled precisely."""
    pseudo_gain: float = 1.0
    """λ2 of Eq. 7: what it counts against pseudo-labelled ones; not published."""
    weight_kernel_px: int = 5
    """Side of the window of the boundary weights."""
    edge_target: Literal["edges", "released"] = "edges"
    """The edge map; or all pixels but padding, as the released code has it."""
    clamp_weights: bool = True
    """Whether no pixel may count less than nothing, however large pseudo_gain is."""


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


def preset_names() -> list[str]:
    """List the presets that come with the package."""
    folder = resources.files("massformer") / "presets"
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".toml"))


def load_config(preset: str, overrides: Sequence[str] = ()) -> Config:
    """Read settings.

    Args:
        preset: Name of a preset, or path of a TOML file.
        overrides: Such as ``"model.queries=50"``; the value is written as in TOML, and a text that
            is no TOML value stands for itself.

    Raises:
        DatasetError: Neither preset nor file; not TOML; an unknown name or a value of a wrong type.

    Example:
        >>> load_config("tiny", ["model.queries=7"]).model.queries
        7
    """
    table = _read_table(preset)
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


def settings(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """List all settings by their full names, such as ``("model.queries", 100)``."""
    for each in fields(config):
        value = getattr(config, each.name)
        if is_dataclass(value):
            yield from settings(value, f"{prefix}{each.name}.")
        else:
            yield prefix + each.name, value


def _read_table(preset: str) -> dict[str, Any]:
    try:
        if preset in preset_names():
            file = resources.files("massformer") / "presets" / f"{preset}.toml"
            return tomllib.loads(file.read_text(encoding="utf-8"))
        if not preset.endswith(".toml"):
            known = ", ".join(preset_names())
            raise DatasetError(f"no preset '{preset}', expected {known}, or the path of a .toml")
        return tomllib.loads(read_bytes(Path(preset), kind="settings").decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"settings '{preset}': {error}") from error


def _put(table: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals:
        raise DatasetError(f"'{override}' sets nothing, expected section.name=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
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
    elif get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(_checked(get_args(kind)[0], each, name) for each in value)
    elif kind is float and type(value) is int:
        return float(value)
    elif type(value) is kind:
        return value
    else:
        expected = getattr(kind, "__name__", str(kind))
    raise DatasetError(f"{name} is {value!r}, expected {expected}")
