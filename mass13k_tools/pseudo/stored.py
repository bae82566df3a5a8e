"""Masks in files, in the normal form: ``SPLIT/KEY.masks.json``, one for each photo."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import check_ordinary, read_bytes
from mass13k_tools.layouts import Dataset, Sample
from mass13k_tools.outputs import write_file
from mass13k_tools.pseudo.masks import ImageMasks, PseudoMask, mask_from_rle

FORMAT = "mass13k/masks/1"
ENDING = ".masks.json"
MOST_BYTES = 2**28  # far more than a thousand ragged masks of a 4K photo need
Table = Mapping[str, Any]


def masks_path(folder: Path, sample: Sample) -> Path:
    """Say where the masks of a sample lie."""
    return folder / sample.split / f"{sample.key}{ENDING}"


def check_apart(dataset: Dataset, out: Path) -> None:
    """Make sure that nothing is written among the files of the data set that is read.

    Raises:
        DatasetError: It would be.
    """
    place = out.resolve()
    for path in (dataset.samples[0].label_path, dataset.samples[0].image_path):
        folder = path.parent.resolve()
        if folder.is_relative_to(place) or place.is_relative_to(folder):
            raise DatasetError(
                f"'{out}' holds the data set itself; choose another folder, label maps are never "
                "written over"
            )


def write_masks(path: Path, found: ImageMasks, *, overwrite: bool = False) -> None:
    """Write the masks of a photo.

    Raises:
        DatasetError: Others are there and ``overwrite`` is off, or they cannot be written.
    """
    write_file(path, masks_bytes(found), overwrite=overwrite)


def masks_bytes(found: ImageMasks) -> bytes:
    """Give what :func:`write_masks` writes: JSON, one line a mask."""
    rows = ",\n".join(json.dumps(_row(mask)) for mask in found.masks)
    head = {"format": FORMAT, "key": found.key, "size_hw": [*found.size_hw]}
    return f'{json.dumps(head)[:-1]}, "masks": [\n{rows}\n]}}\n'.encode()


def read_masks(path: Path) -> ImageMasks:
    """Read the masks of a photo; what is damaged is an error, not a crash.

    Raises:
        DatasetError: The file is missing, damaged or no file of masks; the message names it.
    """
    check_ordinary(path, kind="masks")
    if path.stat().st_size > MOST_BYTES:
        raise DatasetError(f"masks '{path}' have {path.stat().st_size} bytes, expected fewer")
    try:
        return _masks(json.loads(read_bytes(path, kind="masks")))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(
            f"masks '{path}' are damaged or no file that mass13k pseudo writes ({error}); "
            "run mass13k pseudo import for results of other programs"
        ) from error
    except DatasetError as error:
        raise DatasetError(f"masks '{path}': {error}") from error


def _row(mask: PseudoMask) -> dict[str, Any]:
    return {
        "class_name": mask.class_name,
        "mask_score": mask.mask_score,
        "detector_score": mask.detector_score,
        "source": mask.source,
        "box_yxhw": [*mask.box],
        "counts": mask.counts.decode("ascii"),
    }


def _masks(table: Table) -> ImageMasks:
    if table["format"] != FORMAT:
        raise ValueError(f"format is {table['format']!r}, expected {FORMAT!r}")
    height, width = (_whole(number) for number in table["size_hw"])
    masks = tuple(_mask(row, number) for number, row in enumerate(table["masks"]))
    return ImageMasks(str(table["key"]), (height, width), masks)


def _mask(row: Table, number: int) -> PseudoMask:
    y, x, height, width = (_whole(each) for each in row["box_yxhw"])
    name, source = row["class_name"], row["source"]
    if not isinstance(name, str | None) or not isinstance(source, str):
        raise ValueError(f"class or source of mask {number} is no text")
    mask = mask_from_rle(
        row["counts"],
        (height, width),
        class_name=name,
        mask_score=_score(row["mask_score"]),
        detector_score=_score(row["detector_score"]),
        source=source,
    )
    if mask is None or mask.box != (0, 0, height, width):
        raise ValueError(f"mask {number} does not fill its box")
    return replace(mask, box=mask.box._replace(y=y, x=x))


def _whole(number: object) -> int:
    if type(number) is not int or not 0 <= number < 2**31:
        raise ValueError(f"{number!r} is no whole number of 0 or more")
    return number


def _score(number: object) -> float | None:
    if number is None:
        return None
    if not isinstance(number, int | float) or not 0 <= number <= 1:
        raise ValueError(f"a score is {number!r}, expected 0 to 1")
    return float(number)
