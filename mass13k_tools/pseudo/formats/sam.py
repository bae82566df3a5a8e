"""Masks of SAM's automatic generator, which have no class: JSON, folders of PNG, SA-1B."""

import csv
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.pseudo.formats.pixels import one_mask
from mass13k_tools.pseudo.formats.result import (
    Found,
    PhotoResult,
    Reader,
    SizeHW,
    field,
    numbered,
    rle_mask,
    score,
    text,
    whole,
)
from mass13k_tools.pseudo.masks import PseudoMask, mask_from_rle

TABLE = "metadata.csv"


def is_list(found: Found) -> bool:
    """Tell ``amg.py --convert-to-rle``: a list of records without a file name."""
    rows = found.content
    if not isinstance(rows, list):
        return False
    return not rows or (
        isinstance(rows[0], dict) and {"segmentation", "predicted_iou"} <= {*rows[0]}
    )


def read_list(found: Found) -> Iterator[PhotoResult]:
    """Read a list of records; the file is called as the photo is."""
    yield PhotoResult(found.path.stem, partial(_records, found.content))


def is_sa1b(found: Found) -> bool:
    """Tell SA-1B: the same records beside an ``image``."""
    content = found.content
    return isinstance(content, dict) and "image" in content and "annotations" in content


def read_sa1b(found: Found) -> Iterator[PhotoResult]:
    """Read SA-1B."""
    name = text(field(found.content["image"], "file_name", str), "'file_name'")
    yield PhotoResult(name, partial(_records, field(found.content, "annotations", list)))


def is_folder(found: Found) -> bool:
    """Tell ``amg.py`` without that flag: a folder of 0.png, 1.png … and a table of them."""
    return found.path.is_dir() and (found.path / TABLE).is_file()


def read_folder(found: Found) -> Iterator[PhotoResult]:
    """Read a folder; it is called as the photo is."""
    table = io.StringIO(read_bytes(found.path / TABLE).decode("utf-8", errors="replace"))
    rows = [*csv.DictReader(table)]
    yield PhotoResult(found.path.name, partial(_files, rows, found.path))


def _records(rows: list[Any], size_hw: SizeHW) -> Iterator[PseudoMask]:
    return numbered(rows, partial(_record, size_hw=size_hw))


def _record(row: Any, size_hw: SizeHW) -> PseudoMask | None:
    about = {"mask_score": score(row.get("predicted_iou")), "source": "sam"}
    segmentation = field(row, "segmentation", dict)
    crop = row.get("crop_box")
    if crop is None or [*reversed(crop[2:])] != segmentation.get("size"):
        return rle_mask(segmentation, size_hw, **about)
    x, y, width, height = (whole(number, "'crop_box'") for number in crop)
    if y + height > size_hw[0] or x + width > size_hw[1]:
        raise DatasetError(f"'crop_box' {crop} reaches out of the photo")
    mask = mask_from_rle(field(segmentation, "counts", (str, list)), (height, width), **about)
    return mask and mask.moved(y, x)


def _files(rows: list[dict[str, str]], folder: Path, size_hw: SizeHW) -> Iterator[PseudoMask]:
    return numbered(rows, partial(_file, folder=folder, size_hw=size_hw))


def _file(row: dict[str, str], folder: Path, size_hw: SizeHW) -> PseudoMask | None:
    number = row.get("id") or ""
    if not number.isascii() or not number.isdecimal():
        raise DatasetError(f"'id' in {TABLE} is {number!r:.40}, expected a whole number")
    try:
        quality = float(row.get("predicted_iou") or "nan")
    except ValueError:
        quality = float("nan")
    about = {"mask_score": score(quality), "source": "sam"}
    return one_mask(folder / f"{number}.png", size_hw, **about)


READERS = (
    Reader("sam", is_list, read_list),
    Reader("sa-1b", is_sa1b, read_sa1b),
    Reader("sam-png", is_folder, read_folder),
)
