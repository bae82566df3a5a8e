"""Which prediction belongs to which label map; what does not fit is said before scoring."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mass13k_tools.arrays import size_text
from mass13k_tools.classes import MASS13K, Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Dataset, Sample, UnknownLayoutError, find_label_maps
from mass13k_tools.layouts.listing import list_folder, subfolders
from mass13k_tools.layouts.predictions import find_predictions
from mass13k_tools.layouts.table import FOLDER_LABELS, LABEL_ENDINGS, SPLIT_NAMES
from mass13k_tools.pixel_files import read_header

NAMED = 5  # files that an error names before it counts the rest


@dataclass(frozen=True, slots=True)
class Pair:
    """A label map and its prediction, of one size."""

    key: str
    split: str
    size_hw: tuple[int, int]
    truth_path: Path
    prediction_path: Path


def find_truth(root: Path, *, layout: str | None, taxonomy: Taxonomy | None) -> Dataset:
    """Find the label maps to score against; no image is needed.

    Args:
        root: A data set, its label folder, or any folder of label maps: ``KEY.png`` or
            ``SPLIT/KEY.png``.
        layout: As in ``find_dataset``; a folder of label maps has none.
        taxonomy: Classes to use in place of the data set's own, of MaSS13K in a folder.

    Raises:
        DatasetError: There is neither, or two files are label maps of one key.
    """
    try:
        return find_label_maps(root, layout=layout, taxonomy=taxonomy)
    except UnknownLayoutError:
        inside = [root / name for name in FOLDER_LABELS if (root / name).is_dir()]
        samples = [] if layout else _label_folder((inside or [root])[0].absolute())
        if not samples:
            raise
    return Dataset(root.absolute(), "label maps", taxonomy or MASS13K, tuple(samples))


def _label_folder(root: Path) -> list[Sample]:
    samples = []
    for split, folder in ((SPLIT_NAMES[""], root), *((it.name, it) for it in subfolders(root))):
        listing = list_folder(folder, LABEL_ENDINGS, "")
        for key, path, used in listing.duplicates:
            raise DatasetError(f"'{used}' and '{path}' are both label maps of '{key}'")
        samples += [Sample(key, split, path, path) for key, path in listing.files.items()]
    return samples


def find_pairs(predictions: Path, truth: Dataset, *, splits: Sequence[str] = ()) -> list[Pair]:
    """Match predictions with label maps, and compare their sizes.

    Args:
        predictions: Folder of predicted label maps, see ``layouts.predictions``.
        truth: The label maps.
        splits: Score only these; none means all. Predictions of the others are no error.

    Returns:
        In the order of the label maps.

    Raises:
        DatasetError: A prediction is missing, belongs to no label map, or has another size; the
            message names the file.
    """
    wanted = [sample for sample in truth.samples if not splits or sample.split in splits]
    found = find_predictions(predictions, wanted)
    extra = found.extra
    if extra and len(wanted) < len(truth.samples):
        others = [sample for sample in truth.samples if sample.split not in splits]
        theirs = set(find_predictions(predictions, others).paths.values())
        extra = [path for path in extra if path not in theirs]
    faults = []
    if found.missing:
        names = [f"{sample.split}/{sample.key}.png" for sample in found.missing]
        faults.append(
            f"{len(names)} of {len(wanted)} predictions are missing in '{predictions}': "
            f"{listed_names(names)}"
        )
    if extra:
        names = [path.relative_to(predictions).as_posix() for path in extra]
        faults.append(
            f"{len(names)} files in '{predictions}' belong to no label map: {listed_names(names)}; "
            "for one split of several give the whole data set and --split"
        )
    if faults:
        raise DatasetError("; ".join(faults))
    pairs = [_pair(sample, found.paths[sample.split, sample.key]) for sample in wanted]
    _check_sizes(pairs)
    return pairs


def _pair(sample: Sample, prediction: Path) -> Pair:
    size_hw = read_header(sample.label_path).size_hw
    return Pair(sample.key, sample.split, size_hw, sample.label_path, prediction)


def _check_sizes(pairs: Sequence[Pair]) -> None:
    found = {pair: read_header(pair.prediction_path).size_hw for pair in pairs}
    odd = [pair for pair in pairs if found[pair] != pair.size_hw]
    if odd:
        others = f" ({len(odd) - 1} more differ)" if len(odd) > 1 else ""
        raise DatasetError(
            f"prediction '{odd[0].prediction_path}' is {size_text(found[odd[0]])} but its label "
            f"map '{odd[0].truth_path}' is {size_text(odd[0].size_hw)}{others}; scale predictions "
            "to the size of the label maps"
        )


def listed_names(names: Sequence[str]) -> str:
    """Write the first names of a list the way errors do, and count the rest.

    Example:
        >>> listed_names(["a", "b"])
        "'a', 'b'"
    """
    listed = ", ".join(f"'{name}'" for name in names[:NAMED])
    return listed + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
