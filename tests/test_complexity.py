"""mIPQ against scikit-image, OpenCV and plain loops, class by class."""

import cv2
import numpy as np
import pytest
from skimage import measure

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.complexity import (
    class_areas,
    complexity,
    outline_windows,
    perimeters,
    perimeters_from_windows,
)

QUAD_LENGTH = {0: 0, 1: np.sqrt(0.5), 2: 1.0, 3: np.sqrt(0.5), 4: 0}


def disc(size=401, radius=180):
    y, x = np.mgrid[:size, :size] - size // 2
    return np.where(x**2 + y**2 <= radius**2, 2, 0).astype(np.uint8)


def wires():
    label_map = np.zeros((40, 50), np.uint8)
    label_map[5, 3:45] = 3
    label_map[8:38, 20] = 5
    label_map[np.arange(10, 35), np.arange(10, 35)] = 6
    return label_map


def holes_and_frame():
    label_map = np.full((30, 40), 4, np.uint8)
    label_map[0:3] = label_map[:, 38:] = 1
    label_map[10:20, 10:20] = 2
    label_map[13:15, 13:16] = 4
    label_map[14, 14] = 2
    return label_map


def random_map(seed, classes=7, smooth=0.0, shape=(61, 83)):
    noise = np.random.default_rng(seed).random(shape)
    if smooth:
        noise = cv2.GaussianBlur(noise, (0, 0), smooth)
    ranks = np.argsort(np.argsort(noise.ravel())).reshape(shape)
    label_map = (ranks * classes // noise.size).astype(np.uint8)
    label_map[label_map == classes - 1] = 255
    return label_map


CASES = {
    "disc": disc(),
    "square": np.pad(np.full((50, 50), 1, np.uint8), 7),
    "wires": wires(),
    "holes and frame": holes_and_frame(),
    "one pixel": np.array([[3]], np.uint8),
    "one row": np.array([[0, 0, 1, 255, 1, 1]], np.uint8),
    "all ignore": np.full((5, 6), 255, np.uint8),
    "noise": random_map(0),
    "blobs": random_map(1, smooth=2.0),
    "large blobs": random_map(2, smooth=6.0),
    "class 254": np.array([[254, 254, 7], [7, 254, 254]], np.uint8),
}


def contour_length(mask):
    """Bit quads by hand: slide a 2x2 window over the padded mask and look at each."""
    padded = np.pad(mask, 1).astype(int)
    length = 0.0
    for y in range(padded.shape[0] - 1):
        for x in range(padded.shape[1] - 1):
            window = padded[y : y + 2, x : x + 2]
            diagonal = window.sum() == 2 and window[0, 0] == window[1, 1]
            length += np.sqrt(2) if diagonal else QUAD_LENGTH[int(window.sum())]
    return length


def crack_length(mask):
    padded = np.pad(mask, 1)
    return (padded[1:] != padded[:-1]).sum() + (padded[:, 1:] != padded[:, :-1]).sum()


def opencv_length(mask):
    contours = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]
    return sum(cv2.arcLength(contour, True) for contour in contours)


SLOW = {
    "contour": contour_length,
    "crack": crack_length,
    "crofton": lambda mask: measure.perimeter_crofton(mask, directions=4),
    "skimage": lambda mask: measure.perimeter(mask, neighborhood=4),
    "opencv": opencv_length,
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("definition", SLOW)
def test_every_definition_equals_its_slow_version_class_by_class(case, definition):
    label_map = CASES[case]
    if case == "disc" and definition == "contour":
        label_map = disc(61, 25)
    lengths = perimeters(label_map, definition=definition)
    expected = np.zeros(256)
    for class_id in set(np.unique(label_map)) - {255}:
        expected[class_id] = SLOW[definition](label_map == class_id)
    np.testing.assert_allclose(lengths, expected, rtol=1e-12)


@pytest.mark.parametrize("definition", SLOW)
def test_a_large_square_has_four_over_pi(definition):
    label_map = np.pad(np.full((600, 600), 2, np.uint8), 50, constant_values=255)
    # Crofton's formula in four directions rounds every square off
    expected = {"crofton": 1.14}.get(definition, 4 / np.pi)
    assert complexity(label_map, definition=definition).ipq[2] == pytest.approx(expected, rel=0.01)


def test_a_disc_is_near_one_by_contour_and_nearer_by_crofton():
    assert complexity(disc(), definition="contour").ipq[2] == pytest.approx(1, abs=0.12)
    assert complexity(disc(), definition="crofton").ipq[2] == pytest.approx(1, abs=0.02)


def test_image_value_is_the_mean_over_present_classes():
    result = complexity(holes_and_frame())
    present = [1, 2, 4]
    assert np.flatnonzero(~np.isnan(result.ipq)).tolist() == present
    assert result.mipq == pytest.approx(result.ipq[present].mean())
    assert result.skipped == 0


def test_small_classes_are_skipped_and_counted():
    label_map = holes_and_frame()
    label_map[20, 30] = 6
    result = complexity(label_map, min_area=2)
    assert result.skipped == 1
    assert np.isnan(result.ipq[6])
    assert result.mipq == complexity(label_map, min_area=2).ipq[[1, 2, 4]].mean()


def test_an_image_of_ignore_has_no_complexity():
    result = complexity(CASES["all ignore"])
    assert np.isnan(result.mipq)
    assert result.skipped == 0


def test_windows_add_up_over_images():
    one, other = random_map(3), random_map(4)
    windows = outline_windows(one) + outline_windows(other)
    np.testing.assert_allclose(
        perimeters_from_windows(windows, definition="contour"),
        perimeters(one) + perimeters(other),
    )


def test_windows_give_the_euler_number():
    for seed in range(4):
        label_map = random_map(seed, classes=3, smooth=1.0)
        single, _, diagonal, triple = outline_windows(label_map).T
        for class_id in (0, 1):
            assert (single - triple - 2 * diagonal)[class_id] / 4 == measure.euler_number(
                label_map == class_id, connectivity=2
            )


def test_areas_leave_ignore_out():
    areas = class_areas(np.array([[0, 1, 1], [255, 255, 1]], np.uint8))
    assert areas[[0, 1, 255]].tolist() == [1, 3, 0]
    assert areas.sum() == 4


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 3), np.int32), np.zeros((3, 3, 3), np.uint8), np.zeros((0, 3), np.uint8)]
)
def test_other_arrays_are_refused_at_the_door(wrong):
    with pytest.raises(DatasetError, match="expected uint8"):
        complexity(wrong)


def test_views_that_are_not_contiguous_give_the_same():
    label_map = random_map(5, smooth=2.0)
    turned = np.ascontiguousarray(label_map.T).T
    assert complexity(turned).mipq == complexity(label_map).mipq
