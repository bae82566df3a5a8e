"""Scores by photo from a table, such as the ``scores.csv`` of ``mass13k evaluate --out``."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes

MOST_COLUMNS = 200


@dataclass(frozen=True)
class ScoreTable:
    """Numbers by photo."""

    names: tuple[str, ...] = ()
    """Of the columns that hold numbers."""
    rows: Mapping[tuple[str, str], Sequence[float | None]] = field(default_factory=dict)
    """Split (empty where the table has none) and key -> a number for each name."""

    def of(self, split: str, key: str) -> Sequence[float | None]:
        """Give the numbers of a photo, None where there is none."""
        nothing = (None,) * len(self.names)
        return self.rows.get((split, key)) or self.rows.get(("", key)) or nothing


def read_score_table(path: Path) -> ScoreTable:
    """Read a CSV with a header, a column ``key``, perhaps ``split``, and columns of numbers.

    Raises:
        DatasetError: It is no such table.
    """
    try:
        text = read_bytes(path, kind="table of scores").decode("utf-8-sig")
        lines = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"scores '{path}' cannot be read as CSV: {error}") from error
    header = [name for name in (lines[0] if lines else {}) if name is not None]
    if "key" not in header:
        found = ", ".join(header[:5]) or "nothing"
        raise DatasetError(
            f"scores '{path}' has columns {found}, expected one called 'key', as the scores.csv of "
            "'mass13k evaluate --out' has"
        )
    names = [name for name in header if name not in ("key", "split")]
    numbers = {name: [_number(line[name]) for line in lines] for name in names}
    names = [name for name in names if any(each is not None for each in numbers[name])]
    if len(names) > MOST_COLUMNS:
        raise DatasetError(f"scores '{path}' has {len(names)} columns, expected <= {MOST_COLUMNS}")
    rows = {
        (line.get("split") or "", line["key"]): tuple(numbers[name][place] for name in names)
        for place, line in enumerate(lines)
    }
    return ScoreTable(tuple(names), rows)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) else None
