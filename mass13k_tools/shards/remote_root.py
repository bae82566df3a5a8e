"""The root of a data set, which may be far away, for functions that take a path."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISREG
from typing import Any, cast

from mass13k_tools.shards.places import Place
from mass13k_tools.shards.remote_lists import TOP, RemoteLists


def root_at(address: str | Path) -> Path:
    """Give the root of a data set.

    Args:
        address: A path, or anything with ``://`` in it that fsspec knows.

    Returns:
        For an address a :class:`RemotePath`. It is no ``Path`` by type, yet does what ``layouts``
        and ``inputs`` ask of one; else whatever hands a path on would have to name both types.

    Raises:
        DatasetError: As :meth:`Place.of`.
    """
    place = Place.of(address)
    if place.local is not None:
        return place.local
    return cast("Path", RemotePath(place.address, TOP, RemoteLists(place.address)))


@dataclass(frozen=True, slots=True, order=True)
class RemotePath:
    """A file or a folder below a root far away: as much of ``pathlib.Path`` as is needed."""

    root: str
    """Address of the data set."""
    inner: PurePosixPath
    """The path from there."""
    lists: RemoteLists = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.lists.address(self.inner)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(self.root, self.inner / name, self.lists)

    def __reduce__(self) -> tuple[Any, ...]:  # a worker is told of this file alone
        entry = self.lists.find(self.inner)
        known = RemoteLists(self.root, {self.inner: entry} if entry else {})
        return RemotePath, (self.root, self.inner, known)

    @property
    def name(self) -> str:
        """Last part."""
        return self.inner.name or self.root.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """Name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """Ending of the name."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> RemotePath:
        """The folder that holds it; the root is its own."""
        return RemotePath(self.root, self.inner.parent, self.lists)

    @property
    def parts(self) -> tuple[str, ...]:
        """The root, then the names from there."""
        return (self.root, *self.inner.parts)

    @property
    def version(self) -> str:
        """Checksum of a file, or its time, whichever its server tells; empty where neither."""
        entry = self.lists.look_up(self.inner)
        return entry.version if entry else ""

    def absolute(self) -> RemotePath:
        """The same."""
        return self

    def relative_to(self, other: RemotePath) -> PurePosixPath:
        """The path from a folder above."""
        return self.inner.relative_to(other.inner)

    def is_dir(self) -> bool:
        """Tell whether there is a folder."""
        entry = self.lists.find(self.inner)
        return entry is not None and S_ISDIR(entry.kind)

    def is_file(self) -> bool:
        """Tell whether there is a file."""
        entry = self.lists.find(self.inner)
        return entry is not None and S_ISREG(entry.kind)

    def iterdir(self) -> Iterator[RemotePath]:
        """List a folder, in no order."""
        return (self / name for name in self.lists.names(self.inner))

    def stat(self) -> os.stat_result:
        """Give kind and size; all else is 0."""
        entry = self.lists.look_up(self.inner)
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        return os.stat_result((entry.kind, 0, 0, 1, 0, 0, entry.bytes or 0, 0, 0, 0))

    def read_bytes(self) -> bytes:
        """Read a file whole."""
        return self.lists.read(self.inner)
