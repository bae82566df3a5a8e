"""Finds the predicted label maps of samples in a folder. Nothing here opens a pixel file.

A prediction is a PNG named after its sample: by the key, or like the label file or the image file
(``KEY.png``, ``KEY_gtFine_labelIds.png``, ``KEY_leftImg8bit.png``). It lies

- in the folder itself, or
- in a subfolder named by the split (``val``), or
- in subfolders that repeat the last folders of the label file (``validation``, ``val/aachen``,
  ``annotations/val``).

Names are compared letter by letter, only ``.PNG`` may be written in capitals. Hidden files and
folders are passed over, and so is everything more than four folders deep, or in the subfolder
``extras``, where massformer.predict puts pictures that are no label maps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts.dataset import Sample
from mass13k_tools.layouts.listing import files_below
from mass13k_tools.layouts.table import LABEL_ENDINGS

EXTRAS = "extras"
DEEPEST = 4  # folders; the deepest labels of any layout lie three below their root


@dataclass(frozen=True)
class Predictions:
    """The predicted label maps of some samples."""

    folder: Path
    paths: dict[tuple[str, str], Path]
    """Split and key -> file, in the order of the samples."""
    missing: list[Sample]
    """Samples without prediction."""
    extra: list[Path]
    """PNG files that belong to none of the samples, by path."""

    def of(self, sample: Sample) -> Path:
        """Give a sample's prediction.

        Raises:
            DatasetError: It has none.
        """
        path = self.paths.get((sample.split, sample.key))
        if path is None:
            raise DatasetError(
                f"no prediction of '{sample.key}' ({sample.split}) in '{self.folder}', expected "
                f"'{sample.split}/{sample.key}.png' or '{sample.key}.png'"
            )
        return path


def find_predictions(folder: Path, samples: Sequence[Sample]) -> Predictions:
    """Match the PNG files of a folder with samples, by name and subfolder as said above.

    Args:
        folder: Folder of predicted label maps.
        samples: The samples that are wanted.

    Returns:
        One file per sample, and what is missing or extra.

    Raises:
        DatasetError: The folder cannot be read or has no PNG at all, a file belongs to samples of
            several splits, or a sample has two files.
    """
    if not folder.is_dir():
        found = "a file" if folder.is_file() else "nothing"
        raise DatasetError(f"found {found} at '{folder}', expected a folder of predictions")
    try:
        files = files_below(folder, LABEL_ENDINGS, deepest=DEEPEST)
    except OSError as error:
        raise DatasetError(f"cannot read '{error.filename}': {error.strerror}") from error
    files = [path for path in files if path.relative_to(folder).parts[0] != EXTRAS]
    if not files:
        raise DatasetError(f"no PNG in '{folder}', expected predicted label maps named KEY.png")
    owners = _owners(samples)
    paths: dict[tuple[str, str], Path] = {}
    extra = []
    for path in files:
        place = path.relative_to(folder)
        wanted = owners.get(PurePosixPath(*place.parent.parts, place.stem), [])
        if len(wanted) > 1:
            raise DatasetError(_shared(path, wanted))
        if not wanted:
            extra.append(path)
            continue
        known = paths.setdefault((wanted[0].split, wanted[0].key), path)
        if known != path:
            raise DatasetError(
                f"'{known}' and '{path}' are both predictions of '{wanted[0].key}' "
                f"({wanted[0].split}); keep one of them"
            )
    names = [(sample.split, sample.key) for sample in samples]
    return Predictions(
        folder,
        {name: paths[name] for name in names if name in paths},
        [sample for sample, name in zip(samples, names, strict=True) if name not in paths],
        extra,
    )


def _owners(samples: Sequence[Sample]) -> dict[PurePosixPath, list[Sample]]:
    """Note every place where a prediction may lie, without its ending, and whose it would be."""
    owners: dict[PurePosixPath, list[Sample]] = {}
    for sample in samples:
        for place in set(_places(sample)):
            owners.setdefault(place, []).append(sample)
    return owners


def _places(sample: Sample) -> Iterator[PurePosixPath]:
    folders = sample.label_path.parent.parts[1:]  # without the root of the file system
    for stem in (sample.key, sample.label_path.stem, sample.image_path.stem):
        yield PurePosixPath(sample.split, stem)
        for deep in range(DEEPEST + 1):
            yield PurePosixPath(*folders[len(folders) - min(deep, len(folders)) :], stem)


def _shared(path: Path, owners: Sequence[Sample]) -> str:
    one, other = owners[0], owners[1]
    if one.key != other.key:
        return f"'{path}' is named after both '{one.key}' and '{other.key}'; rename it"
    return (
        f"'{path}' may be the prediction of '{one.key}' in {one.split} or in {other.split}; "
        "put predictions into one folder a split, or choose with --split"
    )
