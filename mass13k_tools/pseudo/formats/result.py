"""What a reader gives, and values out of JSON that nobody vouches for."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mass13k_tools.arrays import size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import check_ordinary, read_bytes
from mass13k_tools.pseudo.masks import PseudoMask, mask_from_rle

MOST_BYTES = 2**30  # of a file of results: COCO's own are half as large
SizeHW = tuple[int, int]
Masks = Callable[[SizeHW], Iterator[PseudoMask]]


class PhotoResult(NamedTuple):
    """The masks that one file or folder has of one photo."""

    photo: str
    """Name of the photo, with or without folders and suffix, as the result has it."""
    masks: Masks
    """Gives them, when it is told the size of the photo, which must be that of the result."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder that may be a result."""

    path: Path
    content: Any = None
    """Of a file of JSON."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One format."""

    name: str
    recognises: Callable[[Found], bool]
    """Cheap, and true of one format at most."""
    read: Callable[[Found], Iterator[PhotoResult]]


def read_json(path: Path) -> Any:
    """Read a file of JSON.

    Raises:
        DatasetError: It is missing, too large or no JSON.
    """
    check_ordinary(path)
    if path.stat().st_size > MOST_BYTES:
        raise DatasetError(
            f"'{path}' has {path.stat().st_size} bytes, expected {MOST_BYTES} or less"
        )
    try:
        return json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"'{path}' is no JSON ({error})") from error


def check_size(size_hw: Sequence[Any], expected: SizeHW) -> None:
    """Refuse masks of another size than the photo's.

    Raises:
        DatasetError: The sizes differ.
    """
    found = tuple(whole(number, "a size") for number in size_hw)
    if found != tuple(expected):
        raise DatasetError(
            f"masks are of {size_text(found)}, but the photo is {size_text(expected)}; "
            "they belong to another photo, or to one that was resized"
        )


def rle_mask(segmentation: Any, size_hw: SizeHW, **about: Any) -> PseudoMask | None:
    """Take a mask from ``{"size": [H, W], "counts": ...}``; None where it is empty.

    Raises:
        DatasetError: It is damaged, or not of the photo's size.
    """
    counts = field(segmentation, "counts", (str, list))
    check_size(field(segmentation, "size", list), size_hw)
    return mask_from_rle(counts, size_hw, **about)


def field(row: Any, name: str, kinds: type | tuple[type, ...]) -> Any:
    """Take a field that must be there.

    Raises:
        DatasetError: It is missing or of another kind.
    """
    value = row.get(name) if isinstance(row, Mapping) else None
    if not isinstance(value, kinds) or isinstance(value, bool):
        wanted = " or ".join(k.__name__ for k in (kinds if isinstance(kinds, tuple) else (kinds,)))
        raise DatasetError(f"'{name}' is {type(value).__name__}, expected {wanted}")
    return value


def whole(value: Any, what: str) -> int:
    """Take a whole number of 0 or more; 3.0 is one.

    Raises:
        DatasetError: It is none.
    """
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31
    if not usable or value != int(value):
        raise DatasetError(f"{what} is {value!r:.40}, expected a whole number of 0 or more")
    return int(value)


def score(value: Any) -> float | None:
    """Take a score, also from a list of one; None stays. SAM's guesses go a little beyond 0 and 1.

    Raises:
        DatasetError: It is no number.
    """
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise DatasetError(f"a score is {value!r:.40}, expected a number of 0 to 1")
    return min(max(float(value), 0.0), 1.0)


def text(value: Any, what: str) -> str:
    """Take a name.

    Raises:
        DatasetError: It is no text, or empty.
    """
    if not isinstance(value, str) or not value.strip():
        raise DatasetError(f"{what} is {value!r:.40}, expected text")
    return value.strip()


def numbered(rows: Sequence[Any], read: Callable[[Any], PseudoMask | None]) -> Iterator[PseudoMask]:
    """Read rows one by one; an error says which row it was. Empty masks are left out.

    Raises:
        DatasetError: A row is damaged.
    """
    for number, row in enumerate(rows):
        try:
            mask = read(row)
        except DatasetError as error:
            raise DatasetError(f"mask {number}: {error}") from error
        if mask is not None:
            yield mask
