"""Settings of a loader, refused by name where they are not of the kind that is meant."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import TypeVar

from mass13k_tools.errors import DatasetError

Value = TypeVar("Value")


def whole_number(name: str, value: object, *, least: int | None = None) -> int:
    """Give a whole number of any kind, such as NumPy's, as Python's own.

    Args:
        name: Of the setting.
        value: What was given.
        least: What it may be at least.

    Raises:
        DatasetError: It is something else, or less.

    Example:
        >>> whole_number("batch_size", 2.0)
        Traceback (most recent call last):
        mass13k_tools.errors.DatasetError: batch_size is 2.0, expected a whole number
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise DatasetError(f"{name} is {value!r:.60}, expected a whole number")
    if least is not None and value < least:
        raise DatasetError(f"{name} is {value}, expected {least} or more")
    return int(value)


def number(name: str, value: object) -> float:
    """Give a number of any kind as Python's own.

    Raises:
        DatasetError: It is something else.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise DatasetError(f"{name} is {value!r:.60}, expected a number")
    return float(value)


def row(
    name: str, values: object, kind: Callable[[str, object], Value], *, count: int | None = None
) -> tuple[Value, ...]:
    """Give several values as a tuple; from a file they come as a list.

    Args:
        name: Of the setting.
        values: What was given.
        kind: Checks one of them.
        count: How many there must be.

    Raises:
        DatasetError: It is something else.
    """
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise DatasetError(f"{name} is {values!r:.60}, expected numbers in brackets")
    if count not in (None, len(values)):
        raise DatasetError(f"{name} has {len(values)} values, expected {count}")
    return tuple(kind(name, value) for value in values)


def check_kind(name: str, value: object, kind: type, *, hint: str = "") -> None:
    """Refuse what is no object of a class.

    Args:
        name: Of the setting.
        value: What was given.
        kind: The class.
        hint: How to come by one, for the message.

    Raises:
        DatasetError: It is none.
    """
    if not isinstance(value, kind):
        raise DatasetError(f"{name} is {value!r:.60}, expected a {kind.__name__}{hint}")
