"""The scores of a data set in plain numpy, one mask and one class at a time."""

from dataclasses import fields
from itertools import product
from math import hypot

import numpy as np
from scipy.spatial.distance import cdist
from usual_ways import released_band, released_width

from mass13k_tools.ops.score_sums import Sums

NAMES = [row.name for row in fields(Sums)]


def slow_boundary(label_map, class_id):
    """Look at the eight neighbours of every pixel of the class."""
    points = []
    for y, x in np.argwhere(label_map == class_id):
        for row, column in product((y - 1, y, y + 1), (x - 1, x, x + 1)):
            inside = 0 <= row < label_map.shape[0] and 0 <= column < label_map.shape[1]
            if inside and label_map[row, column] not in (class_id, 255):
                points.append((y, x))
                break
    return np.array(points).reshape(-1, 2)


def slow_matches(label_map, other, tolerances_px):
    boundary, near = np.zeros(256, int), np.zeros((len(tolerances_px), 256), int)
    for class_id in np.unique(label_map[label_map != 255]):
        here, there = slow_boundary(label_map, class_id), slow_boundary(other, class_id)
        boundary[class_id] = len(here)
        if len(here) and len(there):
            nearest = cdist(here, there).min(axis=1)
            near[:, class_id] = [(nearest <= tolerance).sum() for tolerance in tolerances_px]
    return boundary, near


def slow_f1(truth_near, truth_boundary, prediction_near, prediction_boundary):
    if not truth_boundary and not prediction_boundary:
        return np.nan
    if not truth_boundary or not prediction_boundary:
        return 0.0
    precision, recall = prediction_near / prediction_boundary, truth_near / truth_boundary
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def slow_sums(prediction, truth, class_ids, ratios):
    """Count with one mask per class; columns are classes."""
    known = np.where(truth == 255, truth, prediction)
    tolerances = [1, 2, 3, 5, 0.001 * hypot(*truth.shape)]
    boundaries = slow_matches(truth, known, tolerances), slow_matches(known, truth, tolerances)
    rows = []
    for class_id in class_ids:
        here, there = truth == class_id, prediction == class_id
        bands = [
            [
                released_band(mask.astype(np.uint8), width_px=released_width(truth.shape, ratio))
                for mask in (here, there)
            ]
            for ratio in ratios
        ]
        rows.append(
            {
                "truth": here.sum(),
                "predicted": (known == class_id).sum(),
                "shared": (here & there).sum(),
                "band_truth": [one.sum() for one, _ in bands],
                "band_predicted": [other.sum() for _, other in bands],
                "band_shared": [(one & other).sum() for one, other in bands],
                **slow_boundary_sums(class_id, *boundaries),
            }
        )
    return {name: np.array([row[name] for row in rows]).T for name in NAMES}


def slow_boundary_sums(class_id, of_truth, of_prediction):
    (truth, near_truth), (predicted, near_predicted) = (
        (boundary[class_id], near[:, class_id]) for boundary, near in (of_truth, of_prediction)
    )
    nears = zip(near_truth, near_predicted, strict=True)
    return {
        "boundary_truth": truth,
        "boundary_predicted": predicted,
        "near_truth": near_truth,
        "near_predicted": near_predicted,
        "f1": [slow_f1(one, truth, other, predicted) if truth else 0.0 for one, other in nears],
        "f1_images": int(truth > 0),
    }


def ratio_or_nan(above, below):
    return above / below if below else np.nan


def slow_scores(rows):
    """Add the slow sums of all pairs up and divide, number by number."""
    total = {name: sum(row[name] for row in rows) for name in NAMES}
    divide = np.vectorize(ratio_or_nan, otypes=[float])
    f1 = np.vectorize(slow_f1, otypes=[float])
    union = total["truth"] + total["predicted"] - total["shared"]
    band_union = total["band_truth"] + total["band_predicted"] - total["band_shared"]
    return {
        "iou": divide(total["shared"], union),
        "class_accuracy": divide(total["shared"], total["truth"]),
        "accuracy": ratio_or_nan(total["shared"].sum(), total["truth"].sum()),
        "biou": divide(total["band_shared"], band_union),
        "band_share": divide(total["band_truth"], total["truth"]),
        "bf1": f1(
            total["near_truth"],
            total["boundary_truth"],
            total["near_predicted"],
            total["boundary_predicted"],
        ),
        "bf1_per_image": divide(total["f1"], total["f1_images"]),
    }
