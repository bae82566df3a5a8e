"""Where shards lie: a local folder, or any address that fsspec knows, such as ``s3://bucket/x``.

Whatever is put or written at a place appears whole or not at all.
"""

from __future__ import annotations

import errno
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from mass13k_tools.errors import DatasetError
from mass13k_tools.outputs import write_file


@dataclass(frozen=True, slots=True)
class Place(ABC):
    """A file or a folder, here or far away."""

    address: str

    @staticmethod
    def of(address: str | Path) -> Place:
        """Give the place of an address.

        Args:
            address: A path, or anything with ``://`` in it that fsspec knows.

        Raises:
            DatasetError: The address needs fsspec, or a driver of it, that is not installed, or
                names nothing behind ``://``.

        Example:
            >>> Place.of("/data/shards").child("index.json").address
            '/data/shards/index.json'
        """
        if not str(address):
            raise DatasetError("the address of the shards is empty")
        if "://" not in str(address):
            return LocalPlace(str(Path(address).absolute()))
        if not str(address).partition("://")[2].strip("/"):
            raise DatasetError(f"'{address}' names no bucket or folder")
        from mass13k_tools.shards.remote_places import RemotePlace, check_driver

        check_driver(str(address))
        return RemotePlace(str(address).rstrip("/"))

    @property
    def name(self) -> str:
        """Last part of the address."""
        return self.address.rpartition("/")[2]

    @property
    def local(self) -> Path | None:
        """The path, where it is one."""
        return None

    def child(self, name: str) -> Place:
        """Name something in this folder."""
        return type(self)(f"{self.address}/{name}")

    @abstractmethod
    def exists(self) -> bool:
        """Tell whether there is a file."""

    @abstractmethod
    def size(self) -> int:
        """Count the bytes of a file."""

    @abstractmethod
    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Read a file or a part of it.

        Raises:
            DatasetError: It cannot be read, or ends before the part does.
        """

    @abstractmethod
    def names(self) -> list[str]:
        """List what a folder holds, by name; nothing where there is no such folder."""

    @abstractmethod
    def put(self, path: Path) -> None:
        """Move a local file here, in the place of what is there."""

    @abstractmethod
    def write(self, content: bytes) -> None:
        """Write a file, in the place of what is there."""

    @abstractmethod
    def remove(self) -> None:
        """Remove a file, if it is there."""


@dataclass(frozen=True, slots=True)
class LocalPlace(Place):
    """A file or a folder on this machine."""

    @property
    def local(self) -> Path:
        """The path."""
        return Path(self.address)

    def exists(self) -> bool:
        """Tell whether there is a file."""
        return self.local.is_file()

    def size(self) -> int:
        """Count the bytes of a file."""
        try:
            return self.local.stat().st_size
        except OSError as error:
            raise DatasetError(f"cannot read '{self.address}': {error.strerror}") from error

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Read a file or a part of it."""
        try:
            with self.local.open("rb") as file:
                file.seek(start)
                content = file.read(length)
        except OSError as error:
            raise DatasetError(f"cannot read '{self.address}': {error.strerror}") from error
        return whole_part(content, self.address, start=start, length=length)

    def names(self) -> list[str]:
        """List what a folder holds."""
        try:
            return sorted(path.name for path in self.local.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DatasetError(f"cannot read '{self.address}': {error.strerror}") from error

    def put(self, path: Path) -> None:
        """Move a local file here."""
        try:
            try:
                path.replace(self.local)
            except OSError as error:
                if error.errno != errno.EXDEV:  # on another disk, where a file cannot be moved to
                    raise
                partial = self.local.with_name(f".{self.name}.part")
                shutil.copyfile(path, partial)
                partial.replace(self.local)
                path.unlink()
        except OSError as error:
            raise DatasetError(f"cannot write '{self.address}': {error.strerror}") from error

    def write(self, content: bytes) -> None:
        """Write a file."""
        write_file(self.local, content, overwrite=True)

    def remove(self) -> None:
        """Remove a file."""
        try:
            self.local.unlink(missing_ok=True)
        except OSError as error:
            raise DatasetError(f"cannot remove '{self.address}': {error.strerror}") from error


def whole_part(content: bytes, address: str, *, start: int, length: int | None) -> bytes:
    """Return what was read of a file, or say that the file ends too early.

    Args:
        content: What was read.
        address: Of the file, for messages only.
        start: Where the part begins.
        length: How long it is; None: as long as the file goes.
    """
    if length is not None and len(content) < length:
        raise DatasetError(
            f"'{address}' is cut short: it ends at byte {start + len(content)}, "
            f"expected {start + length}"
        )
    return content
