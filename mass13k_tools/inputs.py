"""Files that are read whole, or one line that says why not; nobody waits for a pipe."""

import stat
from pathlib import Path

from mass13k_tools.errors import DatasetError


def read_bytes(path: Path, *, kind: str = "") -> bytes:
    """Read an ordinary file.

    Args:
        path: The file.
        kind: What it is to the user, such as ``"taxonomy"``, for messages only.

    Raises:
        DatasetError: The file is missing, not ours to read, or no ordinary file.
    """
    check_ordinary(path, kind=kind)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, kind, str(error.strerror)) from error


def check_ordinary(path: Path, *, kind: str = "") -> None:
    """Refuse what is missing or no ordinary file: reading a pipe or a device may never end.

    Raises:
        DatasetError: As :func:`read_bytes`.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unreadable(path, kind, str(error.strerror)) from error
    if not stat.S_ISREG(mode):
        raise _unreadable(path, kind, "it is no ordinary file")


def _unreadable(path: Path, kind: str, reason: str) -> DatasetError:
    what = f"{kind} '{path}'" if kind else f"'{path}'"
    return DatasetError(f"cannot read {what}: {reason}")
