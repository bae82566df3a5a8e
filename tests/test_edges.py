"""Edge maps and distances against slow obvious versions, and against the released code."""

from pathlib import Path

import numpy as np
import pytest
from drawn_label_maps import label_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.edges import edge_map, one_against_rest, signed_distance

REFERENCE = Path(__file__).parent.parent.parent / "shared" / "reference"
STREET = np.array([[0, 0, 0, 5, 5, 5, 255, 2, 2]], dtype=np.uint8)


def pixels(label_map):
    return [(y, x) for y, x in np.ndindex(label_map.shape) if label_map[y, x] != 255]


def near(label_map, y, x, width_px):
    """Give the classes of the valid pixels whose centres are at most ``width_px`` away."""
    return [
        int(label_map[v, u])
        for v, u in pixels(label_map)
        if (v - y) ** 2 + (u - x) ** 2 <= width_px**2
    ]


def plain_edge_map(label_map, mode, width_px):
    edges = np.zeros(label_map.shape, dtype=bool)
    inner_px = {"inner": width_px, "outer": 0, "symmetric": (width_px + 1) // 2}[mode]
    for y, x in pixels(label_map):
        own = label_map[y, x]
        edges[y, x] = any(other < own for other in near(label_map, y, x, inner_px)) or any(
            other > own for other in near(label_map, y, x, width_px - inner_px)
        )
    return edges


def plain_released_edge_map(label_map, width_px):
    """Mark a pixel for its neighbours above, right, below right and below left, then dilate."""
    height, width = label_map.shape
    valid = set(pixels(label_map))
    edges = np.zeros(label_map.shape, dtype=bool)
    for y, x in valid:
        for other in ((y - 1, x), (y, x + 1), (y + 1, x + 1), (y + 1, x - 1)):
            if other in valid and label_map[other] != label_map[y, x]:
                for v in range(y - (width_px - 1) // 2, y + width_px // 2 + 1):
                    for u in range(x - (width_px - 1) // 2, x + width_px // 2 + 1):
                        if 0 <= v < height and 0 <= u < width:
                            edges[v, u] = True
    return edges


def plain_signed_distance(label_map, limit_px):
    distances = np.zeros(label_map.shape, dtype=np.float32)
    for y, x in pixels(label_map):
        own = label_map[y, x]
        changes = [
            ((v - y) ** 2 + (u - x) ** 2, label_map[v, u] > own)
            for v, u in pixels(label_map)
            if label_map[v, u] != own
        ]
        square, outside = min(changes, default=(limit_px**2 + 1, False))
        if square > limit_px**2:
            square, outside = limit_px**2, own == 0
        distances[y, x] = np.sqrt(np.float32(square)) * (-1 if outside else 1)
    return distances


@settings(deadline=None)  # the first call compiles
@given(label_maps(), st.sampled_from(["inner", "outer", "symmetric"]), st.integers(1, 6))
def test_clean_edges_are_those_of_the_definition(label_map, mode, width_px):
    np.testing.assert_array_equal(
        edge_map(label_map, mode=mode, width_px=width_px),
        plain_edge_map(label_map, mode, width_px),
    )


@settings(deadline=None)  # the first call compiles
@given(label_maps(), st.integers(1, 6))
def test_released_edges_are_those_of_the_released_rule(label_map, width_px):
    np.testing.assert_array_equal(
        edge_map(label_map, mode="released", width_px=width_px),
        plain_released_edge_map(label_map, width_px),
    )


@settings(deadline=None)  # the first call compiles
@given(label_maps(), st.sampled_from([1, 2, 3, 7, 64, 4095]))
def test_distances_are_those_of_the_definition(label_map, limit_px):
    distances = signed_distance(label_map, limit_px=limit_px)
    np.testing.assert_array_equal(distances, plain_signed_distance(label_map, limit_px))
    assert distances.dtype == np.float32


@settings(deadline=None)  # the first call compiles
@given(label_maps(), st.integers(1, 6))
def test_edges_and_distances_tell_the_same(label_map, width_px):
    distances = np.abs(signed_distance(label_map, limit_px=99))
    sides = [edge_map(label_map, mode=mode, width_px=width_px) for mode in ("inner", "outer")]
    np.testing.assert_array_equal(sides[0] | sides[1], (distances > 0) & (distances <= width_px))


@pytest.mark.parametrize(
    "mode, width_px, expected",
    [
        ("inner", 1, "000100000"),
        ("inner", 2, "000111000"),  # across one ignore pixel, 5 and 2 are 2 apart
        ("outer", 1, "001000000"),
        ("outer", 2, "011000010"),
        ("symmetric", 1, "000100000"),
        ("symmetric", 2, "001100000"),
        ("symmetric", 3, "001111000"),
        ("symmetric", 4, "011111010"),
        ("released", 1, "001000000"),
        ("released", 2, "001100000"),
        ("released", 3, "011100000"),
    ],
)
def test_modes_of_one_row(mode, width_px, expected):
    edges = edge_map(STREET, mode=mode, width_px=width_px)
    assert "".join(map(str, edges[0].astype(int))) == expected


def test_only_the_released_rule_marks_ignore_pixels():
    label_map = np.array([[0, 255], [5, 255]], dtype=np.uint8)
    assert edge_map(label_map, mode="released", width_px=2).tolist() == [[0, 0], [1, 1]]
    assert edge_map(label_map).tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("value, expected", [(0, -9), (3, 9), (255, 0)])
def test_without_any_change_class_0_is_far_outside_and_others_far_inside(value, expected):
    label_map = np.full((2, 3), value, dtype=np.uint8)
    assert (signed_distance(label_map, limit_px=9) == expected).all()
    assert not edge_map(label_map).any()


def test_a_pixel_between_a_lower_and_a_higher_class_is_inside():
    label_map = np.array([[1, 2, 3]], dtype=np.uint8)
    assert signed_distance(label_map).tolist() == [[-1, 1, 1]]
    assert signed_distance(label_map[:, ::-1].copy()).tolist() == [[1, 1, -1]]


def test_a_crop_has_the_distances_of_the_whole_away_from_its_frame():
    rng = np.random.default_rng(4)
    whole = rng.integers(0, 3, (9, 12), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    crop = signed_distance(whole[8:60, 11:80], limit_px=5)
    np.testing.assert_array_equal(
        crop[5:-5, 5:-5], signed_distance(whole, limit_px=5)[13:55, 16:75]
    )


@pytest.mark.parametrize("width_px", [20, 255])
def test_wide_lines_reach_as_far_as_they_should(width_px):
    label_map = np.zeros((3, 600), dtype=np.uint8)
    label_map[:, 300:] = 1
    for mode, columns in (("inner", (300, 300 + width_px)), ("outer", (300 - width_px, 300))):
        edges = edge_map(label_map, mode=mode, width_px=width_px)
        assert np.flatnonzero(edges.all(axis=0)).tolist() == list(range(*columns))
        assert edges.sum() == 3 * width_px


def test_classes_together_stand_against_the_rest_and_ignore_stays():
    label_map = np.array([[0, 3], [255, 5]], dtype=np.uint8)
    assert one_against_rest(label_map, [5]).tolist() == [[0, 0], [255, 1]]
    assert one_against_rest(label_map, [0, 3]).tolist() == [[1, 1], [255, 0]]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: one_against_rest(STREET, [5, 5]), r"classes \[5, 5\], expected ids of 0..254"),
        (lambda: one_against_rest(STREET, [255]), "each once"),
        (lambda: one_against_rest(STREET, [-1, 3]), "each once"),
        (lambda: one_against_rest(STREET, [300]), "each once"),
        (lambda: one_against_rest(STREET, []), "each once"),
        (lambda: edge_map(STREET, mode="both"), "no edge mode 'both', known are: released, inner"),
        (lambda: edge_map(STREET, width_px=0), "width 0 px, expected 1 to 255"),
        (lambda: edge_map(STREET, width_px=256), "width 256 px"),
        (lambda: signed_distance(STREET, limit_px=0), "up to 0 px, expected 1 to 4095"),
        (lambda: signed_distance(STREET, limit_px=4096), "up to 4096 px"),
        (lambda: edge_map(STREET.astype(np.int64)), "label map is int64"),
        (lambda: signed_distance(STREET[0]), r"of shape \(9,\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    with pytest.raises(DatasetError, match=message):
        call()


@pytest.mark.parametrize(
    "name",
    ["a_300x400", "b_300x400_missing_classes", "e_noignore_256x384", "c_1024x768", "d_3072x4096"],
)
@pytest.mark.parametrize("width_px", [2, 3])
@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no reference files at {REFERENCE}")
def test_released_edges_equal_those_of_the_released_code(name, width_px):
    label_map, expected = reference(name, "gt"), reference(name, f"edge_w{width_px}")
    np.testing.assert_array_equal(
        edge_map(label_map, mode="released", width_px=width_px), expected.astype(bool)
    )
    assert expected.any()


def reference(name, what):
    archive = REFERENCE / f"metric_{name}.npz"
    if archive.is_file():
        return np.load(archive)[what]
    return np.array(PillowImage.open(REFERENCE / f"metric_{name}_{what}.png"))
