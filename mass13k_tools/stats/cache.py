"""Counts that were taken before, so that a second run reads only new or changed label files."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.stats.counts import VERSION, LabelCounts

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
        meaning = hashlib.sha256(repr(taxonomy.lookup).encode()).hexdigest()[:16]
        self._recipe = f"{VERSION}, raw values {meaning}"

    def find(self, label_path: Path) -> LabelCounts:
        """Give what is known of a label file, nothing if it is new or changed."""
        row = self._connection.execute(
            "SELECT counts FROM counts WHERE path = ? AND recipe = ? AND stamp = ?",
            (os.fsencode(label_path.absolute()), self._recipe, _stamp(label_path)),
        ).fetchone()
        counts: LabelCounts = json.loads(row[0]) if row else {}
        return counts

    def add(self, label_path: Path, counts: LabelCounts) -> None:
        """Keep counts of a label file beside what is known of it."""
        everything = self.find(label_path) | counts
        key = (os.fsencode(label_path.absolute()), self._recipe, _stamp(label_path))
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?)", (*key, json.dumps(everything))
            )


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
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError as error:
        raise DatasetError(f"cannot read '{path}': {error.strerror}") from error
    return f"{status.st_size} {status.st_mtime_ns}"
