"""The official scores, protocol ``mass13k/1``, from the sums of ``ops.score_sums``.

===========  ===================================================================================
mIoU         sums over the data set, IoU = I / U per class, mean over the classes that occur
accuracy     right pixels / labelled pixels
BIoU         like IoU on the inner bands of ``ops.bands``, the image frame included, of width
             max(1, round(0.001 diagonal))
boundary F1  of boundary pixels (``ops.boundary_f1``) within 1, 2, 3, 5 px and 0.1 % of the
             diagonal; F1 of the sums (pooled), or mean of the images with such a boundary
===========  ===================================================================================

Pixels that the truth ignores count for nothing in IoU, accuracy and boundary F1. BIoU follows the
released code: there they are something else than any class, so predictions on them count as wrong.
A prediction of ignore is no class: it is wrong wherever the truth has one.

Class 0 is a class like the others. A class that neither map has is undefined (nan) and left out of
means; one that only the prediction or only the truth has scores 0 in IoU, BIoU and pooled F1. What
is taken of the truth alone, accuracy by class and F1 per image, does not see a class that only the
prediction has. With no class at all, every mean is nan.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mass13k_tools.ops.boundary_f1 import Matches, f1_scores
from mass13k_tools.ops.score_sums import Sums

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """What follows from sums; every value is 0..1 or nan.

    Sums may have more axes before the last one: then there are as many scores.
    """

    sums: Sums

    @cached_property
    def iou(self) -> Values:
        """Intersection over union by class, shape (K,)."""
        sums = self.sums
        return _divide(sums.shared, sums.truth + sums.predicted - sums.shared)

    @cached_property
    def class_accuracy(self) -> Values:
        """Right pixels of each class, shape (K,)."""
        return _divide(self.sums.shared, self.sums.truth)

    @cached_property
    def accuracy(self) -> Values:
        """Right pixels of all labelled ones, one number."""
        return _divide(self.sums.shared.sum(axis=-1), self.sums.truth.sum(axis=-1))

    @cached_property
    def biou(self) -> Values:
        """Intersection over union of the bands, shape (R, K)."""
        sums = self.sums
        union = sums.band_truth + sums.band_predicted - sums.band_shared
        return _divide(sums.band_shared, union)

    @cached_property
    def band_share(self) -> Values:
        """How much of each class in the truth its band covers, shape (R, K)."""
        return _divide(self.sums.band_truth, self.sums.truth)

    @cached_property
    def bf1(self) -> Values:
        """Boundary F1 of the summed boundaries (pooled), shape (T, K)."""
        sums = self.sums
        return f1_scores(
            Matches(sums.boundary_truth, sums.near_truth),
            Matches(sums.boundary_predicted, sums.near_predicted),
        )

    @cached_property
    def bf1_per_image(self) -> Values:
        """Boundary F1, mean over the images whose truth has a boundary of the class, (T, K)."""
        return _divide(self.sums.f1, self.sums.f1_images)


def mean(values: Values) -> Values:
    """Average over the classes, the last axis, that are defined; nan where none is.

    Example:
        >>> float(mean(np.array([0.5, np.nan, 1.0])))
        0.75
    """
    defined = np.isfinite(values)
    return _divide(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1))


def _divide(above: ArrayLike, below: ArrayLike) -> Values:
    """Divide; nan where there is nothing to divide by."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    ratio = np.full(above.shape, np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio
