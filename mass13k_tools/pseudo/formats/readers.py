"""All formats, and the results that lie in a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.formats import class_maps, coco, grounded, labelme, pipelines, sam
from mass13k_tools.pseudo.formats.result import Found, Reader, read_json

READERS = {
    reader.name: reader
    for module in (sam, grounded, pipelines, labelme, coco, class_maps)
    for reader in module.READERS
}


def find_results(root: Path) -> Iterator[Path]:
    """Find every result in a folder, or the one that a file is, in the order of their names.

    Args:
        root: A file, or a folder to any depth; links to folders are not followed.

    Raises:
        DatasetError: Nothing is there.
    """
    if root.is_file():
        yield root
        return
    if not root.is_dir():
        raise DatasetError(f"results '{root}' are missing, expected a file or a folder")
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        if sam.TABLE in names:
            folders.clear()
            yield here
            continue
        tables = {Path(name).stem for name in names if name.endswith(".json")}
        # Such as panoptic_val/ beside panoptic_val.json, which says what its pictures mean
        folders[:] = sorted(name for name in folders if name not in tables)
        for name in sorted(names):
            path = here / name
            if name.endswith(".json") or (name.endswith(".png") and not _is_map(path, tables)):
                yield path
            elif name == "mask.jpg" and not tables:
                yield path


def recognise(path: Path, format_name: str | None = None) -> tuple[Reader, Found]:
    """Say which format a result has.

    Args:
        path: A file or folder.
        format_name: Allow only this one.

    Raises:
        DatasetError: It is of none, or damaged.
    """
    found = Found(path, read_json(path) if path.suffix == ".json" else None)
    for reader in [READERS[format_name]] if format_name else READERS.values():
        if reader.recognises(found):
            return reader, found
    if path.name == "mask.jpg":
        raise DatasetError(
            f"'{path}' is a drawing by matplotlib, in other colours and another size than the "
            "photo, from which masks cannot be had back; expected Grounded-SAM's mask.json or "
            "label.json with mask.npy or mask.png, its map of values"
        )
    wanted = format_name or ", ".join(READERS)
    raise DatasetError(f"'{path}' is of no format that is known, expected {wanted}")


def _is_map(path: Path, tables: set[str]) -> bool:
    """Tell a map of values, which belongs to a table in JSON, from a mask."""
    return path.stem in tables or (path.stem == "mask" and "label" in tables)
