"""Finds the folders of a layout, and the files in them by key. Nothing here opens a file."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mass13k_tools.errors import DatasetError
from mass13k_tools.layout_table import (
    IMAGE_ENDINGS,
    LABEL_ENDINGS,
    SPLIT_NAMES,
    SPLIT_ORDER,
    UNREAD_ENDINGS,
    Layout,
)


@dataclass(slots=True)
class FolderPair:
    """Where one split (or one group of a split) lies."""

    split: str
    group: str | None
    images: list[Path] = field(default_factory=list)
    """Existing image folders, the preferred one first."""
    labels: Path | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of one folder that belong to samples, and those that should not be there."""

    files: dict[str, Path]
    """Key -> file, in order of key."""
    duplicates: list[tuple[str, Path]]
    """Key and file wherever a key has a better file already."""
    unexpected: list[Path]
    """Files of unread formats, and folders that hold images."""


def find_folder_pairs(base: Path, layout: Layout, images: str | None = None) -> list[FolderPair]:
    """Find the image and label folders of every split.

    Args:
        base: Folder that the layout's patterns start from.
        layout: Row of the table.
        images: Use only image folders with this name in their path below ``base``.

    Returns:
        One pair per split and group, in the order of splits; either side may be missing.

    Raises:
        DatasetError: Two folder names mean the same split.
    """
    pairs: dict[tuple[str, str | None], FolderPair] = {}
    for pattern in (*layout.images, layout.labels):
        for word, group, folder in _folders(base, PurePosixPath(pattern).parts, layout):
            pair = pairs.setdefault((word, group), FolderPair(_split(word), group))
            if pattern == layout.labels:
                pair.labels = folder
            # In flat data sets the two patterns are the same
            if pattern in layout.images and folder not in pair.images:
                if images is None or images in folder.relative_to(base).parts:
                    pair.images.append(folder)
    _check_split_words({word for word, _ in pairs}, base)
    return sorted(pairs.values(), key=lambda pair: (split_rank(pair.split), pair.group or ""))


def split_rank(split: str) -> tuple[int, str]:
    """Give the place of a split among others: train, val, test, then by name.

    Example:
        >>> sorted(["test", "extra", "train"], key=split_rank)
        ['train', 'test', 'extra']
    """
    known = split in SPLIT_ORDER
    return (SPLIT_ORDER.index(split) if known else len(SPLIT_ORDER), split)


def list_images(folder: Path, layout: Layout) -> Listing:
    """List the image files of one folder by key."""
    return _list_files(folder, IMAGE_ENDINGS, layout.image_end, ())


def list_labels(folder: Path, layout: Layout) -> Listing:
    """List the label files of one folder by key."""
    return _list_files(folder, LABEL_ENDINGS, layout.label_end, layout.other_ends)


def has_pair(pair: FolderPair, layout: Layout) -> bool:
    """Tell whether both sides of a folder pair hold at least one file that the layout reads."""
    if pair.labels is None:
        return False
    return any(_holds(folder, IMAGE_ENDINGS, layout.image_end) for folder in pair.images) and (
        _holds(pair.labels, LABEL_ENDINGS, layout.label_end, layout.other_ends)
    )


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder by name, without hidden ones."""
    return sorted(Path(entry.path) for entry in _visible(folder) if entry.is_dir())


def _folders(
    folder: Path, parts: tuple[str, ...], layout: Layout, word: str = "", group: str | None = None
) -> Iterator[tuple[str, str | None, Path]]:
    """Yield (split word, group, folder) for every existing folder that a pattern stands for."""
    if not parts:
        yield word, group, folder
        return
    part, rest = parts[0], parts[1:]
    if part == "{group}":
        for child in subfolders(folder):
            yield from _folders(child, rest, layout, word, child.name)
    elif "{split}" in part:
        for split_word in _split_words(folder, part, layout):
            child = folder / part.replace("{split}", split_word)
            yield from _folders(child, rest, layout, split_word, group)
    elif (folder / part).is_dir():
        yield from _folders(folder / part, rest, layout, word, group)


def _split_words(folder: Path, part: str, layout: Layout) -> list[str]:
    known = [word for word in layout.splits if (folder / part.replace("{split}", word)).is_dir()]
    if not layout.other_splits or (layout.splits and not known):
        return known
    return known + [child.name for child in subfolders(folder) if child.name not in known]


def _split(word: str) -> str:
    return SPLIT_NAMES.get(word, word)


def _check_split_words(words: set[str], base: Path) -> None:
    by_split: dict[str, str] = {}
    for word in sorted(words):
        other = by_split.setdefault(_split(word), word)
        if other != word:
            raise DatasetError(
                f"folders '{other}' and '{word}' in '{base}' both mean the split '{_split(word)}'; "
                "rename one of them"
            )


def _list_files(
    folder: Path, endings: tuple[str, ...], stem_end: str, other_ends: tuple[str, ...]
) -> Listing:
    candidates: dict[str, list[Path]] = {}
    unexpected = []
    for entry in _visible(folder):
        path = Path(entry.path)
        if _is_read(path.name, endings, stem_end, other_ends) and not entry.is_dir():
            candidates.setdefault(path.stem.removesuffix(stem_end), []).append(path)
        elif _is_read(path.name, (*IMAGE_ENDINGS, *UNREAD_ENDINGS), stem_end, other_ends):
            unexpected.append(path)
        elif entry.is_dir() and _holds(path, endings, stem_end, other_ends):
            # Subfolders are not entered: their photos would need keys with slashes
            unexpected.append(path)
    for paths in candidates.values():
        paths.sort(key=lambda path: (endings.index(path.suffix.lower()), path.name))
    return Listing(
        files={key: candidates[key][0] for key in sorted(candidates)},
        duplicates=[(key, path) for key in sorted(candidates) for path in candidates[key][1:]],
        unexpected=sorted(unexpected),
    )


def _holds(
    folder: Path, endings: tuple[str, ...], stem_end: str, other_ends: tuple[str, ...] = ()
) -> bool:
    return any(_is_read(entry.name, endings, stem_end, other_ends) for entry in _visible(folder))


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    """List what a folder holds, unsorted, without hidden files."""
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


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
