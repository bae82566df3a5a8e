"""Classes: which ids there are, how they are called and drawn, and which raw values mean them.

Nobody else writes a class id, a class name or a class colour.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE
from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes

Quality = Literal["precise", "pseudo"]
Colour = tuple[int, int, int]

REST_NAMES = frozenset({"background", "others"})  # what a class for all else is called
UNKNOWN = -1  # look-up entry of a raw value that must not occur


@dataclass(frozen=True, slots=True)
class SemanticClass:
    """One row of a taxonomy."""

    id: int
    """Value in the label map, 0..254."""
    name: str
    """The name in every table and JSON output."""
    aliases: tuple[str, ...] = ()
    """Other names that a user may type."""
    colour: Colour = (255, 255, 255)
    """RGB, 0..255, for pictures only."""
    quality: Quality = "precise"
    """How the labels were made: by hand, or from a model's output."""


@dataclass(frozen=True)
class Taxonomy:
    """An ordered table of classes and the raw values that stand for them in files.

    ``lookup`` has 256 entries: raw value of a label file -> class id, 255 = ignore, -1 = a value
    that must not occur. Left out, every id stands for itself and 255 for ignore.
    """

    name: str
    classes: tuple[SemanticClass, ...]
    lookup: tuple[int, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        ids = [row.id for row in self.classes]
        names = [name for row in self.classes for name in {row.name, *row.aliases}]
        if not ids:
            raise DatasetError(f"taxonomy '{self.name}' has no classes")
        for what, values in (("id", list(map(str, ids))), ("class name", names)):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise DatasetError(f"taxonomy '{self.name}' has the {what} {twice[0]} twice")
        if min(ids) < 0 or max(ids) >= IGNORE:
            raise DatasetError(f"taxonomy '{self.name}' has an id outside 0..254")
        allowed = {*ids, IGNORE}
        if not self.lookup:
            lookup = tuple(raw if raw in allowed else UNKNOWN for raw in range(256))
            object.__setattr__(self, "lookup", lookup)
        if len(self.lookup) != 256 or not set(self.lookup) <= {*allowed, UNKNOWN}:
            raise DatasetError(
                f"raw values of taxonomy '{self.name}' lead to ids that it does not have"
            )

    @cached_property
    def lookup_array(self) -> NDArray[np.int16]:
        """``lookup`` as an array, shape (256,), int16."""
        return np.array(self.lookup, dtype=np.int16)

    @cached_property
    def colours(self) -> NDArray[np.uint8]:
        """Colour of every label value, shape (256, 3), uint8, RGB; grey where there is no class."""
        colours = np.full((256, 3), 128, dtype=np.uint8)
        for row in self.classes:
            colours[row.id] = row.colour
        return colours

    @property
    def ids(self) -> list[int]:
        """Class ids in table order."""
        return [row.id for row in self.classes]

    @property
    def rest_id(self) -> int | None:
        """Id of the class that stands for all else; None where each class is something named."""
        for row in self.classes:
            if REST_NAMES & {name.casefold() for name in (row.name, *row.aliases)}:
                return row.id
        return None

    @property
    def names(self) -> dict[int, str]:
        """Class id -> name, in table order."""
        return {row.id: row.name for row in self.classes}

    def find(self, name: str) -> SemanticClass:
        """Look a class up by name or alias, upper or lower case.

        Example:
            >>> MASS13K.find("Vegetation").name
            'tree'

        Raises:
            DatasetError: No class is called so.
        """
        for row in self.classes:
            if name.casefold() in {known.casefold() for known in (row.name, *row.aliases)}:
                return row
        known = ", ".join(row.name for row in self.classes)
        raise DatasetError(f"no class '{name}' in taxonomy '{self.name}', it has: {known}")

    def raw_text(self) -> str:
        """Write the allowed raw values the way error messages do.

        Example:
            >>> MASS13K.raw_text()
            '0-6, 255'
        """
        allowed = [raw for raw in range(256) if self.lookup[raw] != UNKNOWN]
        starts = [raw for raw in allowed if raw - 1 not in allowed]
        ends = [raw for raw in allowed if raw + 1 not in allowed]
        return ", ".join(
            f"{start}-{end}" if start < end else f"{start}"
            for start, end in zip(starts, ends, strict=True)
        )


# The ids and colours of the released data set; aliases are the names the paper uses.
MASS13K = Taxonomy(
    "mass13k",
    (
        #             id  name          aliases          colour
        SemanticClass(
            0, "background", ("others",), (0, 0, 0)
        ),  # a real class, scored like the rest
        SemanticClass(1, "person", ("human",), (255, 0, 0)),
        SemanticClass(2, "building", (), (64, 34, 64)),
        SemanticClass(3, "tree", ("vegetation",), (0, 255, 0)),
        SemanticClass(4, "ground", (), (93, 64, 0)),
        SemanticClass(5, "sky", (), (0, 0, 255)),
        SemanticClass(6, "water", (), (0, 255, 255)),
    ),
)


def read_taxonomy(path: Path) -> Taxonomy:
    """Read a taxonomy from a TOML file.

    The file has a ``name``, one ``[[classes]]`` table per class (``id`` and ``name``, optionally
    ``aliases``, ``colour`` and ``quality``) and optionally a ``[raw]`` table that leads raw file
    values or ranges of them to ids, such as ``"0-128" = 0``. Values that it does not name are
    errors.

    Args:
        path: The TOML file.

    Returns:
        The taxonomy; classes without a colour get one that differs from the others'.

    Raises:
        DatasetError: The file is missing or no taxonomy; the message names the file and the row.
    """
    content = read_bytes(path, kind="taxonomy")
    try:
        return taxonomy_from_table(tomllib.loads(content.decode("utf-8-sig")), path.stem)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, DatasetError) as error:
        raise DatasetError(f"taxonomy '{path}': {error}") from error


def shipped_taxonomy(name: str) -> Taxonomy:
    """Read one of the taxonomies that come with the package.

    Args:
        name: Its file name without ``.toml``, such as ``"cityscapes"``.
    """
    file = resources.files("mass13k_tools") / "taxonomies" / f"{name}.toml"
    return taxonomy_from_table(tomllib.loads(file.read_text(encoding="utf-8")), name)


def taxonomy_from_table(table: Mapping[str, Any], name: str) -> Taxonomy:
    """Build a taxonomy from a parsed TOML table; see :func:`read_taxonomy`."""
    unexpected = sorted(set(table) - {"name", "classes", "raw"})
    if unexpected:
        raise DatasetError(f"unknown key '{unexpected[0]}', expected name, [[classes]] and [raw]")
    rows = table.get("classes")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DatasetError("no [[classes]] tables, expected one per class")
    classes = tuple(_class_from_row(row, number) for number, row in enumerate(rows))
    return Taxonomy(str(table.get("name", name)), classes, _lookup_from_table(table.get("raw", {})))


def _class_from_row(row: Mapping[str, Any], number: int) -> SemanticClass:
    where = f"[[classes]] number {number + 1}"
    unexpected = sorted(set(row) - {"id", "name", "aliases", "colour", "quality"})
    if unexpected:
        raise DatasetError(f"{where}: unknown key '{unexpected[0]}'")
    class_id, name = row.get("id"), row.get("name")
    if type(class_id) is not int or not isinstance(name, str) or not name:
        raise DatasetError(f"{where}: expected a whole number 'id' and a text 'name'")
    colour = row.get("colour", distinct_colour(number))
    if not _are(colour, int, 3) or not all(0 <= value <= 255 for value in colour):
        raise DatasetError(f"{where}: colour is {colour!r}, expected [R, G, B] of 0..255")
    quality = row.get("quality", "precise")
    if quality not in get_args(Quality):
        raise DatasetError(f"{where}: quality is {quality!r}, expected 'precise' or 'pseudo'")
    aliases = row.get("aliases", [])
    if not _are(aliases, str, None):
        raise DatasetError(f"{where}: aliases is {aliases!r}, expected a list of names")
    return SemanticClass(class_id, name, tuple(aliases), tuple(colour), quality)


def _are(values: Any, kind: type, count: int | None) -> bool:
    """Tell whether ``values`` is a list (or tuple) of ``count`` items of exactly this type."""
    return (
        isinstance(values, list | tuple)
        and (count is None or len(values) == count)
        and all(type(value) is kind for value in values)
    )


def _lookup_from_table(raw: Mapping[str, Any]) -> tuple[int, ...]:
    """Expand ``{"0-128": 0, "255": 255}`` to 256 entries; an empty table gives an empty tuple."""
    if not isinstance(raw, dict):
        raise DatasetError(f'raw is {raw!r}, expected a table such as "0-128" = 0')
    if not raw:
        return ()
    lookup = [UNKNOWN] * 256
    for values, class_id in raw.items():
        first, _, last = values.partition("-")
        digits = first.isdecimal() and (last or first).isdecimal() and len(values) <= 7
        if not digits or type(class_id) is not int:
            raise DatasetError(f'[raw]: {values!r} = {class_id!r}, expected such as "0-128" = 0')
        start, stop = int(first), int(last or first) + 1
        if not 0 <= start < stop <= 256:
            raise DatasetError(f"[raw]: {values!r} is no range within 0..255")
        lookup[start:stop] = [class_id] * (stop - start)
    return tuple(lookup)


def distinct_colour(number: int) -> Colour:
    """Give class number 0, 1, 2 … a colour unlike its neighbours', by bit interleaving.

    The scheme is the well-known PASCAL VOC one: bits of the number go to the high bits of R, G, B.

    Example:
        >>> distinct_colour(1), distinct_colour(2)
        ((128, 0, 0), (0, 128, 0))
    """
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return channels[0], channels[1], channels[2]
