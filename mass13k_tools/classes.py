"""Classes: which ids there are, how they are called and drawn, and which raw values mean them.

Nobody else writes a class id, a class name or a class colour.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE
from mass13k_tools.errors import DatasetError

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

    @property
    def called(self) -> frozenset[str]:
        """Name and aliases as they are looked up: upper and lower case are one."""
        return frozenset(name.casefold() for name in (self.name, *self.aliases))


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
            if REST_NAMES & row.called:
                return row.id
        return None

    @property
    def precise_ids(self) -> frozenset[int]:
        """Ids of the classes whose labels were all made by hand.

        Where there are pseudo-labels the class for all else is none of them: what they missed of
        their objects is still in it (section 4.3 of the MaSS13K paper).
        """
        precise = {row.id for row in self.classes if row.quality == "precise"}
        return frozenset(precise - {self.rest_id} if len(precise) < len(self.classes) else precise)

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
            if name.casefold() in row.called:
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
