"""What a merge leaves behind in provenance map and record: numbers of sources, and counts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mass13k_tools.arrays import LabelMap
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.claims import FATES
from mass13k_tools.ops.merge import Merged
from mass13k_tools.provenance import MOST_SOURCES, Source
from mass13k_tools.pseudo.choosing import Choice


def numbered(
    provenance: LabelMap,
    sources: tuple[Source, ...],
    merged: Merged,
    choice: Choice,
    label_map: LabelMap,
    ids: Mapping[str, int],
) -> tuple[LabelMap, tuple[Source, ...]]:
    """Write new sources into a provenance map: one for each class, origin and class before.

    Args:
        provenance: Shape (H, W), uint8, 0 where the pixel is original.
        sources: That it numbers already; they keep their numbers.
        merged: What the claims did.
        choice: Masks in the order of the claims.
        label_map: As it was before, shape (H, W), uint8.
        ids: Of the classes, by name.

    Raises:
        DatasetError: There are more sources than 8 bits can number.
    """
    numbers = {(one.name, one.source, one.was): one.number for one in sources}
    rows = list(sources)
    at = np.flatnonzero(merged.owners)
    owners, was = merged.owners.ravel()[at] - 1, label_map.ravel()[at]
    pairs, place = np.unique(owners.astype(np.int64) * 256 + was, return_inverse=True)
    values = np.zeros(len(pairs), dtype=np.uint8)
    for index, pair in enumerate(pairs.tolist()):
        wanted = choice.wanted[pair // 256]
        name = (wanted.name, wanted.mask.source, pair % 256)
        if name not in numbers:
            number = max((row.number for row in rows), default=0) + 1
            if number > MOST_SOURCES:
                raise DatasetError(
                    f"more than {MOST_SOURCES} sources, which a provenance map cannot number; "
                    "merge fewer classes, or give masks of one origin one 'source'"
                )
            numbers[name] = number
            rows.append(Source(number, wanted.name, ids[wanted.name], wanted.mask.source, name[2]))
        values[index] = numbers[name]
    written = provenance.copy()
    written.ravel()[at] = values[place]
    return written, tuple(rows)


def merge_counts(choice: Choice, merged: Merged, names: Sequence[str]) -> dict[str, Any]:
    """Describe a merge: counts by class, and what was dropped.

    Args:
        choice: Masks in the order of the claims.
        merged: What the claims did.
        names: Of the classes.
    """
    return {
        "pixels": {name: _class_counts(name, choice, merged) for name in names},
        "dropped": [dropped._asdict() for dropped in choice.dropped],
    }


def _class_counts(name: str, choice: Choice, merged: Merged) -> dict[str, int]:
    own: Sequence[int] = [n for n, wanted in enumerate(choice.wanted) if wanted.name == name]
    fates = merged.fates[own].sum(axis=0).tolist()
    return {
        "masks": len(own),
        "area": sum(choice.wanted[n].area_px for n in own),
        **dict(zip(FATES, fates, strict=True)),
        "ring": int(merged.ring[own].sum()),
    }
