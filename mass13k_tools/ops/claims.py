"""What masks of new classes want of a label map, and what can become of it; see ``ops.merge``."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from mass13k_tools.arrays import Mask

# What becomes of a pixel of a claim; each is counted in one of them, so they add up to its area
Fate = Literal[
    "added",  # has the class now
    "ignored",  # was added, but lies on the ring of ignore
    "overlap",  # a stronger claim of the same class has it
    "conflict",  # a claim of another class has it, or both lost it to ignore
    "standing",  # had the class before
    "denied_precise",  # its class was labelled by hand
    "denied_pseudo",  # it has another pseudo-label, of an earlier merge
    "denied_ignore",  # it was ignored, and stays so
]
FATES: tuple[Fate, ...] = (
    *("added", "ignored", "overlap", "conflict"),
    *("standing", "denied_precise", "denied_pseudo", "denied_ignore"),
)


class BoxLike(Protocol):
    """A rectangle in a picture."""

    @property
    def inside(self) -> tuple[slice, slice]:
        """Its rows and columns."""


class BoxedMask(Protocol):
    """A mask that is decoded when it is asked for, so that many need little memory."""

    @property
    def box(self) -> BoxLike:
        """Where it lies."""

    @property
    def pixels(self) -> Mask:
        """The mask inside its box, bool."""


class Claim(NamedTuple):
    """A mask and the class that its pixels should have."""

    mask: BoxedMask
    class_id: int


@dataclass(frozen=True, slots=True)
class MergeRules:
    """Which pixels can be had, and what happens where claims meet."""

    over: tuple[int, ...]
    """Classes whose pixels may be claimed, also 255."""
    pseudo: tuple[int, ...]
    """Classes that are no labels by hand, the claimed ones too."""
    ignore_conflict: bool = False
    """Pixels that several classes claim become 255, whoever is stronger."""
    ignore_band_px: int = 0
    """Open pixels within this distance of a claimed region's edge become 255."""
