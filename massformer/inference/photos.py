"""Which images are meant: files, folders of them, or data sets. Nothing here opens a file."""

from collections.abc import Sequence
from os.path import realpath
from pathlib import Path
from typing import NamedTuple

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Dataset, UnknownLayoutError, check_splits, find_dataset
from mass13k_tools.layouts.listing import list_folder
from mass13k_tools.layouts.table import IMAGE_ENDINGS


class Photo(NamedTuple):
    """An image to predict."""

    key: str
    """Its name without suffix; what is made of it gets this name."""
    path: Path
    split: str = ""
    """Of the data set that it is from; empty for files and folders."""
    label_path: Path | None = None
    """Its label map, which only says whether the image is turned."""

    @property
    def name(self) -> str:
        """Split and key, as a path without suffix."""
        return f"{self.split}/{self.key}" if self.split else self.key


def find_photos(places: Sequence[Path], *, splits: Sequence[str] = ()) -> list[Photo]:
    """List the images that some paths mean.

    Args:
        places: Image files, folders that hold images, and roots of data sets, whose images may
            lack label maps.
        splits: Of data sets, only these.

    Returns:
        In the order of the places; in each by split and name. Files of a folder that end as images
        of a format that is not read are among them, so that nobody misses them, unless a JPEG or
        PNG of that name is there. What is named twice comes once.

    Raises:
        DatasetError: A place is missing or holds no image, a data set has no such split, or two
            images have one name.
    """
    photos: dict[str, Photo] = {}
    for photo in (photo for place in places for photo in _photos_at(place, splits)):
        other = photos.setdefault(photo.name, photo)
        if other.path != photo.path and realpath(other.path) != realpath(photo.path):
            raise DatasetError(
                f"'{other.path}' and '{photo.path}' are both called '{photo.name}'; predict them "
                "one after the other, with two --out"
            )
    if splits and not any(photo.split for photo in photos.values()):
        raise DatasetError(f"no split '{splits[0]}': none of the paths is the root of a data set")
    return list(photos.values())


def _photos_at(place: Path, splits: Sequence[str]) -> list[Photo]:
    if not place.is_dir():
        if not place.exists():
            raise DatasetError(f"no file or folder '{place}', expected images or a data set")
        return [Photo(place.stem, place)]
    try:
        dataset = find_dataset(place)
    except UnknownLayoutError:
        return _photos_of_folder(place)
    return _photos_of_dataset(dataset, splits)


def _photos_of_folder(folder: Path, split: str = "") -> list[Photo]:
    listing = list_folder(folder, IMAGE_ENDINGS, "")
    for key, path, used in listing.duplicates:
        raise DatasetError(f"'{used}' and '{path}' are both called '{key}'; keep one of them")
    others = {path.stem: path for path in listing.unexpected if path.is_file()}
    files = others | listing.files  # a raw file beside its JPEG is the same photo
    if not files:
        raise DatasetError(
            f"no images in '{folder}', expected .jpg or .png files, or the root of a data set"
        )
    return sorted(Photo(key, path, split) for key, path in files.items())


def _photos_of_dataset(dataset: Dataset, splits: Sequence[str]) -> list[Photo]:
    photos = [
        Photo(sample.key, sample.image_path, sample.split, sample.label_path)
        for sample in dataset.samples
    ]
    for fault in dataset.faults:  # images without label maps, a whole folder in one
        if fault.kind == "missing-label":
            if fault.path.is_dir():
                photos += _photos_of_folder(fault.path, fault.split)
            else:
                photos.append(Photo(fault.key, fault.path, fault.split))
    check_splits(splits, (photo.split for photo in photos), place=dataset.root)
    return [photo for photo in photos if not splits or photo.split in splits]
