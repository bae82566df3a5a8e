"""Grounded-SAM (a table of values and a map of them) and Grounded-SAM-2 (run lengths)."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.formats.pixels import masked, read_numbers
from mass13k_tools.pseudo.formats.result import (
    Found,
    PhotoResult,
    Reader,
    SizeHW,
    check_size,
    field,
    numbered,
    rle_mask,
    score,
    text,
    whole,
)
from mass13k_tools.pseudo.masks import PseudoMask

TABLES = ("mask", "label")  # what its programs call the file, in a folder for each photo


def is_values(found: Found) -> bool:
    """Tell Grounded-SAM: rows of ``value`` and ``label``, the first of them background."""
    rows = _rows(found.content)
    return bool(rows) and isinstance(rows[0], dict) and {"value", "label"} <= {*rows[0]}


def read_values(found: Found) -> Iterator[PhotoResult]:
    """Read Grounded-SAM; photo and folder are called alike, or photo and file."""
    path = found.path
    photo = path.parent.name if path.stem in TABLES else path.stem
    yield PhotoResult(photo, partial(_values, _rows(found.content), path))


def is_grounded_sam2(found: Found) -> bool:
    """Tell Grounded-SAM-2's demos of images."""
    return isinstance(found.content, dict) and {"image_path", "annotations"} <= {*found.content}


def read_grounded_sam2(found: Found) -> Iterator[PhotoResult]:
    """Read Grounded-SAM-2."""
    content = found.content
    rows = field(content, "annotations", list)
    size = (content.get("img_height"), content.get("img_width"))
    yield PhotoResult(text(content["image_path"], "'image_path'"), partial(_found, rows, size))


def is_tracked(found: Found) -> bool:
    """Tell Grounded-SAM-2's demos of video: instances by number, with a map of numbers."""
    return isinstance(found.content, dict) and {"mask_name", "labels"} <= {*found.content}


def read_tracked(found: Found) -> Iterator[PhotoResult]:
    """Read a frame: ``json_data/mask_NAME.json`` with ``mask_data/mask_NAME.npy``."""
    labels = field(found.content, "labels", dict)
    rows = [
        {"value": number, "label": row.get("class_name") if isinstance(row, dict) else None}
        for number, row in labels.items()
    ]
    stem = found.path.stem
    map_path = found.path.parent.parent / "mask_data" / f"{stem}.npy"
    masks = partial(_mapped, rows, map_path, source="grounded-sam-2")
    yield PhotoResult(stem.removeprefix("mask_"), masks)


def _rows(content: Any) -> list[Any]:
    rows = content.get("mask") if isinstance(content, dict) else content
    return rows if isinstance(rows, list) else []


def _values(rows: list[Any], path: Path, size_hw: SizeHW) -> Iterator[PseudoMask]:
    names = {path.stem: None, "mask": None} if path.stem in TABLES else {path.stem: None}
    places = [path.with_name(f"{name}{suffix}") for name in names for suffix in (".png", ".npy")]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise DatasetError(
            f"no map of values beside '{path}', expected '{places[-1].name}' or "
            f"'{places[-2].name}' of the photo's size; mask.jpg is a drawing of it by matplotlib, "
            "in other colours and another size, from which masks cannot be had back"
        )
    kept = [row for row in rows if not (isinstance(row, dict) and row.get("value") == 0)]
    return _mapped(kept, found, size_hw, source="grounded-sam")


def _mapped(rows: list[Any], path: Path, size_hw: SizeHW, *, source: str) -> Iterator[PseudoMask]:
    values = read_numbers(path)
    check_size(values.shape, size_hw)

    def read(row: Any) -> PseudoMask | None:
        name = text(row.get("label") if isinstance(row, dict) else None, "'label'")
        number = row["value"]
        value = whole(int(number) if str(number).isdecimal() else number, "'value'")
        about = {"class_name": name, "detector_score": score(_logit(row)), "source": source}
        return masked(values == value, **about)

    return numbered(rows, read)


def _logit(row: dict[str, Any]) -> Any:
    """Grounded-SAM writes its truncated logit as a number, older versions as text."""
    logit = row.get("logit")
    if not isinstance(logit, str):
        return logit
    try:
        return float(logit)
    except ValueError:
        return float("nan")


def _found(rows: list[Any], size: tuple[Any, Any], size_hw: SizeHW) -> Iterator[PseudoMask]:
    if size != (None, None):
        check_size(size, size_hw)

    def read(row: Any) -> PseudoMask | None:
        name = text(field(row, "class_name", str), "'class_name'")
        about = {"mask_score": score(row.get("score")), "source": "grounded-sam-2"}
        return rle_mask(row.get("segmentation"), size_hw, class_name=name, **about)

    return numbered(rows, read)


READERS = (
    Reader("grounded-sam", is_values, read_values),
    Reader("grounded-sam-2", is_grounded_sam2, read_grounded_sam2),
    Reader("grounded-sam-2-video", is_tracked, read_tracked),
)
