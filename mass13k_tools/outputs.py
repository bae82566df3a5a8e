"""Files that appear whole or not at all, and are never overwritten by accident."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mass13k_tools.errors import DatasetError


def write_file(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write one file; see :func:`write_files`."""
    write_files({path: content}, overwrite=overwrite)


def write_files(contents: Mapping[Path, bytes], *, overwrite: bool = False) -> None:
    """Write files under a temporary name, then rename them; make their folders.

    A file that is there already with the same bytes is left alone, so a repeated run succeeds.

    Args:
        contents: Path -> bytes.
        overwrite: Replace files that are there with other bytes.

    Raises:
        DatasetError: A file is there with other bytes and ``overwrite`` is off (then nothing at all
            is written), or a file cannot be written.
    """
    changed = {path: new for path, new in contents.items() if not _holds(path, new)}
    standing = [path for path in changed if path.exists()]
    if standing and not overwrite:
        raise DatasetError(
            f"'{standing[0]}' is there already with other content; pass --overwrite to replace it"
        )
    for path, content in changed.items():
        try:
            _write_atomically(path, content)
        except OSError as error:
            raise DatasetError(f"cannot write '{path}': {error.strerror}") from error


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:  # not there, or not ours to read
        return False


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        Path(partial).chmod(0o666 & ~umask)  # mkstemp makes files that only their owner reads
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
