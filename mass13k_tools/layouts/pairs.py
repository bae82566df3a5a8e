"""Finds the folders of a layout, and the files in them by key. Nothing here opens a pixel file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts.listing import Duplicate, holds, list_folder, subfolders
from mass13k_tools.layouts.table import (
    IMAGE_ENDINGS,
    LABEL_ENDINGS,
    SPLIT_NAMES,
    Layout,
)

Word = tuple[str, str | None]  # split word and group


@dataclass(slots=True)
class FolderPair:
    """Where one split (or one group of a split) lies."""

    split: str
    group: str | None
    images: list[Path] = field(default_factory=list)
    """Existing image folders, the preferred one first."""
    labels: Path | None = None
    pair_list: Path | None = None
    """File that names the pairs, where equal names do not."""


@dataclass(frozen=True, slots=True)
class PairedFiles:
    """The files of a folder pair; a key may be on one side only."""

    images: dict[str, Path]
    labels: dict[str, Path]
    duplicates: list[Duplicate] = field(default_factory=list)
    """Wherever a folder has two files for one key."""
    unexpected: list[Path] = field(default_factory=list)
    """Files of unread formats, and subfolders that hold images."""


def find_folder_pairs(base: Path, layout: Layout, images: str | None = None) -> list[FolderPair]:
    """Find the image and label folders of every split.

    Args:
        base: Folder that the layout's patterns start from.
        layout: Row of the table.
        images: Use only image folders with this name in their path below ``base``.

    Returns:
        One pair per split and group; either side may be missing.

    Raises:
        DatasetError: Two folder names mean the same split.
    """
    pairs: dict[Word, FolderPair] = {}
    for word, folder in _folders_of(base, layout.labels, layout):
        pairs[word] = FolderPair(_split(word[0]), word[1], labels=folder)
    for pattern in layout.images:
        for word, folder in _folders_of(base, pattern, layout):
            if images is None or images in folder.relative_to(base).parts:
                pair = pairs.setdefault(word, FolderPair(_split(word[0]), word[1]))
                pair.images.append(folder)
    _check_split_words({split_word for split_word, _ in pairs}, base)
    if layout.pair_list:
        # The splits of such a layout share their image folders
        shared = pairs.pop(("", None), FolderPair("", None)).images
        for (split_word, _), pair in pairs.items():
            pair.images = shared
            pair.pair_list = base / layout.pair_list.replace("{split}", split_word)
    return list(pairs.values())


def has_pair(pair: FolderPair, layout: Layout) -> bool:
    """Tell whether both sides of a folder pair hold at least one file that the layout reads."""
    if pair.labels is None or (pair.pair_list is not None and not pair.pair_list.is_file()):
        return False
    return any(holds(folder, IMAGE_ENDINGS, layout.image_end) for folder in pair.images) and (
        holds(pair.labels, LABEL_ENDINGS, layout.label_end, layout.other_ends)
    )


def list_files(pair: FolderPair, layout: Layout) -> PairedFiles:
    """List the files of a folder pair by key.

    Args:
        pair: Folders of one split.
        layout: Row of the table that they were found by.

    Returns:
        Both sides. Where several image folders have a key, the preferred folder's file is given.

    Raises:
        DatasetError: The pair list has a line that does not name two files.
    """
    if pair.pair_list is not None and pair.labels is not None:
        return _read_pair_list(pair.pair_list, pair.images, pair.labels)
    listings = [list_folder(folder, IMAGE_ENDINGS, layout.image_end) for folder in pair.images]
    # The preferred folder comes first, so it is written last
    images = {key: path for listing in listings[::-1] for key, path in listing.files.items()}
    labels: dict[str, Path] = {}
    if pair.labels is not None:
        listing = list_folder(pair.labels, LABEL_ENDINGS, layout.label_end, layout.other_ends)
        labels = listing.files
        listings.append(listing)
    return PairedFiles(
        images,
        labels,
        [duplicate for listing in listings for duplicate in listing.duplicates],
        [path for listing in listings for path in listing.unexpected],
    )


def _folders_of(base: Path, pattern: str, layout: Layout) -> Iterator[tuple[Word, Path]]:
    """Yield every existing folder that a pattern stands for, with its split word and group."""
    yield from _descend(base, PurePosixPath(pattern).parts, layout, ("", None))


def _descend(
    folder: Path, parts: tuple[str, ...], layout: Layout, word: Word
) -> Iterator[tuple[Word, Path]]:
    if not parts:
        yield word, folder
        return
    part, rest = parts[0], parts[1:]
    if part == "{group}":
        for child in subfolders(folder):
            yield from _descend(child, rest, layout, (word[0], child.name))
    elif "{split}" in part:
        for split_word in _split_words(folder, part, layout):
            child = folder / part.replace("{split}", split_word)
            yield from _descend(child, rest, layout, (split_word, word[1]))
    elif (folder / part).is_dir():
        yield from _descend(folder / part, rest, layout, word)


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


def _read_pair_list(pair_list: Path, image_folders: list[Path], label_folder: Path) -> PairedFiles:
    images: dict[str, Path] = {}
    labels: dict[str, Path] = {}
    duplicates: list[Duplicate] = []
    for image_name, label_name in _read_name_pairs(pair_list):
        key, label = Path(image_name).stem, label_folder / label_name
        if key in labels:
            duplicates.append((key, label, labels[key]))
            continue
        labels[key] = label
        for folder in image_folders[::-1]:
            if (folder / image_name).is_file():
                images[key] = folder / image_name
    # A label without file stays where the image is missing too, or nobody would hear of the pair
    present = {key: path for key, path in labels.items() if path.is_file() or key not in images}
    return PairedFiles(images, present, duplicates)


def _read_name_pairs(pair_list: Path) -> Iterator[tuple[str, str]]:
    text = read_bytes(pair_list, kind="pair list").decode(errors="surrogateescape")
    for number, line in enumerate(text.splitlines(), start=1):
        names = line.split()
        if len(names) == 2:  # the last part only: a name must not lead out of its folder
            yield PurePosixPath(names[0]).name, PurePosixPath(names[1]).name
        elif names:
            raise DatasetError(
                f"line {number} of '{pair_list}' is '{line}', expected an image and a label name"
            )
