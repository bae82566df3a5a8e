"""What a user asks of ``mass13k pseudo generate``, checked before the first photo is opened."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from mass13k_tools.arrays import Image
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Dataset
from mass13k_tools.outputs import refuse_own_files
from mass13k_tools.pseudo.generating.finding import Finder, Found
from mass13k_tools.pseudo.generating.making import Making, standing
from mass13k_tools.pseudo.generating.networks import Precision, Runner, device_of
from mass13k_tools.pseudo.generating.opening import find_networks
from mass13k_tools.pseudo.generating.prompts import phrases_of
from mass13k_tools.pseudo.generating.views import Cutting
from mass13k_tools.pseudo.stored import masks_path

VERSION = 1  # of everything between a photo and its masks; more when masks would differ


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for."""

    prompts: tuple[str, ...]
    detector: str | None
    segmenter: str | None
    threshold: float
    cutting: Cutting
    device: str | None
    dtype: Precision


class _WhenNeeded:
    """A finder that is loaded once, and never where the masks of all photos are there."""

    def __init__(self, load: Callable[[], Finder]) -> None:
        self.load = functools.cache(load)

    def find(self, image: Image) -> Iterable[Found]:
        return self.load().find(image)


def prepared(request: Request, dataset: Dataset, *, out: Path, overwrite: bool) -> Making:
    """Check what is asked, and load the networks if they are needed.

    Args:
        request: What is asked for.
        dataset: Whose photos are looked at.
        out: Folder of the masks.
        overwrite: Replace masks that were made otherwise.

    Raises:
        DatasetError: Something is missing or does not fit, or masks made otherwise are there.
    """
    phrases, device = phrases_of(request.prompts), device_of(request.device)
    refuse_own_files((masks_path(out, sample) for sample in dataset.samples), dataset.files)
    networks = find_networks(request.detector, request.segmenter)
    settings = {
        "version": VERSION,
        **networks.digests(),
        "phrases": [list(phrase) for phrase in phrases],
        "threshold": request.threshold,
        **asdict(request.cutting),
        "dtype": request.dtype,
    }
    there = standing(dataset.samples, out, settings)
    if there.changed and not overwrite:
        raise DatasetError(
            f"{there.changed[0]} ({len(there.changed)} such files); pass --overwrite to make them "
            "anew, or choose another folder"
        )
    finder = _WhenNeeded(
        lambda: networks.load(
            phrases, threshold=request.threshold, runner=Runner(device, request.dtype)
        )
    )
    if there.same < len(dataset.samples):
        finder.load()  # what is wrong with it shows now, not once a photo
    return Making(
        out, finder, request.cutting, networks.source, settings, dataset.taxonomy, overwrite
    )
