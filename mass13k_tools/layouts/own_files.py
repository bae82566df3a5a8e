"""What a data set may hold besides images and label maps: its classes, and provenance maps.

``mass13k shards extract`` and ``mass13k pseudo merge`` write them; any data set may have them.
"""

from collections.abc import Mapping
from pathlib import Path

from mass13k_tools.classes import Taxonomy
from mass13k_tools.layouts.listing import list_folder, subfolders
from mass13k_tools.layouts.table import LABEL_ENDINGS
from mass13k_tools.taxonomy_file import read_taxonomy

CLASSES = "classes.toml"  # taxonomy of a data set that has other classes than its layout
PROVENANCE = "provenance"  # folder of maps that say which source wrote each pixel


def own_taxonomy(base: Path) -> Taxonomy | None:
    """Read the taxonomy that lies in a data set, if there is one.

    Raises:
        DatasetError: There is one that cannot be read.
    """
    path = base / CLASSES
    return read_taxonomy(path) if path.is_file() else None


def provenance_maps(base: Path) -> Mapping[tuple[str, str], Path]:
    """Find the provenance maps of a data set, by split and key; none where it has no such folder.

    Args:
        base: Folder of the data set.
    """
    folder = base / PROVENANCE
    return {
        (split.name, key): path
        for split in (subfolders(folder) if folder.is_dir() else ())
        for key, path in list_folder(split, LABEL_ENDINGS, "").files.items()
    }
