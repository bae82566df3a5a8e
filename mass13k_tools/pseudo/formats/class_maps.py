"""One picture for each class of a photo: ``CLASS/PHOTO.png``."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mass13k_tools.pseudo.formats.pixels import one_mask
from mass13k_tools.pseudo.formats.result import Found, PhotoResult, Reader, SizeHW
from mass13k_tools.pseudo.masks import PseudoMask


def is_class_map(found: Found) -> bool:
    """Tell a picture; which one it is, its place says."""
    return found.path.suffix.lower() == ".png" and found.path.is_file()


def read_class_map(found: Found) -> Iterator[PhotoResult]:
    """Read a mask whose folder is called as its class is."""
    path = found.path
    yield PhotoResult(path.name, partial(_mask, path, path.parent.name))


def _mask(path: Path, class_name: str, size_hw: SizeHW) -> Iterator[PseudoMask]:
    mask = one_mask(path, size_hw, class_name=class_name, source="png")
    if mask is not None:
        yield mask


READERS = (Reader("png", is_class_map, read_class_map),)
