"""Where the files of a data set lie: from a root folder to samples.

Nothing here opens a pixel file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mass13k_tools.classes import Taxonomy


@dataclass(frozen=True, slots=True)
class Sample:
    """An image and its label map."""

    key: str
    """Name without suffix, unique within its split."""
    split: str
    """``train``, ``val``, ``test`` or the data set's own word; ``all`` where there are no splits."""
    image_path: Path
    label_path: Path
    group: str | None = None
    """What was shot together (a city, a sequence, a category), where the layout says so."""


@dataclass(frozen=True, slots=True)
class PairingFault:
    """A file that could not become part of a sample."""

    kind: Literal["missing-image", "missing-label", "duplicate-key", "unexpected-file"]
    key: str
    path: Path
    found: str
    expected: str
    hint: str


@dataclass(frozen=True)
class Dataset:
    """All samples under one root, in the order of split and key."""

    root: Path
    layout: str
    taxonomy: Taxonomy
    samples: tuple[Sample, ...]
    faults: tuple[PairingFault, ...] = ()
