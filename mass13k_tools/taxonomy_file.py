"""Taxonomies as TOML: a user's file, or one of those that come with the package."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from mass13k_tools.classes import UNKNOWN, Colour, Quality, SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.printing import toml_value


def read_taxonomy(path: Path) -> Taxonomy:
    """Read a taxonomy from a TOML file.

    The file has a ``name``, one ``[[classes]]`` table per class (``id`` and ``name``, optionally
    ``aliases``, ``colour`` and ``quality``) and optionally a ``[raw]`` table that leads raw file
    values or ranges of them to ids, such as ``"0-128" = 0``. Values that it does not name are
    errors.

    Args:
        path: The TOML file.

    Returns:
        The taxonomy; classes without a colour get one that differs from the others'.

    Raises:
        DatasetError: The file is missing or no taxonomy; the message names the file and the row.
    """
    content = read_bytes(path, kind="taxonomy")
    try:
        return taxonomy_from_table(tomllib.loads(content.decode("utf-8-sig")), path.stem)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, DatasetError) as error:
        raise DatasetError(f"taxonomy '{path}': {error}") from error


def shipped_taxonomy(name: str) -> Taxonomy:
    """Read one of the taxonomies that come with the package.

    Args:
        name: Its file name without ``.toml``, such as ``"cityscapes"``.
    """
    file = resources.files("mass13k_tools") / "taxonomies" / f"{name}.toml"
    return taxonomy_from_table(tomllib.loads(file.read_text(encoding="utf-8")), name)


def taxonomy_toml(taxonomy: Taxonomy) -> str:
    """Write a taxonomy the way :func:`read_taxonomy` reads it.

    Example:
        >>> from mass13k_tools.classes import MASS13K
        >>> taxonomy_toml(MASS13K).splitlines()[2:5]
        ['[[classes]]', 'id = 0', 'name = "background"']
    """
    lines = [f"name = {toml_value(taxonomy.name)}"]
    for row in taxonomy.classes:
        lines.append("\n[[classes]]")
        lines += [f"{name} = {toml_value(value)}" for name, value in asdict(row).items()]
    lines.append("\n[raw]")
    lines += [
        f'"{raw}" = {class_id}'
        for raw, class_id in enumerate(taxonomy.lookup)
        if class_id != UNKNOWN
    ]
    return "\n".join(lines) + "\n"


def taxonomy_from_table(table: Mapping[str, Any], name: str) -> Taxonomy:
    """Build a taxonomy from a parsed TOML table; see :func:`read_taxonomy`."""
    unexpected = sorted(set(table) - {"name", "classes", "raw"})
    if unexpected:
        raise DatasetError(f"unknown key '{unexpected[0]}', expected name, [[classes]] and [raw]")
    rows = table.get("classes")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DatasetError("no [[classes]] tables, expected one per class")
    classes = tuple(_class_from_row(row, number) for number, row in enumerate(rows))
    return Taxonomy(str(table.get("name", name)), classes, _lookup_from_table(table.get("raw", {})))


def _class_from_row(row: Mapping[str, Any], number: int) -> SemanticClass:
    where = f"[[classes]] number {number + 1}"
    unexpected = sorted(set(row) - {"id", "name", "aliases", "colour", "quality"})
    if unexpected:
        raise DatasetError(f"{where}: unknown key '{unexpected[0]}'")
    class_id, name = row.get("id"), row.get("name")
    if type(class_id) is not int or not isinstance(name, str) or not name:
        raise DatasetError(f"{where}: expected a whole number 'id' and a text 'name'")
    colour = row.get("colour", distinct_colour(number))
    if not _are(colour, int, 3) or not all(0 <= value <= 255 for value in colour):
        raise DatasetError(f"{where}: colour is {colour!r}, expected [R, G, B] of 0..255")
    quality = row.get("quality", "precise")
    if quality not in get_args(Quality):
        raise DatasetError(f"{where}: quality is {quality!r}, expected 'precise' or 'pseudo'")
    aliases = row.get("aliases", [])
    if not _are(aliases, str, None):
        raise DatasetError(f"{where}: aliases is {aliases!r}, expected a list of names")
    return SemanticClass(class_id, name, tuple(aliases), tuple(colour), quality)


def _are(values: Any, kind: type, count: int | None) -> bool:
    """Tell whether ``values`` is a list (or tuple) of ``count`` items of exactly this type."""
    return (
        isinstance(values, list | tuple)
        and (count is None or len(values) == count)
        and all(type(value) is kind for value in values)
    )


def _lookup_from_table(raw: Mapping[str, Any]) -> tuple[int, ...]:
    """Expand ``{"0-128": 0, "255": 255}`` to 256 entries; an empty table gives an empty tuple."""
    if not isinstance(raw, dict):
        raise DatasetError(f'raw is {raw!r}, expected a table such as "0-128" = 0')
    if not raw:
        return ()
    lookup = [UNKNOWN] * 256
    for values, class_id in raw.items():
        first, _, last = values.partition("-")
        digits = first.isdecimal() and (last or first).isdecimal() and len(values) <= 7
        if not digits or type(class_id) is not int:
            raise DatasetError(f'[raw]: {values!r} = {class_id!r}, expected such as "0-128" = 0')
        start, stop = int(first), int(last or first) + 1
        if not 0 <= start < stop <= 256:
            raise DatasetError(f"[raw]: {values!r} is no range within 0..255")
        lookup[start:stop] = [class_id] * (stop - start)
    return tuple(lookup)


def distinct_colour(number: int) -> Colour:
    """Give class number 0, 1, 2 … a colour unlike its neighbours', by bit interleaving.

    The scheme is the well-known PASCAL VOC one: bits of the number go to the high bits of R, G, B.

    Example:
        >>> distinct_colour(1), distinct_colour(2)
        ((128, 0, 0), (0, 128, 0))
    """
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return channels[0], channels[1], channels[2]
