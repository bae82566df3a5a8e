"""Which networks find and draw: from the names that a user gives to a finder that is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.generating import grounding_dino, sam, sam3
from mass13k_tools.pseudo.generating.finding import BoxFinder, Finder
from mass13k_tools.pseudo.generating.model_files import ModelFolder, model_folder
from mass13k_tools.pseudo.generating.networks import Runner
from mass13k_tools.pseudo.generating.prompts import Phrase

DETECTOR, SEGMENTER = "IDEA-Research/grounding-dino-base", "facebook/sam2.1-hiera-large"


@dataclass(frozen=True, slots=True)
class Networks:
    """The folders of the networks."""

    detector: ModelFolder | None
    """None where the segmenter understands text by itself."""
    segmenter: ModelFolder

    @property
    def source(self) -> str:
        """What masks of them say that they are from."""
        first = f"{self.detector.name}+" if self.detector else ""
        return f"{first}{self.segmenter.name}"

    def digests(self) -> Mapping[str, Any]:
        """Say which networks exactly they are."""
        detector = self.detector and [self.detector.name, self.detector.digest()]
        return {"detector": detector, "segmenter": [self.segmenter.name, self.segmenter.digest()]}

    def load(self, phrases: tuple[Phrase, ...], *, threshold: float, runner: Runner) -> Finder:
        """Load them.

        Args:
            phrases: What they look for.
            threshold: Least score of what finds an object.
            runner: Where they run.
        """
        if self.detector is None:
            return sam3.Sam3(self.segmenter, phrases, threshold=threshold, runner=runner)
        detector = grounding_dino.GroundingDino(
            self.detector, phrases, threshold=threshold, runner=runner
        )
        return BoxFinder(detector, sam.BoxSegmenter(self.segmenter, runner=runner))


def find_networks(detector: str | None, segmenter: str | None) -> Networks:
    """Find the files of the networks, and check that they are of kinds that fit together.

    Args:
        detector: Folder or name on the hub; None: Grounding DINO, or none where none is needed.
        segmenter: Folder or name on the hub; None: SAM 2.

    Raises:
        DatasetError: They are missing, of other kinds, or do not fit together.
    """
    drawing = model_folder(SEGMENTER if segmenter is None else segmenter)
    if drawing.model_type in sam3.TYPES:
        if detector is not None:
            raise DatasetError(
                f"'{segmenter}' is SAM 3, which understands text by itself; leave out --detector"
            )
        return Networks(None, drawing)
    _check_type(drawing, "segmenter", [*sam.KINDS, *sam3.TYPES])
    finding = model_folder(DETECTOR if detector is None else detector)
    _check_type(finding, "detector", [*grounding_dino.CLASSES])
    return Networks(finding, drawing)


def _check_type(folder: ModelFolder, purpose: str, known: list[str]) -> None:
    if folder.model_type not in known:
        raise DatasetError(
            f"'{folder.path}' holds a network of type '{folder.model_type}', expected one of "
            f"{', '.join(known)} as --{purpose}"
        )
