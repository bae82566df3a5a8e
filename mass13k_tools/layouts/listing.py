"""What one folder holds, by key. Nothing here opens a file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mass13k_tools.layouts.table import IMAGE_ENDINGS, UNREAD_ENDINGS

Duplicate = tuple[str, Path, Path]  # key, unused file, used file


class Listing(NamedTuple):
    """What one folder holds."""

    files: dict[str, Path]
    """Key -> file, sorted by key."""
    duplicates: list[Duplicate]
    """Wherever there are two files for one key."""
    unexpected: list[Path]
    """Files of unread formats, and subfolders that hold files like those looked for."""


def list_folder(
    folder: Path, endings: tuple[str, ...], stem_end: str, other_ends: tuple[str, ...] = ()
) -> Listing:
    """List the files of one folder by key, without hidden ones.

    Args:
        folder: An existing folder.
        endings: Endings of files to list, in lower case, the preferred one first.
        stem_end: End that stems must have; it is not part of the key.
        other_ends: Ends that stems must not have.
    """
    candidates: dict[str, list[Path]] = {}
    unexpected = []
    for path, folder_here in _visible(folder):
        if _is_read(path.name, endings, stem_end, other_ends) and not folder_here:
            candidates.setdefault(path.stem.removesuffix(stem_end), []).append(path)
        elif _is_read(path.name, (*IMAGE_ENDINGS, *UNREAD_ENDINGS), stem_end, other_ends):
            unexpected.append(path)
        elif folder_here and holds(path, endings, stem_end, other_ends):
            # Subfolders are not entered: their photos would need keys with slashes
            unexpected.append(path)
    for paths in candidates.values():
        paths.sort(key=lambda path: (endings.index(path.suffix.lower()), path.name))
    return Listing(
        {key: paths[0] for key, paths in sorted(candidates.items())},
        [(key, path, paths[0]) for key, paths in sorted(candidates.items()) for path in paths[1:]],
        sorted(unexpected),
    )


def holds(
    folder: Path, endings: tuple[str, ...], stem_end: str, other_ends: tuple[str, ...] = ()
) -> bool:
    """Tell whether a folder has at least one file that :func:`list_folder` would list."""
    return any(_is_read(path.name, endings, stem_end, other_ends) for path, _ in _visible(folder))


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder by name, without hidden ones."""
    return sorted(path for path, is_folder in _visible(folder) if is_folder)


def files_below(folder: Path, endings: tuple[str, ...], *, deepest: int) -> list[Path]:
    """List the files of a folder and its subfolders by path, without hidden ones.

    Args:
        folder: An existing folder.
        endings: Endings of files to list, in lower case.
        deepest: How many folders down to look; also ends links that lead in a circle.
    """
    files = []
    for path, is_folder in _visible(folder):
        if is_folder:
            if deepest:
                files += files_below(path, endings, deepest=deepest - 1)
        elif _is_read(path.name, endings, "", ()):
            files.append(path)
    return sorted(files)


def _visible(folder: Path) -> Iterator[tuple[Path, bool]]:
    """List what a folder holds and whether it is a folder, unsorted, without hidden files."""
    if not isinstance(folder, os.PathLike):  # far away, see shards.remote_root
        yield from ((path, path.is_dir()) for path in folder.iterdir() if path.name[0] != ".")
        return
    with os.scandir(folder) as entries:  # says what is a folder without asking for each
        for entry in entries:
            if not entry.name.startswith("."):
                yield Path(entry.path), _is_dir(entry)


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_read(
    name: str, endings: tuple[str, ...], stem_end: str, other_ends: tuple[str, ...]
) -> bool:
    stem, dot, ending = name.rpartition(".")
    return (
        dot + ending.lower() in endings
        and len(stem) > len(stem_end)
        and stem.endswith(stem_end)
        and not (other_ends and stem.endswith(other_ends))
    )
