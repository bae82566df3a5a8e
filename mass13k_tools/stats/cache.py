"""Counts that were taken before, so that a second run reads only new or changed label files."""

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.stats.counts import VERSION, LabelCounts

log = logging.getLogger(__name__)

TABLE = """
CREATE TABLE IF NOT EXISTS counts (
    path BLOB, recipe TEXT, stamp TEXT, counts TEXT, PRIMARY KEY (path, recipe)
)
"""


class CountsCache:
    """Label counts by file; a file whose size or time of change differs is not found.

    Every addition is on disk at once, so a killed run loses nothing that was done.
    """

    def __init__(self, connection: sqlite3.Connection, taxonomy: Taxonomy) -> None:
        self._connection = connection
        self._stamps: dict[Path, str] = {}  # taken before a file is read, so that a change shows
        meaning = hashlib.sha256(repr(taxonomy.lookup).encode()).hexdigest()[:16]
        self._recipe = f"{VERSION}, raw values {meaning}"

    def find(self, label_path: Path) -> LabelCounts:
        """Give what is known of a label file, nothing if it is new, changed or not to be seen."""
        self._stamps[label_path] = stamp = _stamp(label_path)
        row = self._connection.execute(
            "SELECT counts FROM counts WHERE path = ? AND recipe = ? AND stamp = ?",
            (os.fsencode(label_path.absolute()), self._recipe, stamp),
        ).fetchone()
        try:
            counts = json.loads(row[0]) if row else {}
        except ValueError:  # a damaged row is no knowledge
            return {}
        return counts if isinstance(counts, dict) else {}

    def add(self, label_path: Path, counts: LabelCounts) -> None:
        """Keep counts of a label file, as it was when it was looked for."""
        key = (os.fsencode(label_path.absolute()), self._recipe, self._stamps[label_path])
        try:
            with self._connection:
                self._connection.execute(
                    "INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?)", (*key, json.dumps(counts))
                )
        except sqlite3.Error as error:  # a full disk, say
            raise DatasetError(
                f"cannot keep counts: {error}; make room, or name another file with --cache"
            ) from error


@contextmanager
def open_cache(path: Path | None, taxonomy: Taxonomy) -> Iterator[CountsCache]:
    """Open or create a cache.

    Args:
        path: The SQLite file; None takes ``stats.sqlite`` in the user's cache folder for mass13k,
            and where that cannot be written, keeps the counts in memory.
        taxonomy: Counts taken with other raw values are not found.

    Raises:
        DatasetError: The named file is no cache, or cannot be written.
    """
    try:
        connection = _connect(path or platformdirs.user_cache_path("mass13k") / "stats.sqlite")
    except (OSError, sqlite3.Error) as error:
        if path is not None:
            raise DatasetError(
                f"cannot keep counts in '{path}': {error}; name another file with --cache"
            ) from error
        log.warning("counts are not kept: the user's cache folder cannot be written (%s)", error)
        connection = _connect(":memory:")
    try:
        yield CountsCache(connection, taxonomy)
    finally:
        connection.close()


def _connect(path: Path | str) -> sqlite3.Connection:
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=60)
    try:
        connection.execute(TABLE)
        connection.execute("SELECT path, recipe, stamp, counts FROM counts LIMIT 0")
        connection.execute("BEGIN IMMEDIATE")  # fails where the file cannot be written
        connection.rollback()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "not there"  # reading it will say why
    return f"{status.st_size} {status.st_mtime_ns}"
