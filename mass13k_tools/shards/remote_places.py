"""Places that fsspec reaches: ``s3://``, ``gs://``, ``https://``, ``memory://`` and others.

Credentials and endpoints come from where each driver looks for them; for S3 these are the usual
``AWS_*`` variables, ``AWS_ENDPOINT_URL`` among them.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mass13k_tools.errors import DatasetError
from mass13k_tools.printing import print_line
from mass13k_tools.shards.places import Place, whole_part

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# A stored object appears when it is complete; elsewhere a file grows under its name
OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "oci", "memory"})
NEEDS_EXTRA = "needs fsspec and its driver: pip install 'mass13k[cloud]'"


def check_driver(address: str) -> None:
    """Make sure that fsspec knows an address.

    Raises:
        DatasetError: The extra ``cloud`` or the driver is missing, or nothing has such addresses.
    """
    with told("reach", address):
        file_system(address)


@dataclass(frozen=True, slots=True)
class RemotePlace(Place):
    """A file or a folder that fsspec reaches."""

    def exists(self) -> bool:
        """Tell whether there is a file."""
        with told("read", self.address):
            system, path = file_system(self.address, fresh=True)
            return bool(system.isfile(path))

    def size(self) -> int:
        """Count the bytes of a file."""
        with told("read", self.address):
            system, path = file_system(self.address, fresh=True)
            return int(system.size(path))

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Read a file or a part of it; a part by a range request, where the server knows them."""
        whole = _WHOLE.get(self.address)
        if whole is not None:
            return Place.of(whole).read(start, length)
        if length == 0:
            return b""  # asked for no bytes, drivers give all
        if start and length is None:
            length = self.size() - start
        with told("read", self.address):
            system, path = file_system(self.address)
            if length is None:
                return bytes(system.cat_file(path))
            content = bytes(system.cat_file(path, start=start, end=start + length))
        if len(content) > length:
            return _keep_whole(self.address, content).read(start, length)
        return whole_part(content, self.address, start=start, length=length)

    def names(self) -> list[str]:
        """List what a folder holds."""
        with told("read", self.address):
            system, path = file_system(self.address, fresh=True)
            try:
                found = system.ls(path, detail=False)
            except FileNotFoundError:
                return []
        return sorted({str(each).rstrip("/").rpartition("/")[2] for each in found})

    def put(self, path: Path) -> None:
        """Move a local file here."""
        with self._written() as (system, target):
            system.put_file(str(path), target)
        path.unlink()

    def write(self, content: bytes) -> None:
        """Write a file."""
        with self._written() as (system, target):
            system.pipe_file(target, content)

    def remove(self) -> None:
        """Remove a file."""
        with told("remove", self.address):
            system, path = file_system(self.address, fresh=True)
            if system.exists(path):
                system.rm_file(path)

    @contextmanager
    def _written(self) -> Iterator[tuple[AbstractFileSystem, str]]:
        """Give the name to write under; then the file gets its own."""
        with told("write", self.address):
            system, path = file_system(self.address)
            if protocol(self.address) in OBJECT_STORES:
                yield system, path
                return
            folder, _, name = path.rpartition("/")
            system.makedirs(folder, exist_ok=True)
            partial = f"{folder}/.{name}.part"
            yield system, partial
            system.mv(partial, path)


def file_system(address: str, *, fresh: bool = False) -> tuple[AbstractFileSystem, str]:
    """Find the driver of an address, and the address as that driver writes it.

    Args:
        address: With its protocol.
        fresh: Forget lists of files that the driver keeps; others may have written meanwhile.
    """
    from fsspec.core import url_to_fs

    system, path = url_to_fs(address)  # one per process and kind: fsspec keeps them
    if fresh:
        system.invalidate_cache()
    return system, path


def protocol(address: str) -> str:
    """Name the driver of an address: ``s3`` of ``simplecache::s3://bucket``."""
    return address.partition("://")[0].rpartition("::")[2]


@contextmanager
def told(verb: str, address: str) -> Iterator[None]:
    """Turn whatever a driver raises in a block into one line.

    Args:
        verb: What is being done.
        address: To what.

    Raises:
        DatasetError: The extra ``cloud`` is missing, there is no such file, or the driver fails.
    """
    try:
        yield
    except DatasetError:
        raise
    except ImportError as error:
        raise DatasetError(f"'{address}' {NEEDS_EXTRA} ({error})") from error
    except FileNotFoundError as error:
        raise DatasetError(f"cannot {verb} '{address}': there is no such file or bucket") from error
    except Exception as error:  # every driver has exceptions of its own
        text = str(error).partition("\n")[0] or type(error).__name__
        raise DatasetError(
            f"cannot {verb} '{address}': {text}; are address, endpoint and credentials right?"
        ) from error


# Files of servers that answer a request for a part with the whole
_WHOLE: dict[str, Path] = {}


def _keep_whole(address: str, content: bytes) -> Place:
    """Keep a file that came whole in a temporary folder, as long as this process lives."""
    folder = _whole_folder(address.partition("://")[2].partition("/")[0])
    handle = tempfile.NamedTemporaryFile(dir=folder, delete=False)
    with handle:
        handle.write(content)
    _WHOLE[address] = Path(handle.name)
    return Place.of(handle.name)


@cache
def _whole_folder(server: str) -> Path:
    print_line(f"'{server}' does not answer range requests: files are read whole", err=True)
    folder = Path(tempfile.mkdtemp(prefix="mass13k-whole-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
