"""COCO's files of many photos: instances and panoptic."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_image
from mass13k_tools.pseudo.formats.pixels import masked
from mass13k_tools.pseudo.formats.polygons import coco_mask
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

Names = dict[int, str]


def is_instances(found: Found) -> bool:
    """Tell instances: ``images``, ``annotations`` and ``categories``, one annotation an object."""
    return _is_coco(found) and not _is_segments(found.content)


def read_instances(found: Found) -> Iterator[PhotoResult]:
    """Read every photo's polygons and run lengths."""
    names, rows = _names(found.content), defaultdict(list)
    for row in field(found.content, "annotations", list):
        rows[row.get("image_id") if isinstance(row, dict) else None].append(row)
    for image in field(found.content, "images", list):
        masks = partial(_instances, rows.pop(image.get("id"), []), names, _size(image))
        yield PhotoResult(text(field(image, "file_name", str), "'file_name'"), masks)
    if rows:
        raise DatasetError(f"there are masks of photo {next(iter(rows))!r:.40}, not in 'images'")


def is_panoptic(found: Found) -> bool:
    """Tell panoptic: one annotation a photo, with its segments."""
    return _is_coco(found) and _is_segments(found.content)


def read_panoptic(found: Found) -> Iterator[PhotoResult]:
    """Read every photo's map of segments, which lies in a folder called as the file is."""
    names = _names(found.content)
    images = {image.get("id"): image for image in field(found.content, "images", list)}
    folder = found.path.with_suffix("")
    for row in field(found.content, "annotations", list):
        image = images.get(row.get("image_id"))
        if image is None:
            raise DatasetError("there are segments of a photo that is not in 'images'")
        name = PurePosixPath(text(field(row, "file_name", str), "'file_name'")).name
        segments = field(row, "segments_info", list)
        masks = partial(_segments, segments, names, folder / name)
        yield PhotoResult(text(field(image, "file_name", str), "'file_name'"), masks)


def _is_coco(found: Found) -> bool:
    content = found.content
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= {*content}


def _is_segments(content: Any) -> bool:
    rows = content["annotations"]
    return bool(isinstance(rows, list) and rows and "segments_info" in rows[0])


def _names(content: Any) -> Names:
    rows = field(content, "categories", list)
    return {whole(row.get("id"), "'id'"): text(row.get("name"), "'name'") for row in rows}


def _size(image: Any) -> tuple[Any, Any]:
    return image.get("height"), image.get("width")


def _category(row: Any, names: Names) -> str:
    number = whole(row.get("category_id"), "'category_id'")
    if number not in names:
        raise DatasetError(f"'category_id' is {number}, which is not in 'categories'")
    return names[number]


def _instances(
    rows: list[Any], names: Names, size: tuple[Any, Any], size_hw: SizeHW
) -> Iterator[PseudoMask]:
    if size != (None, None):
        check_size(size, size_hw)

    def read(row: Any) -> PseudoMask | None:
        about = {
            "class_name": _category(row, names),
            "mask_score": score(row.get("score")),
            "source": "coco",
        }
        segmentation = field(row, "segmentation", (dict, list))
        if isinstance(segmentation, list):
            return coco_mask(segmentation, size_hw, **about)
        return rle_mask(segmentation, size_hw, **about)

    return numbered(rows, read)


def _segments(rows: list[Any], names: Names, path: Path, size_hw: SizeHW) -> Iterator[PseudoMask]:
    colours = read_image(path).astype(np.uint32)
    check_size(colours.shape[:2], size_hw)
    numbers = colours[..., 0] + 256 * colours[..., 1] + 65536 * colours[..., 2]

    def read(row: Any) -> PseudoMask | None:
        number = whole(field(row, "id", (int, float)), "'id'")
        about = {"class_name": _category(row, names), "source": "coco-panoptic"}
        return masked(numbers == number, **about)

    return numbered(rows, read)


READERS = (
    Reader("coco", is_instances, read_instances),
    Reader("coco-panoptic", is_panoptic, read_panoptic),
)
