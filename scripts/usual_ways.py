"""What the array functions are measured against: the same results, class by class.

The released evaluation (MaSS13K) counts mIoU with ``torch.histc`` and erodes the mask of every
class for Boundary IoU. The tests hold that these give what the project's own functions give.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, Mask

BAND_RATIO = 0.001
SQUARE = np.ones((3, 3), dtype=np.uint8)
BinaryMask = NDArray[np.uint8]  # (H, W) 0 or 1
Weights = NDArray[np.float32]  # (C, H, W)


class ReleasedSums(NamedTuple):
    """What the released evaluation adds up over images, each of shape (K,)."""

    intersect: Counts
    union: Counts
    predicted: Counts
    truth: Counts
    band_intersect: Counts
    band_union: Counts


def released_sums(prediction: LabelMap, truth: LabelMap, *, classes: int) -> ReleasedSums:
    """Count regions and bands of the classes 0..K - 1 by the released rule."""
    known = torch.from_numpy(truth != IGNORE)
    predicted, true = torch.from_numpy(prediction)[known], torch.from_numpy(truth)[known]
    shared, predicted_area, true_area = (
        torch.histc(labels.float(), bins=classes, min=0, max=classes - 1).numpy().astype(np.int64)
        for labels in (predicted[predicted == true], predicted, true)
    )
    bands = [released_band_sums(prediction, truth, class_id) for class_id in range(classes)]
    band_shared, band_union = np.array(bands, dtype=np.int64).T
    union = predicted_area + true_area - shared
    return ReleasedSums(shared, union, predicted_area, true_area, band_shared, band_union)


def released_band_sums(prediction: LabelMap, truth: LabelMap, class_id: int) -> tuple[int, int]:
    """Count the intersection and the union of the bands of one class."""
    width = released_width(truth.shape, BAND_RATIO)
    one = released_band((truth == class_id).astype(np.uint8), width_px=width)
    other = released_band((prediction == class_id).astype(np.uint8), width_px=width)
    return int(((one * other) > 0).sum()), int(((one + other) > 0).sum())


def released_width(size_hw: tuple[int, ...], ratio: float) -> int:
    """Round a share of the diagonal; at least 1 px."""
    height, width = size_hw
    return max(1, round(ratio * float(np.sqrt(height**2 + width**2))))


def released_band(mask: BinaryMask, *, width_px: int) -> BinaryMask:
    """Take the eroded mask away; beyond the frame there is nothing."""
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    eroded = np.asarray(cv2.erode(framed, SQUARE, iterations=width_px), dtype=np.uint8)
    return mask - eroded[1:-1, 1:-1]


def released_edges(label_map: LabelMap, *, width_px: int) -> Mask:
    """Compare shifted views: above, right, below right and below left, then dilate."""
    changes = np.zeros(label_map.shape, dtype=np.uint8)
    here_there = (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    )
    for here, there in here_there:
        one, other = label_map[here], label_map[there]
        changes[here] |= (one != other) & (one != IGNORE) & (other != IGNORE)
    return np.asarray(cv2.dilate(changes, np.ones((width_px, width_px), np.uint8)), dtype=np.bool_)


def pooled_weights(label_map: LabelMap, class_ids: Sequence[int], *, kernel_px: int) -> Weights:
    """Average every mask with torch, as the released loss does, zeros beyond the frame."""
    labels = torch.from_numpy(label_map)
    weights = np.empty((len(class_ids), *label_map.shape), dtype=np.float32)
    for number, class_id in enumerate(class_ids):
        mask = (labels == class_id).float()[None, None]
        mean = torch.nn.functional.avg_pool2d(mask, kernel_px, stride=1, padding=kernel_px // 2)
        weights[number] = (mean - mask).abs()[0, 0].numpy()
    return weights


def filtered_weights(label_map: LabelMap, class_ids: Sequence[int], *, kernel_px: int) -> Weights:
    """Average every mask with scipy, zeros beyond the frame."""
    weights = np.empty((len(class_ids), *label_map.shape), dtype=np.float32)
    for number, class_id in enumerate(class_ids):
        mask = (label_map == class_id).astype(np.float32)
        weights[number] = np.abs(ndimage.uniform_filter(mask, kernel_px, mode="constant") - mask)
    return weights


def own_of(weights: Weights, label_map: LabelMap, class_ids: Sequence[int]) -> Weights:
    """Take every pixel's weight of its own class out of those of all classes."""
    own = np.zeros(label_map.shape, dtype=np.float32)
    for weight, class_id in zip(weights, class_ids, strict=True):
        mask = label_map == class_id
        own[mask] = weight[mask]
    return own


def boundary_windows(label_map: LabelMap, boundary: Mask, *, margin_px: int) -> list[BinaryMask]:
    """Cut every class's boundary out with a margin: 0 on the boundary, 1 elsewhere."""
    windows = []
    for class_id in np.unique(label_map[boundary]):
        of_class = boundary & (label_map == class_id)
        rows, columns = (np.flatnonzero(of_class.any(axis=axis)) for axis in (1, 0))
        window = of_class[
            max(0, rows[0] - margin_px) : rows[-1] + 1 + margin_px,
            max(0, columns[0] - margin_px) : columns[-1] + 1 + margin_px,
        ]
        windows.append(1 - window.astype(np.uint8))
    return windows


def distances(windows: Sequence[BinaryMask]) -> list[NDArray[np.float32]]:
    """Measure exact Euclidean distances to every class's boundary, one transform a class."""
    return [
        np.asarray(cv2.distanceTransform(window, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
        for window in windows
    ]
