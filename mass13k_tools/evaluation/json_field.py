"""A value in a JSON file that knows its place, so that every refusal names file and field."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Counts
from mass13k_tools.errors import DatasetError

KINDS = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


@dataclass(frozen=True, slots=True)
class Field:
    """A value as it was read, and the words that lead to it."""

    value: Any
    place: str = ""

    def __getitem__(self, name: str) -> "Field":
        table = self._of(dict)
        place = f"{self.place}.{name}" if self.place else name
        if name not in table:
            raise DatasetError(f"{place} is missing")
        return Field(table[name], place)

    def items(self) -> list["Field"]:
        """Give the items of a list."""
        return [Field(item, f"{self.place}[{n}]") for n, item in enumerate(self._of(list))]

    def text(self) -> str:
        """Give a text that is not empty and that a file can hold."""
        text: str = self._of(str)
        try:
            text.encode(errors="surrogateescape")  # names of files may hold bytes that are no text
        except UnicodeEncodeError as error:
            raise self.unlike("a text that can be written") from error
        if not text:
            raise self.unlike("a text that is not empty")
        return text

    def whole(self, least: int, most: int) -> int:
        """Give a whole number within limits."""
        number: int = self._of(int)
        if not least <= number <= most:
            raise self.unlike(f"{least} to {most}")
        return number

    def counts(self, shape: tuple[int, ...], most: int) -> Counts:
        """Give nested lists of whole numbers of 0 to ``most`` as an array, int64."""
        values = self._nested(shape, (int,), most, f"a whole number of 0 to {most}")
        return np.array(values, dtype=np.int64).reshape(shape)

    def fractions(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Give nested lists of numbers of 0 to 1 as an array, float64."""
        values = self._nested(shape, (int, float), 1, "a number of 0 to 1")
        return np.array(values, dtype=np.float64).reshape(shape)

    def unlike(self, expected: str) -> DatasetError:
        """Say that the value is not what was expected."""
        return DatasetError(f"{self.place or 'the file'} is {shown(self.value)}, not {expected}")

    def _of(self, kind: type) -> Any:
        if type(self.value) is not kind:  # True is no number here
            raise self.unlike(KINDS[kind])
        return self.value

    def _nested(
        self, shape: tuple[int, ...], kinds: tuple[type, ...], most: int, expected: str
    ) -> list[Any]:
        """Flatten lists of lists once their lengths and numbers are what they should be."""
        rows: list[Any] = self._of(list)
        if len(rows) != shape[0]:
            raise DatasetError(f"{self.place} is a list of {len(rows)}, not of {shape[0]}")
        if len(shape) > 1:
            return [
                value
                for row in self.items()
                for value in row._nested(shape[1:], kinds, most, expected)
            ]
        for value in rows:
            if type(value) not in kinds or not 0 <= value <= most:  # nan is neither
                raise DatasetError(f"{self.place} holds {shown(value)}, not {expected}")
        return rows


def parse_json(content: bytes) -> Field:
    """Read JSON that says everything once and has finite numbers only.

    Raises:
        DatasetError: It is no JSON, holds NaN or a name twice, or is nested too deeply.
    """
    try:
        return Field(json.loads(content, object_pairs_hook=_object, parse_constant=_no_number))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"it is no JSON, or not all of it: {error}") from error
    except RecursionError as error:
        raise DatasetError("it is nested too deeply") from error
    except DatasetError:
        raise
    except ValueError as error:  # Python reads no longer ones
        raise DatasetError("it holds a number of thousands of digits") from error


def shown(value: Any) -> str:
    """Write a value in few words.

    Example:
        >>> shown("sky"), shown([1, 2]), shown(None)
        ("'sky'", 'a list', 'null')
    """
    if isinstance(value, dict | list):
        return KINDS[type(value)]
    if isinstance(value, int) and abs(value) > 10**20:  # Python writes only so many digits
        return "a huge number"
    text = ascii(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise DatasetError(f"it has the field {shown(name)} twice in one object")
    return found


def _no_number(text: str) -> float:
    raise DatasetError(f"it holds {text}, which is no number")
