"""Samples that cannot be read: a value on the way from the workers, an error or a list at the end.

An exception that crosses processes arrives as a traceback in text; a value arrives as it was.
"""

import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from mass13k_tools.errors import DatasetError

log = logging.getLogger(__name__)

Read = TypeVar("Read")


class Damaged(NamedTuple):
    """A sample that cannot be read."""

    key: str
    reason: str
    """One line that names the sample."""


def read_or_damaged(read: Callable[[], Read], key: str) -> Read | Damaged:
    """Read a sample, or say why it cannot be read.

    Args:
        read: Reads it.
        key: Its key.

    Example:
        >>> from mass13k_tools.inputs import read_bytes
        >>> from pathlib import Path
        >>> read_or_damaged(lambda: read_bytes(Path("/nowhere")), "a1").reason
        "sample 'a1': cannot read '/nowhere': No such file or directory"
    """
    try:
        return read()
    except DatasetError as error:
        text = str(error)
        return Damaged(key, text if key in text else f"sample '{key}': {text}")


class Skipped:
    """The samples that were left out; each is logged once."""

    def __init__(self) -> None:
        self.samples: list[Damaged] = []
        self._keys: set[str] = set()

    def add(self, damaged: Iterable[Damaged]) -> None:
        """Take note of samples that were left out, perhaps not for the first time."""
        for one in damaged:
            if one.key not in self._keys:
                self._keys.add(one.key)
                self.samples.append(one)
                log.warning("skipped: %s", one.reason)
