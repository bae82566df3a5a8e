"""Recognises a data set by its folders and pairs its files to samples.

Nothing here opens a pixel file. Which folders a data set has is written in ``table``.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mass13k_tools.classes import MASS13K, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts.listing import subfolders
from mass13k_tools.layouts.own_files import CLASSES, own_taxonomy, provenance_maps
from mass13k_tools.layouts.pairs import (
    FolderPair,
    PairedFiles,
    find_folder_pairs,
    has_pair,
    list_files,
)
from mass13k_tools.layouts.split_names import split_rank
from mass13k_tools.layouts.table import FALLBACK, LAYOUT_NAMES, LAYOUTS, Layout
from mass13k_tools.taxonomy_file import shipped_taxonomy


class UnknownLayoutError(DatasetError):
    """A folder is no data set of any known layout."""


FaultKind = Literal[
    "missing-image", "missing-label", "duplicate-key", "unexpected-file", "unlisted"
]


@dataclass(frozen=True, slots=True)
class Sample:
    """An image and its label map."""

    key: str
    """Name without suffix, unique within its split."""
    split: str
    """``train``, ``val``, ``test`` or the data set's own word; ``all`` without splits."""
    image_path: Path
    label_path: Path
    group: str | None = None
    """What was shot together (a city, a sequence, a category), where the layout says so."""
    provenance_path: Path | None = None
    """Which source wrote each pixel, where pseudo-labels were merged in; see ``provenance``."""


@dataclass(frozen=True, slots=True)
class PairingFault:
    """A file that could not become part of a sample."""

    kind: FaultKind
    split: str
    """Empty where it belongs to none."""
    key: str
    path: Path
    found: str
    expected: str
    hint: str


@dataclass(frozen=True)
class Dataset:
    """All samples under one root, in the order of split and key."""

    root: Path
    layout: str
    taxonomy: Taxonomy
    samples: tuple[Sample, ...]
    faults: tuple[PairingFault, ...] = ()
    files: frozenset[Path] = frozenset()
    """All that was found under the root, also of splits that are left out by now; folders stand
    for the files in them."""


def find_dataset(
    root: Path,
    *,
    layout: str | None = None,
    taxonomy: Taxonomy | None = None,
    images: str | None = None,
) -> Dataset:
    """Find the samples of a data set by its folders.

    Args:
        root: The data set's folder, or the folder that holds it.
        layout: One of ``LAYOUT_NAMES``; None recognises it by the folders.
        taxonomy: Classes to use in place of those of ``classes.toml`` or the layout.
        images: Use only image folders of this name, such as ``"images_pad"``.

    Returns:
        Samples in the order of split (train, val, test, others) and key, and pairing faults.

    Raises:
        DatasetError: The root fits no layout or several, cannot be read, or holds no pair at all.
    """
    root = root.absolute()  # workers on other machines have folders of their own to start from
    with _reading():
        base, row, pairs = _recognise(root, layout, images)
        samples, faults = _pair_all(pairs, row)
        maps = provenance_maps(base)
    if not samples:
        raise DatasetError(
            f"no image in '{base}' has a label map of the same name; first fault: "
            f"'{faults[0].path}': {faults[0].found}"
        )
    samples.sort(key=lambda sample: (split_rank(sample.split), sample.key))
    files = frozenset(path for one in samples for path in (one.image_path, one.label_path))
    files |= {fault.path for fault in faults} | {base / CLASSES, *maps.values()}
    if maps:
        samples = [replace(one, provenance_path=maps.get((one.split, one.key))) for one in samples]
    taxonomy = taxonomy or _taxonomy(base, row)
    return Dataset(root, row.name, taxonomy, tuple(samples), tuple(faults), files)


def find_label_maps(
    root: Path, *, layout: str | None = None, taxonomy: Taxonomy | None = None
) -> Dataset:
    """Find all label maps of a data set, also those without an image.

    Args:
        root: The data set's folder, or the folder that holds it.
        layout: One of ``LAYOUT_NAMES``; None recognises it by the folders.
        taxonomy: Classes to use in place of those of ``classes.toml`` or the layout.

    Returns:
        Samples in the order of :func:`find_dataset`; a label map without image stands for it.

    Raises:
        DatasetError: As :func:`find_dataset`, or two files are label maps of one key.
    """
    root = root.absolute()
    with _reading():
        base, row, pairs = _recognise(root, layout, None)
        listings = [(pair, list_files(pair, row)) for pair in pairs]
    samples = [
        Sample(key, pair.split, files.images.get(key, path), path, pair.group or _group(key, row))
        for pair, files in listings
        for key, path in files.labels.items()
    ]
    for _, files in listings:
        for key, path, used in files.duplicates:
            if files.labels.get(key) == used:
                raise DatasetError(f"'{used}' and '{path}' are both label maps of '{key}'")
    samples.sort(key=lambda sample: (split_rank(sample.split), sample.key))
    return Dataset(root, row.name, taxonomy or _taxonomy(base, row), tuple(samples))


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatasetError(f"cannot read '{error.filename}': {error.strerror}") from error


def _recognise(
    root: Path, name: str | None, images: str | None
) -> tuple[Path, Layout, list[FolderPair]]:
    """Find the one row of the table that fits the root, or the folders one or two levels down."""
    if not root.is_dir():
        found = "a file" if root.is_file() else "nothing"
        raise DatasetError(f"found {found} at '{root}', expected the folder of a data set")
    if name is not None and name not in LAYOUT_NAMES:
        raise DatasetError(f"no layout '{name}', known are: {', '.join(LAYOUT_NAMES)}")
    children = subfolders(root)
    for bases in ([root], children, [child / "msem" for child in children]):
        fits = [fit for base in bases if base.is_dir() for fit in _fits(base, name, images)]
        if len(fits) > 1:
            raise DatasetError(_ambiguous(root, fits))
        if fits:
            return fits[0]
    holds = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
    wanted = f"no data set of layout '{name}'" if name else "no known data set"
    chosen = f" with images in '{images}'" if images else ""
    raise UnknownLayoutError(
        f"'{root}' is {wanted}{chosen}: it holds {holds}; known layouts are "
        f"{', '.join(LAYOUT_NAMES)} (--layout); two folders 'images' and 'annotations' always work"
    )


def _fits(
    base: Path, name: str | None, images: str | None
) -> list[tuple[Path, Layout, list[FolderPair]]]:
    """List the layouts that fit a folder, the first row of each; the fallback only alone."""
    fits: dict[str, tuple[Path, Layout, list[FolderPair]]] = {}
    for row in LAYOUTS:
        if row.name in fits or name not in (None, row.name) or (fits and row.name == FALLBACK):
            continue
        pairs = find_folder_pairs(base, row, images)
        if any(has_pair(pair, row) for pair in pairs):
            fits[row.name] = (base, row, pairs)
    return list(fits.values())


def _ambiguous(root: Path, fits: Sequence[tuple[Path, Layout, list[FolderPair]]]) -> str:
    if len({base for base, _, _ in fits}) > 1:
        places = ", ".join(f"'{base}' ({row.name})" for base, row, _ in fits)
        return f"'{root}' holds several data sets: {places}; give the folder of one of them"
    names = ", ".join(row.name for _, row, _ in fits)
    return f"'{root}' fits several layouts: {names}; choose one with --layout"


def _taxonomy(base: Path, row: Layout) -> Taxonomy:
    own = own_taxonomy(base)
    if own is not None:
        return own
    if row.taxonomy == MASS13K.name:
        return MASS13K
    taxonomy = shipped_taxonomy(row.taxonomy)
    if row.train_ids:
        return replace(taxonomy, name=f"{taxonomy.name}-trainids", lookup=())
    return taxonomy


def _pair_all(pairs: Sequence[FolderPair], row: Layout) -> tuple[list[Sample], list[PairingFault]]:
    samples: list[Sample] = []
    faults: list[PairingFault] = []
    for pair in pairs:
        files = list_files(pair, row)
        samples += [
            Sample(key, pair.split, image, files.labels[key], pair.group or _group(key, row))
            for key, image in files.images.items()
            if key in files.labels
        ]
        faults += [*_missing(pair.split, files), *_odd_files(pair.split, files)]
    return samples, list(dict.fromkeys(faults))  # a flat folder is listed twice


def _group(key: str, row: Layout) -> str | None:
    match = re.match(row.key_group, key) if row.key_group else None
    return match[1] if match else None


def _missing(split: str, files: PairedFiles) -> list[PairingFault]:
    images, labels = files.images, files.labels
    hint = "add the missing files or take these away; names are equal up to the ending"
    if bool(images) != bool(labels):  # one message for a whole folder, such as an unlabelled test
        kind: FaultKind = "missing-label" if images else "missing-image"
        folder = next(iter((images or labels).values())).parent
        found = f"split '{split}' has {len(images)} images and {len(labels)} label maps"
        return [PairingFault(kind, split, split, folder, found, "as many of both", hint)]
    return [
        PairingFault(
            "missing-label", split, key, images[key], "no label map of this name", "one", hint
        )
        for key in sorted(images.keys() - labels.keys())
    ] + [
        PairingFault("missing-image", split, key, labels[key], "no image of this name", "one", hint)
        for key in sorted(labels.keys() - images.keys())
    ]


def _odd_files(split: str, files: PairedFiles) -> list[PairingFault]:
    hint = "keep one of the two files"
    return [
        PairingFault(
            "duplicate-key", split, key, path, f"'{path.name}'", f"only '{used.name}'", hint
        )
        for key, path, used in files.duplicates
    ] + [_unexpected(split, path) for path in files.unexpected]


def _unexpected(split: str, path: Path) -> PairingFault:
    if path.is_dir():
        found, hint = "a subfolder with images", "move its files up, or give the subfolder as ROOT"
    else:
        found, hint = f"a file in {path.suffix} format", "convert it without loss"
    expected = "images in .jpg, .jpeg or .png and label maps in .png"
    return PairingFault("unexpected-file", split, path.stem, path, found, expected, hint)
