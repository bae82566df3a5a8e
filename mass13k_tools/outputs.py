"""Files that appear whole or not at all, and are never overwritten by accident."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path

from mass13k_tools.errors import DatasetError


def write_file(
    path: Path, content: bytes, *, overwrite: bool = False, durable: bool = False
) -> None:
    """Write one file; see :func:`write_files`."""
    write_files({path: content}, overwrite=overwrite, durable=durable)


def write_files(
    contents: Mapping[Path, bytes], *, overwrite: bool = False, durable: bool = False
) -> None:
    """Write files under a temporary name, then rename them; make their folders.

    A file that is there already with the same bytes is left alone, so a repeated run succeeds.

    Args:
        contents: Path -> bytes.
        overwrite: Replace files that are there with other bytes.
        durable: Wait until each lies on the disk, so that it is whole after a power cut, too; slow
            for many small files.

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
            _write_atomically(path, content, durable=durable)
        except OSError as error:
            raise DatasetError(f"cannot write '{path}': {error.strerror}") from error


def write_folder(
    folder: Path, contents: Mapping[str, bytes], *, overwrite: bool = False, durable: bool = False
) -> None:
    """Write a folder of files under a temporary name, then rename it as a whole.

    A folder that holds the same already is left alone, so a repeated run succeeds.

    Args:
        folder: Where it is going to be.
        contents: Name -> bytes.
        overwrite: Replace a folder that has files of these names with other bytes.
        durable: As for :func:`write_files`.

    Raises:
        DatasetError: Something else is there and ``overwrite`` is off, or the folder also holds
            files of other names, which are never removed; or it cannot be written.
    """
    folder = folder.resolve()
    if folder.is_file():
        raise DatasetError(f"'{folder}' is a file, expected the name of a folder")
    standing = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if standing == set(contents) and all(
        _holds(folder / name, contents[name]) for name in contents
    ):
        return
    if foreign := sorted(standing - set(contents)):
        raise DatasetError(f"'{folder}' holds '{foreign[0]}' already; choose another folder")
    if standing and not overwrite:
        raise DatasetError(
            f"'{folder}' is there already with other content; pass --overwrite to replace it"
        )
    try:
        _write_folder_atomically(folder, contents, durable=durable)
    except OSError as error:
        raise DatasetError(f"cannot write '{folder}': {error.strerror}") from error


def clear_partial(parent: Path) -> None:
    """Put right what writers into a folder left when they were killed; none may be at work.

    What was written in part goes. A folder that was moved aside and not replaced yet comes back.
    """
    for partial in parent.glob(".*.part"):
        if not partial.is_dir():
            partial.unlink()
            continue
        folder, old = parent / partial.name[1:].rsplit(".", 2)[0], partial / "old"
        if old.is_dir() and not folder.exists():
            old.replace(folder)
        shutil.rmtree(partial)


def refuse_own_files(paths: Iterable[Path], own: Iterable[Path]) -> None:
    """Make sure that nothing is written over what it is made from, whatever name it goes by.

    Args:
        paths: Files that are going to be written.
        own: Files of the data set; a folder stands for the files in it.

    Raises:
        DatasetError: One of the files is there and is one of the data set's.
    """
    standing: dict[tuple[int, int], Path] = {}
    for path in paths:
        if place := _place(path):
            standing[place] = path
            standing[_place(path.parent) or place] = path
    for file in own if standing else ():
        place = _place(file)
        if place in standing:
            raise DatasetError(
                f"'{standing[place]}' is a file of the data set itself; choose another folder"
            )


def _place(path: Path) -> tuple[int, int] | None:
    """Say which file a name leads to; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:  # not there, or not ours to read
        return False


def _write_folder_atomically(folder: Path, contents: Mapping[str, bytes], *, durable: bool) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}."  # by which clear_partial knows where the old one was
    with tempfile.TemporaryDirectory(prefix=prefix, suffix=".part", dir=folder.parent) as partial:
        new, old = Path(partial, "new"), Path(partial, "old")  # with the usual permissions
        new.mkdir()
        for name, content in contents.items():
            (new / name).write_bytes(content)
            if durable:
                _reach_disk(new / name)
        if durable:
            _reach_disk(new)
        if folder.is_dir():
            folder.replace(old)
        try:
            new.replace(folder)
        except OSError:
            if old.is_dir():
                old.replace(folder)
            raise
        if durable:
            _reach_disk(folder.parent)


def _write_atomically(path: Path, content: bytes, *, durable: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        Path(partial).chmod(0o666 & ~umask)  # mkstemp makes files that only their owner reads
        if durable:
            _reach_disk(Path(partial))
        Path(partial).replace(path)
        if durable:
            _reach_disk(path.parent)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _reach_disk(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, lie on the disk."""
    folder = path.is_dir()
    if folder and sys.platform == "win32":  # which opens no folders
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        with suppress(OSError) if folder else nullcontext():  # some file systems cannot
            os.fsync(handle)
    finally:
        os.close(handle)
