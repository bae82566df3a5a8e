"""What those who watch a run are told, and when."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

import numpy as np

from mass13k_tools.arrays import Image
from mass13k_tools.classes import Taxonomy
from mass13k_tools.ops.scores import Scores, mean
from massformer.watch.progress import Row


class Line(NamedTuple):
    """What training has come to."""

    step: int
    row: Row
    """Means since the last line, see :mod:`massformer.watch.progress`."""
    left_s: float
    """Time that the steps left will take if they go on as those before."""


@dataclass(frozen=True)
class Validation:
    """What a network is worth at some step."""

    step: int
    scores: Scores
    taxonomy: Taxonomy
    picture: Image | None
    """Images, truth and what the network makes of them; None if no one wants to see any."""

    def row(self) -> Row:
        """Give the means, then IoU, BIoU and BF1 of every class; None where undefined."""
        columns = self.columns()
        row = {f"m{name}" if name == "iou" else name: mean(each) for name, each in columns.items()}
        for name, values in columns.items():
            of_classes = zip(self.taxonomy.names.values(), values, strict=True)
            row |= {f"{name}.{class_name}": value for class_name, value in of_classes}
        return {name: float(value) if np.isfinite(value) else None for name, value in row.items()}

    def columns(self) -> dict[str, np.ndarray]:
        """Give the scores of the classes, each of shape (K,), nan where undefined."""
        scores = self.scores
        return {"iou": scores.iou, "biou": scores.biou[0], "bf1": scores.bf1[0]}


class Watcher:
    """Looks at a run on the first rank; does nothing where it has nothing to do."""

    def logged(self, line: Line) -> None:
        """Take a line of the log."""

    def validated(self, validation: Validation) -> None:
        """Take what a validation found."""

    def ended(self) -> None:
        """Know that all steps are done and all networks are kept."""

    def close(self, *, failed: bool) -> None:
        """Let go of what is open, however the run came to its end."""


class Watch(AbstractContextManager["Watch"]):
    """All watchers of a run, told one after the other; none on ranks after the first."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.watchers = watchers

    def logged(self, line: Line) -> None:
        """Pass on a line of the log."""
        for each in self.watchers:
            each.logged(line)

    def validated(self, validation: Validation) -> None:
        """Pass on what a validation found."""
        for each in self.watchers:
            each.validated(validation)

    def ended(self) -> None:
        """Say that the run is complete."""
        for each in self.watchers:
            each.ended()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in self.watchers:
            each.close(failed=error is not None)


def tags(section: str, row: Mapping[str, float | None]) -> dict[str, float]:
    """Name values as boards group them, by what stands before the first slash.

    Example:
        >>> tags("train", {"loss": 2.0, "share.mask": 0.5, "weight_min": None})
        {'train/loss': 2.0, 'share/mask': 0.5}
    """
    return {
        name.replace(".", "/", 1) if "." in name else f"{section}/{name}": value
        for name, value in row.items()
        if value is not None
    }
