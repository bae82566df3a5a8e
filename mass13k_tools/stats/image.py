"""The statistics of one image, from the counts of its label file."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Counts
from mass13k_tools.layouts import Sample
from mass13k_tools.ops.census import Census
from mass13k_tools.ops.complexity import Complexity, Definition, quotients
from mass13k_tools.stats.counts import LabelCounts, by_id, read_census, read_perimeters


@dataclass(frozen=True)
class ImageStatistics:
    """The statistics of one image; what the metric did not ask for is None."""

    sample: Sample
    size_hw: tuple[int, int]
    pixels: Counts | None = None
    complexity: Complexity | None = None
    census: Census | None = None

    @property
    def diagonal(self) -> float:
        """Length of the diagonal in pixels."""
        return float(np.hypot(*self.size_hw))


def image_statistics(
    sample: Sample,
    counts: LabelCounts,
    *,
    needed: Set[str],
    definition: Definition,
    min_area: int,
) -> ImageStatistics:
    """Compute the statistics of an image from those of its counts that are needed.

    Args:
        sample: The image.
        counts: Of its label file; what is not needed does not show in the result.
        needed: Names of counts, as ``needed_for`` gives.
        definition: How perimeters are measured.
        min_area: Classes with fewer pixels have no IPQ.
    """
    counts = {name: counts[name] for name in needed}
    size_hw = counts["height"], counts["width"]
    if "pixels" not in needed:
        return ImageStatistics(sample, size_hw)
    pixels = by_id(counts["pixels"])
    lengths = read_perimeters(counts, definition)
    complexity = quotients(pixels, lengths, min_area=min_area)
    return ImageStatistics(sample, size_hw, pixels, complexity, read_census(counts))


def mipq_values(images: Sequence[ImageStatistics]) -> NDArray[np.float64]:
    """Give the mIPQ of every image that has one, shape (n,)."""
    values = [image.complexity.mipq for image in images if image.complexity]
    array = np.array(values, dtype=np.float64)
    return array[np.isfinite(array)]
