"""A taxonomy with new classes, marked as pseudo-labels."""

from collections.abc import Sequence
from dataclasses import replace

from mass13k_tools.arrays import IGNORE
from mass13k_tools.classes import Colour, SemanticClass, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.taxonomy_file import distinct_colour

IGNORE_NAME = "ignore"  # what --over calls 255
PALETTE = 256


def with_new_classes(
    taxonomy: Taxonomy,
    names: Sequence[str],
    *,
    ids: Sequence[int] = (),
    colours: Sequence[Colour] = (),
) -> Taxonomy:
    """Add classes, unless they are there as pseudo-labels already.

    Args:
        taxonomy: Of the data set.
        names: Of the classes.
        ids: One for each name; none: the next ones above all others.
        colours: One for each name; none: colours that no other class has.

    Returns:
        A taxonomy in which every id stands for itself, since merged label maps hold ids.

    Raises:
        DatasetError: A class is there and precise, an id is taken or outside 0..254, or there are
            more or fewer ids or colours than names.
    """
    for what, given in (("--id", ids), ("--colour", colours)):
        if given and len(given) != len(names):
            raise DatasetError(f"{what} given {len(given)} times, expected once for each --class")
    classes = list(taxonomy.classes)
    added = []
    for place, name in enumerate(names):
        known = _known(taxonomy, name)
        if known is not None:
            if ids and ids[place] != known.id:
                raise DatasetError(f"class '{name}' has the id {known.id}, not {ids[place]}")
            continue
        class_id = ids[place] if ids else max(row.id for row in classes) + 1
        _check_id(class_id, name, classes)
        colour = colours[place] if colours else _free_colour(classes)
        classes.append(SemanticClass(class_id, name, colour=colour, quality="pseudo"))
        added.append(name)
    return Taxonomy("+".join((taxonomy.name, *added)), tuple(classes))


def without_classes(taxonomy: Taxonomy, names: Sequence[str]) -> Taxonomy:
    """Take classes away that :func:`with_new_classes` added."""
    name = taxonomy.name
    for gone in names:
        head, _, tail = name.partition(f"+{gone}")
        name = head + tail
    rows = tuple(row for row in taxonomy.classes if row.name not in names)
    return replace(taxonomy, name=name, classes=rows, lookup=())


def claimable_ids(taxonomy: Taxonomy, over: Sequence[str]) -> tuple[int, ...]:
    """Give the ids of the classes that new ones may be taken out of.

    Args:
        taxonomy: Of the data set, before new classes.
        over: Names of more classes; ``ignore`` for 255.

    Raises:
        DatasetError: A name is no class or one of pseudo-labels, or there is nothing to take from.
    """
    ids = [taxonomy.rest_id] if taxonomy.rest_id is not None else []
    for name in over:
        if name == IGNORE_NAME:
            ids.append(IGNORE)
            continue
        row = taxonomy.find(name)
        if row.quality == "pseudo":
            raise DatasetError(
                f"'{name}' is of pseudo-labels, which no later merge overwrites; undo it, then "
                "merge both classes at once, with a --policy"
            )
        ids.append(row.id)
    if not ids:
        raise DatasetError(
            f"taxonomy '{taxonomy.name}' has no class for all else ('background', 'others') that "
            "new classes could be taken out of; name classes with --over"
        )
    return tuple(dict.fromkeys(ids))


def pseudo_ids(taxonomy: Taxonomy) -> tuple[int, ...]:
    """Give the ids of the classes that are pseudo-labels."""
    return tuple(row.id for row in taxonomy.classes if row.quality == "pseudo")


def _known(taxonomy: Taxonomy, name: str) -> SemanticClass | None:
    names = {known: row for row in taxonomy.classes for known in row.called}
    row = names.get(name.casefold())
    if row is None:
        if not name or name == IGNORE_NAME or "+" in name or not name.isprintable():
            raise DatasetError(f"'{name}' cannot be the name of a class")
        return None
    if row.quality != "pseudo" or row.name != name:
        raise DatasetError(
            f"'{name}' is the class '{row.name}' of taxonomy '{taxonomy.name}' already, "
            f"{row.quality}; give the new class another name, and lead masks to it with --map"
        )
    return row


def _check_id(class_id: int, name: str, classes: Sequence[SemanticClass]) -> None:
    owner = next((row.name for row in classes if row.id == class_id), None)
    if owner is not None or not 0 <= class_id < IGNORE:
        taken = f"is that of '{owner}'" if owner is not None else "is outside 0..254"
        raise DatasetError(f"the id {class_id} of the new class '{name}' {taken}; choose with --id")


def _free_colour(classes: Sequence[SemanticClass]) -> Colour:
    """Give the colour, of a palette, that is the farthest from those that pictures have already."""
    red, green, blue = map(int, Taxonomy("", tuple(classes)).colours[IGNORE])  # of what is ignored
    taken: list[Colour] = [*(row.colour for row in classes), (red, green, blue)]

    def nearest(colour: Colour) -> int:
        return min(sum((a - b) ** 2 for a, b in zip(colour, c, strict=True)) for c in taken)

    return max((distinct_colour(number) for number in range(PALETTE)), key=nearest)
