"""Sums and means over images: of a data set, of its parts, of its classes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.captures import capture_of
from mass13k_tools.classes import Taxonomy
from mass13k_tools.stats.image import ImageStatistics, mipq_values
from mass13k_tools.stats.published import MeanStd

Grouping = Literal["split", "city", "date"]

GROUP_OF: dict[Grouping, Callable[[ImageStatistics], str | None]] = {
    "split": lambda image: image.sample.split,
    "city": lambda image: capture_of(image.sample.key).city or image.sample.group,
    "date": lambda image: capture_of(image.sample.key).date,
}


@dataclass(frozen=True)
class Summary:
    """One row of the table: several images in numbers."""

    name: str
    images: int
    diagonal: MeanStd
    mipq: MeanStd


@dataclass(frozen=True)
class ClassSummary:
    """One class over several images; shares are of 1, None where nothing can be shared out."""

    id: int
    name: str
    images: int
    pixels: int
    pixel_share: float | None
    ipq: MeanStd
    components: int | None
    holes: int | None
    thin_share: float | None
    edge_share: float | None


def mean_std(values: Iterable[float] | NDArray[np.float64]) -> MeanStd:
    """Compute mean and population standard deviation, nan for no values.

    Example:
        >>> mean_std([1.0, 3.0])
        MeanStd(mean=2.0, std=1.0)
    """
    array = np.fromiter(values, dtype=np.float64)
    if array.size == 0:
        return MeanStd(float("nan"), float("nan"))
    return MeanStd(float(array.mean()), float(array.std()))


def summarise(name: str, images: Sequence[ImageStatistics]) -> Summary:
    """Put images into one row."""
    diagonal = mean_std(image.diagonal for image in images)
    return Summary(name, len(images), diagonal, mean_std(mipq_values(images)))


def summarise_by(grouping: Grouping, images: Sequence[ImageStatistics]) -> list[Summary]:
    """Put images into one row per split, city or date; those without one into the row ``-``."""
    groups: dict[str, list[ImageStatistics]] = {}
    for image in images:
        groups.setdefault(GROUP_OF[grouping](image) or "-", []).append(image)
    names = groups if grouping == "split" else sorted(groups)
    return [summarise(name, groups[name]) for name in names]


def summarise_classes(images: Sequence[ImageStatistics], taxonomy: Taxonomy) -> list[ClassSummary]:
    """Put images into one row per class, in the taxonomy's order; counts add up over images."""
    measured = [image.pixels for image in images if image.pixels is not None]
    pixels = reduce(add, measured, np.zeros(256, dtype=np.int64))
    censuses = [image.census for image in images if image.census]
    total = reduce(add, censuses) if censuses else None
    rows = []
    for class_id, name in taxonomy.names.items():
        area = int(pixels[class_id])
        ipq = [image.complexity.ipq[class_id] for image in images if image.complexity]
        rows.append(
            ClassSummary(
                class_id,
                name,
                images=sum(bool(one[class_id]) for one in measured),
                pixels=area,
                pixel_share=share(area, int(pixels.sum())),
                ipq=mean_std(value for value in ipq if np.isfinite(value)),
                components=int(total.components[class_id]) if total else None,
                holes=int(total.holes[class_id]) if total else None,
                thin_share=share(int(total.thin[class_id]), area) if total else None,
                edge_share=share(int(total.edges[class_id]), area) if total else None,
            )
        )
    return rows


def rank_by_mipq(images: Sequence[ImageStatistics]) -> list[ImageStatistics]:
    """Sort the images that have a mIPQ, highest first."""
    ranked = [
        (image.complexity.mipq, image)
        for image in images
        if image.complexity and np.isfinite(image.complexity.mipq)
    ]
    return [image for _, image in sorted(ranked, key=lambda pair: -pair[0])]


def share(part: int, whole: int) -> float | None:
    """Divide; None where there is nothing to share out."""
    return part / whole if whole else None
