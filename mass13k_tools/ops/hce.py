"""HCE: how many mouse clicks would correct a predicted mask.

Human correction effort, from "Highly Accurate Dichotomous Image Segmentation" (ECCV 2022), counted
as its released code counts. Wrong pixels within ``relax_px`` of a right border are forgiven, except
where a thin part of the truth is lost. Of what is left, FP and FN, a person would

- redraw the borders that run along something to keep: one click for each corner of the
  Douglas-Peucker polygon that stays within ``epsilon_px`` of the border;
- remove or fill a region that touches no such border as a whole: one click.

Something to keep is, for FP, the true pixels found and FN; for FN, everything that is neither
found, FP nor FN.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Mask, check_mask_pair
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.compiled import compiled
from mass13k_tools.ops.skeleton import skeleton

Points = NDArray[np.int32]  # (N, 2) x and y

RELAX_PX = 5
EPSILON_PX = 2.0

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)  # a pixel and its four sides


class CorrectionEffort(NamedTuple):
    """Mouse clicks that correct one mask, by what they are for."""

    fp_points: int
    """Clicks along the borders of what is too much."""
    fp_regions: int
    """Clicks on regions to remove as a whole."""
    fn_points: int
    """Clicks along the borders of what is missing."""
    fn_regions: int
    """Clicks on regions to fill as a whole."""

    @property
    def total(self) -> int:
        """HCE in clicks; 0 is best, there is no upper end."""
        return sum(self)


def hce(
    prediction: Mask,
    truth: Mask,
    *,
    relax_px: int = RELAX_PX,
    epsilon_px: float = EPSILON_PX,
    truth_skeleton: Mask | None = None,
) -> CorrectionEffort:
    """Count the clicks that would turn a predicted mask into its truth.

    Args:
        prediction: Shape (H, W), bool.
        truth: Shape (H, W), bool.
        relax_px: Borders may be off by this many steps along rows and columns.
        epsilon_px: Redrawn borders may be off by this.
        truth_skeleton: ``skeleton(truth)`` where it was kept, shape (H, W), bool.

    Returns:
        Clicks, of four kinds and in total. They depend on the resolution of the masks.

    Raises:
        DatasetError: The masks differ in size, the skeleton leaves the truth, or a size is < 0.

    Example:
        >>> truth = np.zeros((60, 90), dtype=np.bool_)
        >>> prediction = truth.copy()
        >>> truth[:, :20] = prediction[:, :40] = True  # one straight border to redraw
        >>> prediction[20:40, 60:80] = True  # one region to remove
        >>> hce(prediction, truth)
        CorrectionEffort(fp_points=2, fp_regions=1, fn_points=0, fn_regions=0)
    """
    prediction, truth = check_mask_pair(prediction, truth)
    if relax_px < 0 or epsilon_px < 0:
        raise DatasetError(f"relax_px is {relax_px}, epsilon_px {epsilon_px}, expected 0 or more")
    if truth_skeleton is None:
        truth_skeleton = skeleton(truth)
    elif not _lies_within(truth_skeleton, truth):
        raise DatasetError("truth_skeleton is not of this truth, expected skeleton(truth)")
    found = truth & prediction
    inner = _shrunk(truth | prediction, relax_px)
    too_much, missing = prediction & ~truth, truth & ~prediction
    fp = _unforgiven(too_much, inner, relax_px)
    fn = _unforgiven(missing, inner, relax_px) | (truth_skeleton & missing)
    fp_points, fp_regions = _clicks(fp, found | fn, epsilon_px=epsilon_px)
    fn_points, fn_regions = _clicks(fn, ~(found | fp | fn), epsilon_px=epsilon_px)
    return CorrectionEffort(fp_points, fp_regions, fn_points, fn_regions)


def _lies_within(part: Mask, mask: Mask) -> bool:
    """Tell whether the first is a mask of the second's size and True only where that is."""
    alike = part.dtype == mask.dtype and part.shape == mask.shape
    return alike and not (part & ~mask).any()


def _shrunk(mask: Mask, steps: int) -> Mask:
    """Erode by one cross per step; the image frame takes nothing away."""
    return cv2.erode(mask.view(np.uint8), _CROSS, iterations=steps).view(np.bool_)


def _grown(mask: Mask) -> Mask:
    """Dilate by one cross."""
    return cv2.dilate(mask.view(np.uint8), _CROSS).view(np.bool_)


def _unforgiven(wrong: Mask, inner: Mask, relax_px: int) -> Mask:
    """Keep the wrong pixels that lie inside, and those that are few steps from such a pixel.

    The released code lets steps lead over pixels of neither mask as well. Inner pixels have none
    of those within reach, so nothing is lost by staying on wrong pixels.
    """
    kept = wrong & inner
    for _ in range(relax_px):
        kept = _grown(kept) & wrong
    return kept


def _clicks(wrong: Mask, kept: Mask, *, epsilon_px: float) -> tuple[int, int]:
    """Count the polygon corners along borders to redraw, and the regions without such a border."""
    contours, _ = cv2.findContours(wrong.view(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return 0, 0
    lengths = np.array([len(contour) for contour in contours])
    points = np.concatenate(contours).reshape(-1, 2).astype(np.int32, copy=False)
    places = points[:, 1].astype(np.int64) * wrong.shape[1] + points[:, 0]
    used = np.flatnonzero(_first_visits(places, _grown(kept).reshape(-1)))
    n_labels, labels = cv2.connectedComponents(wrong.view(np.uint8), connectivity=8)
    touched = np.unique(labels.reshape(-1)[places[used]])
    owners = np.repeat(np.arange(len(contours)), lengths)[used]
    lines = _lines(points[used], used, owners)
    corners = sum(len(cv2.approxPolyDP(line, epsilon_px, False)) for line in lines)
    return corners, n_labels - 1 - len(touched)


@compiled
def _first_visits(places: NDArray[np.int64], open_places: Mask) -> Mask:
    """Mark the first visit to every open place, closing it behind; (N,) for (N,) places."""
    first = np.zeros(places.size, dtype=np.bool_)
    for visit, place in enumerate(places):
        if open_places[place]:
            first[visit] = True
            open_places[place] = False
    return first


def _lines(points: Points, used: NDArray[np.int64], owners: NDArray[np.int64]) -> list[Points]:
    """Cut contours into lines of pixels that follow each other.

    Where a contour's last line ends beside the start of its first one, the first is appended to it,
    back to front as in the released code.

    Args:
        points: Pixels used of all contours, shape (N, 2), int32.
        used: Their places among all pixels of all contours, shape (N,), int64, increasing.
        owners: Their contours, shape (N,), int64, not decreasing.

    Returns:
        Lines of shape (M, 2), int32, M >= 1; together they are ``points``.
    """
    if not len(points):
        return []
    breaks = np.flatnonzero((np.diff(used) > 1) | (np.diff(owners) > 0)) + 1
    starts, ends = np.append(0, breaks), np.append(breaks, len(points))
    firsts = np.flatnonzero(np.diff(owners[starts], prepend=-1))
    lasts = np.append(firsts[1:], len(starts)) - 1
    gaps = np.abs(points[starts[firsts]] - points[ends[lasts] - 1]).max(axis=1)
    lines = [points[start:end] for start, end in zip(starts, ends, strict=True)]
    joined = np.flatnonzero((firsts < lasts) & (gaps == 1))
    for first, last in zip(firsts[joined], lasts[joined], strict=True):
        lines[last] = np.concatenate([lines[last], lines[first][::-1]])
    absorbed = set(firsts[joined].tolist())
    return [line for number, line in enumerate(lines) if number not in absorbed]
