"""Results of other programs, brought to their photos and into the normal form."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Sample
from mass13k_tools.pixel_files import read_header
from mass13k_tools.pseudo.formats.readers import find_results, recognise
from mass13k_tools.pseudo.formats.result import Masks, SizeHW
from mass13k_tools.pseudo.masks import ImageMasks, PseudoMask
from mass13k_tools.pseudo.stored import masks_path, write_masks

Failures = list[tuple[str, str]]


class Part(NamedTuple):
    """What one result has of one photo."""

    path: Path
    format_name: str
    masks: Masks


Parts = dict[Sample, list[Part]]


class Imported(NamedTuple):
    """What was written of a photo."""

    sample: Sample
    masks: int


@dataclass(frozen=True, slots=True)
class Owners:
    """Which sample a name means."""

    by_name: dict[str, list[Sample]]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Owners":
        """List samples by the names of their photos and by their keys."""
        by_name = defaultdict(list)
        for sample in samples:
            for name in {sample.image_path.name, sample.key}:
                by_name[name].append(sample)
        return cls(dict(by_name))

    def find(self, photo: str, path: Path) -> Sample:
        """Find the sample of a photo; where several splits have one, the folder says which.

        Raises:
            DatasetError: There is none, or it stays open which.
        """
        name = PurePosixPath(photo.replace("\\", "/")).name
        stem = PurePosixPath(name).stem
        found = self.by_name.get(name) or self.by_name.get(stem) or []
        if len(found) > 1:
            found = [sample for sample in found if sample.split in path.parts] or found
        if len(found) == 1:
            return found[0]
        if found:
            splits = ", ".join(sample.split for sample in found)
            raise DatasetError(
                f"masks of '{name}' could be of the splits {splits}; import them one by one "
                "with --split, or put the results into a folder called as the split is"
            )
        raise DatasetError(f"masks are of '{name}', but no photo of the data set is called so")


def collect(
    results: Path, samples: Sequence[Sample], *, format_name: str | None
) -> tuple[Parts, Failures]:
    """Find all results and the samples that they belong to; masks are not read yet.

    Args:
        results: A file or folder.
        samples: Of the data set.
        format_name: Allow only this format.

    Returns:
        The results of each sample that has any, and of each result that is none, where and why.

    Raises:
        DatasetError: There is no result at all.
    """
    owners, parts, failures = Owners.of(samples), defaultdict(list), Failures()
    for path in find_results(results):
        try:
            reader, found = recognise(path, format_name)
            with _reading(path, reader.name):
                found_here = [*reader.read(found)]
                for result in found_here:
                    sample = owners.find(result.photo, path)
                    # A file of one photo is read again later: thousands do not fit into memory
                    again = partial(_read_again, path, reader.name)
                    masks = result.masks if len(found_here) > 1 else again
                    parts[sample].append(Part(path, reader.name, masks))
        except DatasetError as error:
            failures.append((str(path), str(error)))
    if not parts and not failures:
        raise DatasetError(f"no results in '{results}', expected files of JSON or PNG")
    return dict(parts), failures


def read_parts(sample: Sample, parts: Sequence[Part]) -> ImageMasks:
    """Read all masks of a sample.

    Raises:
        DatasetError: One is damaged, or not of this photo; the message names its file.
    """
    size_hw = read_header(sample.image_path).size_hw
    masks: list[PseudoMask] = []
    for part in parts:
        with _reading(part.path, part.format_name):
            masks.extend(part.masks(size_hw))
    return ImageMasks(sample.key, size_hw, tuple(masks))


def import_sample(item: tuple[Sample, Sequence[Part]], *, out: Path, overwrite: bool) -> Imported:
    """Write the masks of a sample.

    Args:
        item: The sample and its results, from :func:`collect`.
        out: Folder of masks.
        overwrite: Replace others that are there.

    Raises:
        DatasetError: A result is damaged or not of this photo, or other masks are there.
    """
    sample, parts = item
    found = read_parts(sample, parts)
    write_masks(masks_path(out, sample), found, overwrite=overwrite)
    return Imported(sample, len(found.masks))


def _read_again(path: Path, format_name: str, size_hw: SizeHW) -> Iterator[PseudoMask]:
    reader, found = recognise(path, format_name)
    (result,) = reader.read(found)
    return result.masks(size_hw)


@contextmanager
def _reading(path: Path, format_name: str) -> Iterator[None]:
    """Name the file in whatever is wrong with it, also where nobody foresaw it."""
    try:
        yield
    except DatasetError as error:
        raise DatasetError(f"'{path}': {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, MemoryError) as error:
        raise DatasetError(
            f"'{path}' is damaged, or not what {format_name} means ({error!r:.80})"
        ) from error
