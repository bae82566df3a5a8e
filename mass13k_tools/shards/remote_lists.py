"""What lies below a root far away: every folder is listed once, and its list is kept.

So whether a file is there and how large it is costs no request of its own, unless the server lists
names alone, as web servers do.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.remote_places import file_system, protocol, told

TOP = PurePosixPath()  # the root itself
KINDS = {"directory": stat.S_IFDIR, "file": stat.S_IFREG}
# What changes with a file, as drivers call it; a checksum says more than a time
VERSIONS = ("ETag", "etag", "LastModified", "last_modified", "Last-Modified", "mtime", "created")


class Entry(NamedTuple):
    """What a list says of a file or a folder."""

    path: str
    """As the driver names it."""
    kind: int
    """``stat.S_IFREG``, ``stat.S_IFDIR``, or 0 for what is neither."""
    bytes: int | None
    """None where the list does not tell."""
    version: str
    """Changes with the content as far as the server tells; empty where it tells nothing."""


@dataclass(slots=True)
class RemoteLists:
    """The lists of a root, by path below it."""

    root: str
    """Its address."""
    entries: dict[PurePosixPath, Entry] = field(default_factory=dict)
    folders: dict[PurePosixPath, tuple[str, ...]] = field(default_factory=dict)
    """Names in the folders that were listed."""

    def address(self, inner: PurePosixPath) -> str:
        """Give the address of a file or a folder, for messages."""
        return self.root if inner == TOP else f"{self.root}/{inner}"

    def find(self, inner: PurePosixPath) -> Entry | None:
        """Give what is known of a file or a folder; None where there is none.

        Raises:
            DatasetError: Its folder cannot be listed.
        """
        if inner not in self.entries:
            folder = self.find(inner.parent) if inner != TOP else None
            if inner == TOP or (folder and folder.kind == stat.S_IFDIR):
                self.names(inner.parent)
        return self.entries.get(inner)

    def names(self, inner: PurePosixPath) -> tuple[str, ...]:
        """List a folder; there is nothing in one that is not there.

        Raises:
            DatasetError: It cannot be listed.
        """
        if inner not in self.folders:
            found = self._list(inner)
            self.entries |= {inner / name: entry for name, entry in found.items()}
            self.folders[inner] = tuple(found)
        return self.folders[inner]

    def look_up(self, inner: PurePosixPath) -> Entry | None:
        """Like :meth:`find`, and ask for the size of a file where the list does not tell it."""
        entry = self.find(inner)
        if entry and entry.kind == stat.S_IFREG and entry.bytes is None:
            with told("read", self.address(inner)):
                row = file_system(self.root)[0].info(entry.path)
            entry = self.entries[inner] = _entry(row)._replace(path=entry.path)
        return entry

    def read(self, inner: PurePosixPath) -> bytes:
        """Read a file whole.

        Raises:
            DatasetError: It cannot be read.
        """
        entry, address = self.find(inner), self.address(inner)
        with told("read", address):
            if entry is None:
                raise FileNotFoundError
            if entry.bytes == 0:  # no range of it can be asked for
                return b""
            # Asked for a range, S3 need not be asked for the size first
            span = {} if entry.bytes is None else {"start": 0, "end": entry.bytes + 1}
            content = bytes(file_system(self.root)[0].cat_file(entry.path, **span))
        if entry.bytes is not None and len(content) != entry.bytes:
            raise DatasetError(
                f"cannot read '{address}': it is not of {entry.bytes} bytes as it was when it was "
                "listed; start again once nobody writes there"
            )
        return content

    def _list(self, inner: PurePosixPath) -> dict[str, Entry]:
        with told("read", self.address(inner)):
            system, path = file_system(self.root, fresh=True)
            if inner != TOP:
                path = self.entries[inner].path
            try:
                rows = system.ls(path, detail=True)
            except FileNotFoundError:
                return {}
        path = path.rstrip("/")
        if inner == TOP:
            file = [row for row in rows if row["name"] == path and row["type"] == "file"]
            self.entries[TOP] = _entry(file[0] if file else {"name": path, "type": "directory"})
        found: dict[str, Entry] = {}
        for row in rows:
            name = self._name_in(path, row["name"])
            # A store may have a file of a folder's name; nothing else has, so it is passed over
            if name and (name not in found or row["type"] == "directory"):
                found[name] = _entry(row)
        return found

    def _name_in(self, folder: str, path: str) -> str:
        """Give the name of a file in its folder; empty where it has none that could be a file's.

        Names are made up by whoever fills a store: one may be ``..`` or hold a slash.
        """
        if not path.startswith(f"{folder}/"):
            return ""
        name = path.removeprefix(f"{folder}/").rstrip("/")
        if protocol(self.root) in ("http", "https"):
            if "?" in name or "#" in name:  # a link that sorts the list
                return ""
            name = unquote(name)
        return "" if name in (".", "..") or "/" in name or "\0" in name else name


def _entry(row: Mapping[str, Any]) -> Entry:
    version = next((str(row[each]) for each in VERSIONS if row.get(each)), "")
    return Entry(row["name"], KINDS.get(row["type"], 0), row.get("size"), version)
