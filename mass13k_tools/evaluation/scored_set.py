"""The sums of every image, fresh or stored, and whether two sets of them may be compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add

import numpy as np

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.evaluation.pairs import listed_names
from mass13k_tools.layouts import check_splits
from mass13k_tools.ops.score_sums import Sums
from mass13k_tools.ops.scores import Scores, mean

OF_TRUTH = ("truth", "band_truth", "boundary_truth", "f1_images")


@dataclass(frozen=True)
class ScoredImage:
    """What one image adds to every score."""

    key: str
    split: str
    size_hw: tuple[int, int]
    sums: Sums
    """Of the protocol's band ratio first, where there are others."""

    @cached_property
    def scores(self) -> Scores:
        """The scores of this image alone."""
        return Scores(self.sums)

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that occur in the image."""
        return float(mean(self.scores.iou))

    @property
    def biou(self) -> float:
        """Mean BIoU at the protocol's ratio over the classes that occur in the image."""
        return float(mean(self.scores.biou[0]))

    @property
    def accuracy(self) -> float:
        """Right pixels of all labelled ones."""
        return float(self.scores.accuracy)


@dataclass(frozen=True)
class ScoredSet:
    """The images of one folder of predictions, at least one."""

    name: str
    taxonomy: Taxonomy
    images: tuple[ScoredImage, ...]

    @cached_property
    def sums(self) -> Sums:
        """All images together."""
        return reduce(add, (image.sums for image in self.images))

    def only(self, splits: Sequence[str]) -> "ScoredSet":
        """Keep the images of some splits; none means all.

        Raises:
            DatasetError: No image is of such a split.
        """
        check_splits(splits, (image.split for image in self.images), place=self.name)
        kept = (image for image in self.images if not splits or image.split in splits)
        return replace(self, images=tuple(kept))

    def protocol(self) -> "ScoredSet":
        """Leave out the bands of further ratios, which two sets need not share."""
        images = (replace(image, sums=protocol_sums(image.sums)) for image in self.images)
        return replace(self, images=tuple(images))


def protocol_sums(sums: Sums) -> Sums:
    """Leave out the bands of further ratios."""
    return replace(
        sums,
        band_truth=sums.band_truth[:1],
        band_predicted=sums.band_predicted[:1],
        band_shared=sums.band_shared[:1],
    )


def aligned(one: ScoredSet, other: ScoredSet) -> ScoredSet:
    """Bring the images of ``other`` into the order of ``one``.

    Raises:
        DatasetError: The classes, the images, their sizes or their label maps are not the same; the
            message names what differs.
    """
    _check_classes(one, other)
    there = {(image.split, image.key): image for image in other.images}
    here = {(image.split, image.key): image for image in one.images}
    pairs = [(image, there[name]) for name, image in here.items() if name in there]
    faults = {
        f"only in '{one.name}'": [image for name, image in here.items() if name not in there],
        f"only in '{other.name}'": [image for name, image in there.items() if name not in here],
        "of another size": [a for a, b in pairs if a.size_hw != b.size_hw],
    }
    texts = [
        f"{len(images)} {where}: {listed_names([f'{i.split}/{i.key}' for i in images])}"
        for where, images in faults.items()
        if images
    ]
    if texts:
        raise DatasetError(
            f"'{one.name}' and '{other.name}' are not of the same images: {'; '.join(texts)}; "
            "--split compares one split of both"
        )
    changed = [f"{a.split}/{a.key}" for a, b in pairs if not _same_truth(a.sums, b.sums)]
    if changed:
        raise DatasetError(
            f"'{one.name}' and '{other.name}' were scored against different label maps of "
            f"{len(changed)} images: {listed_names(changed)}; score both against the same"
        )
    return replace(other, images=tuple(image for _, image in pairs))


def _check_classes(one: ScoredSet, other: ScoredSet) -> None:
    names = [[f"{id} {name}" for id, name in side.taxonomy.names.items()] for side in (one, other)]
    if names[0] != names[1]:
        here, there = ([name for name in a if name not in b] for a, b in (names, names[::-1]))
        found = [
            f"only in '{side.name}': {listed_names(odd)}"
            for side, odd in ((one, here), (other, there))
            if odd
        ]
        raise DatasetError(
            f"'{one.name}' and '{other.name}' do not have the same classes, "
            f"{'; '.join(found) or 'their order differs'}"
        )


def _same_truth(one: Sums, other: Sums) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in OF_TRUTH)
