"""Photos as views, and what their masks become; networks are plain Python here."""

from itertools import pairwise

import numpy as np
import pytest

from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.generating.finding import BoxFinder, Detection, Found, find_masks
from mass13k_tools.pseudo.generating.joining import Seen, _shared_px, joined_masks
from mass13k_tools.pseudo.generating.prompts import phrases_of
from mass13k_tools.pseudo.generating.views import Cutting, views
from mass13k_tools.pseudo.masks import Box, pseudo_mask

TILES = Cutting(tile_px=60, overlap_px=20, whole=False)


class ByColour:
    """Finds every pixel of one red as one object, as far as it is shown it."""

    def __init__(self, classes, scores=None):
        self.classes, self.scores, self.shown = classes, scores or {}, []

    def find(self, image):
        self.shown.append(image.shape[:2])
        for value, name in self.classes.items():
            yield Found(image[:, :, 0] == value, name, 0.5, self.scores.get(image.shape[:2], 0.5))


def photo_of(*boxes, size=(60, 100)):
    photo = np.zeros((*size, 3), np.uint8)
    for number, (y, x, height, width) in enumerate(boxes, start=1):
        photo[y : y + height, x : x + width] = number
    return photo


def masks_of(photo, finder, cutting):
    return find_masks(photo, finder, cutting=cutting, source="colours")


def on_photo(mask, photo):
    canvas = np.zeros(photo.shape[:2], bool)
    canvas[mask.box.inside] = mask.pixels
    return canvas


@pytest.mark.parametrize("size", [(1, 1), (60, 60), (61, 60), (59, 500), (333, 217), (3072, 4096)])
@pytest.mark.parametrize("overlap", [0, 7, 30])
def test_tiles_cover_a_photo_and_overlap_by_what_was_asked(size, overlap):
    side = 60 if max(size) < 1000 else 600
    tiles = list(views(size, Cutting(tile_px=side, overlap_px=overlap, whole=False)))
    seen = np.zeros(size, bool)
    for tile in tiles:
        assert tile.height == min(side, size[0])
        assert tile.width == min(side, size[1])
        seen[tile.inside] = True
    assert seen.all()
    for axis in (0, 1):
        starts = sorted({tile[axis] for tile in tiles})
        assert all(low + side - high >= overlap for low, high in pairwise(starts))
        assert len(starts) == max(1, -(-(size[axis] - overlap) // (side - overlap)))


def test_a_photo_no_larger_than_a_tile_is_shown_once():
    assert list(views((50, 60), Cutting(tile_px=60, overlap_px=0))) == [Box(0, 0, 50, 60)]
    assert list(views((50, 60), TILES)) == [Box(0, 0, 50, 60)]
    assert list(views((500, 600), Cutting(tile_px=0))) == [Box(0, 0, 500, 600)]


@pytest.mark.parametrize("overlap", [-1, 31])
def test_an_overlap_of_more_than_half_a_tile_is_refused(overlap):
    with pytest.raises(DatasetError, match="expected 0 to 30"):
        Cutting(tile_px=60, overlap_px=overlap)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    "box", [(10, 5, 30, 90), (0, 0, 60, 100), (2, 41, 5, 58), (30, 10, 1, 80), (5, 45, 8, 8)]
)
def test_an_object_across_tiles_becomes_one_mask_of_exactly_its_pixels(box, whole):
    photo = photo_of(box)
    (mask,) = masks_of(photo, ByColour({1: "car"}), Cutting(tile_px=60, overlap_px=20, whole=whole))
    np.testing.assert_array_equal(on_photo(mask, photo), photo[:, :, 0] == 1)
    assert (mask.class_name, mask.source) == ("car", "colours")
    assert (mask.mask_score, mask.detector_score) == (0.5, 0.5)


def test_an_object_over_a_grid_of_tiles_with_holes_keeps_them():
    photo = photo_of((10, 10, 180, 260), size=(200, 300))
    photo[50:150:7, 20:250:11] = 0
    (mask,) = masks_of(photo, ByColour({1: "net"}), TILES)
    np.testing.assert_array_equal(on_photo(mask, photo), photo[:, :, 0] == 1)


def test_objects_of_two_classes_that_touch_at_a_border_stay_two():
    photo = photo_of((10, 5, 30, 45), (10, 50, 30, 45))
    masks = masks_of(photo, ByColour({1: "car", 2: "bus"}), TILES)
    assert {mask.class_name: mask.area_px for mask in masks} == {"car": 1350, "bus": 1350}


def seen(view, box, *, name="car", score=0.5):
    y, x, height, width = box
    pixels = np.ones((height, width), bool)
    return Seen(pseudo_mask(pixels, corner_yx=(y, x), class_name=name, detector_score=score), view)


LEFT, RIGHT, ALL = Box(0, 0, 60, 60), Box(0, 40, 60, 60), Box(0, 0, 60, 100)


def boxes_of(*pieces):
    return [tuple(mask.box) for mask in joined_masks(pieces, (60, 100))]


def test_pieces_that_disagree_where_both_tiles_see_stay_apart():
    above, below = (0, 20, 10, 40), (30, 40, 10, 40)
    assert sorted(boxes_of(seen(LEFT, above), seen(RIGHT, below))) == [above, below]


def test_scores_of_joined_pieces_are_means_by_area():
    pieces = (seen(LEFT, (0, 30, 10, 30), score=0.9), seen(RIGHT, (0, 40, 10, 60), score=0.6))
    (mask,) = joined_masks(pieces, (60, 100))
    assert mask.detector_score == pytest.approx(0.7)
    assert mask.mask_score is None
    assert tuple(mask.box) == (0, 30, 10, 70)


def test_neighbours_that_no_border_cuts_are_never_joined():
    one, other = (0, 41, 10, 12), (0, 46, 10, 12)
    assert sorted(boxes_of(seen(LEFT, one), seen(RIGHT, other))) == [one, other]


def test_of_two_masks_of_one_object_that_of_the_finer_view_stays():
    fine, coarse = (10, 10, 20, 20), (10, 10, 20, 21)
    assert boxes_of(seen(ALL, coarse, score=0.9), seen(LEFT, fine, score=0.4)) == [fine]


def test_within_one_view_the_better_score_stays():
    good, bad = (10, 10, 20, 20), (10, 10, 20, 21)
    assert boxes_of(seen(ALL, bad, score=0.4), seen(ALL, good, score=0.5)) == [good]


def test_a_piece_within_the_whole_object_goes_whatever_its_score():
    whole, piece = (10, 10, 20, 80), (10, 10, 20, 50)
    assert boxes_of(seen(ALL, whole, score=0.3), seen(LEFT, piece, score=0.9)) == [whole]


def test_a_small_object_within_a_larger_stays_only_if_it_is_surer():
    large, small = (0, 0, 60, 100), (10, 10, 5, 5)
    assert boxes_of(seen(ALL, large, score=0.6), seen(LEFT, small, score=0.5)) == [large]
    assert boxes_of(seen(ALL, large, score=0.6), seen(LEFT, small, score=0.7)) == [small, large]


def test_what_masks_share_is_counted_to_the_pixel():
    rng = np.random.default_rng(5)
    for _ in range(50):
        canvases, masks = [], []
        for _ in range(2):
            y, x = rng.integers(0, 30, 2)
            pixels = rng.random(rng.integers(1, 30, 2)) < 0.5
            pixels[0, 0] = True
            canvas = np.zeros((60, 60), bool)
            canvas[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
            canvases.append(canvas)
            masks.append(pseudo_mask(pixels, corner_yx=(y, x)))
        assert _shared_px(*masks) == np.count_nonzero(canvases[0] & canvases[1])


def test_masks_of_other_classes_never_push_each_other_out():
    box = (10, 10, 20, 20)
    assert boxes_of(seen(ALL, box, name="car"), seen(ALL, box, name="bus")) == [box, box]


def test_joined_masks_are_the_same_in_any_order():
    rng = np.random.default_rng(3)
    pieces = []
    for number in range(40):
        view = (LEFT, RIGHT, ALL)[number % 3]
        y, x = rng.integers(0, 40), view.x + rng.integers(0, view.width - 20)
        pieces.append(seen(view, (y, x, *rng.integers(5, 20, 2)), score=float(rng.random())))
    expected = joined_masks(pieces, (60, 100))
    assert 1 < len(expected) < 40
    rng.shuffle(pieces)
    pieces = [Seen(*piece) for piece in pieces]
    assert joined_masks(pieces, (60, 100)) == expected


def test_nothing_found_is_no_mask():
    assert masks_of(photo_of(), ByColour({1: "car"}), TILES) == ()


def test_a_mask_of_another_size_or_a_score_that_is_no_number_is_an_error():
    class Small:
        def find(self, image):
            yield Found(np.ones((3, 3), bool), "car")

    with pytest.raises(DatasetError, match="is 3x3, expected 60x100"):
        masks_of(photo_of(), Small(), Cutting())
    nan = ByColour({0: "car"}, {(60, 100): float("nan")})
    with pytest.raises(DatasetError, match="--dtype float32"):
        masks_of(photo_of(), nan, Cutting())


def test_a_guess_above_one_is_one():
    (mask,) = masks_of(photo_of(), ByColour({0: "car"}, {(60, 100): 1.02}), Cutting())
    assert mask.detector_score == 1


def test_boxes_of_a_detector_become_masks_with_both_scores():
    class Detects:
        def detect(self, image):
            return [
                Detection("car", 0.3, (2.0, 3.0, 9.5, 8.0)),
                Detection("bus", 0.9, (0, 0, 1, 1)),
            ]

    class Fills:
        def segment(self, image, boxes):
            for number, (x0, y0, x1, y1) in enumerate(boxes):
                mask = np.zeros(image.shape[:2], bool)
                mask[int(y0) : int(y1), int(x0) : int(x1)] = True
                yield mask, 0.5 + number / 10

    bus, car = masks_of(photo_of(), BoxFinder(Detects(), Fills()), Cutting())
    assert (bus.class_name, bus.detector_score, bus.mask_score) == ("bus", 0.9, 0.6)
    assert (car.class_name, car.detector_score, car.mask_score) == ("car", 0.3, 0.5)
    assert tuple(car.box) == (3, 2, 5, 7)


@pytest.mark.parametrize("prompt", ["", " ", "=", "car=", "=sedan", "car= . ", "."])
def test_prompts_that_name_nothing_are_refused(prompt):
    with pytest.raises(DatasetError, match="names nothing to look for"):
        phrases_of([prompt])


def test_a_phrase_of_two_classes_is_refused():
    with pytest.raises(DatasetError, match="phrase 'Truck' stands for 'car' and for 'bus'"):
        phrases_of(["car=car . truck", "bus=Truck"])


def test_phrases_keep_their_class_and_come_once():
    assert phrases_of(["car=car . Truck.", "car=truck", "cat . dog"]) == (
        ("car", "car"),
        ("truck", "car"),
        ("cat", "cat"),
        ("dog", "dog"),
    )
