"""Run lengths of COCO: as pycocotools reads them, and never trusted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.masks import ImageMasks, mask_from_rle, pseudo_mask
from mass13k_tools.pseudo.rle import run_lengths
from mass13k_tools.pseudo.stored import read_masks, write_masks

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


def whole(found, size_hw):
    canvas = np.zeros(size_hw, dtype=np.bool_)
    if found is not None:
        canvas[found.box.inside] = found.pixels
    return canvas


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_masks_survive_compressed_and_uncompressed(mask):
    counts = coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    lengths = run_lengths(counts).tolist()
    for form in (counts, counts.decode(), lengths):
        found = mask_from_rle(form, mask.shape)
        assert (found is None) == (not mask.any())
        np.testing.assert_array_equal(whole(found, mask.shape), mask)
        if found is not None:
            assert found.area_px == mask.sum()
            assert found.pixels.any(0)[[0, -1]].all() and found.pixels.any(1)[[0, -1]].all()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("04", "4 pixels, expected 6"),
        ("0p", "damaged"),  # a number that does not end
        ("0\x00\x01", "damaged"),
        ("0é6", "damaged"),
        (b"\xff\xff", "damaged"),
        ("06" + "P" * 9 + "0", "longer than any picture"),
        ("0?7", "do not fit"),  # a negative run
        ([0, 4], "4 pixels, expected 6"),
        ([0, 7, -1], "no whole numbers"),
        ([0, 6.0], "no whole numbers"),
        ([0, True, 5], "no whole numbers"),
        ([3, 2**40], "no whole numbers"),
        ({"a": 6}, "no whole numbers"),
        (None, "no whole numbers"),
        ("", "0 pixels, expected 6"),
    ],
)
def test_what_does_not_fill_the_picture_is_refused(counts, message):
    with pytest.raises(DatasetError, match=message):
        mask_from_rle(counts, (2, 3))


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=12))
def test_no_text_gets_past_the_checks_to_code_that_believes_it(text):
    try:
        found = mask_from_rle(text, (3, 4))
    except DatasetError:
        return
    assert run_lengths(text).sum() == 12
    assert found is None or 1 <= found.area_px <= 12


@settings(deadline=None, max_examples=30)
@given(masks=st.lists(MASKS.filter(np.any), max_size=4), score=st.none() | st.floats(0, 1))
def test_stored_masks_are_read_as_they_were(masks, score, tmp_path_factory):
    path = tmp_path_factory.mktemp("masks") / "train" / "a.masks.json"
    about = {"class_name": "wär\n", "mask_score": score, "detector_score": None, "source": "x"}
    encoded = tuple(pseudo_mask(mask, corner_yx=(5, 7), **about) for mask in masks)
    found = ImageMasks("a", (40, 50), encoded)
    write_masks(path, found)
    assert read_masks(path) == found


GOOD = (
    '{"format": "mass13k/masks/1", "key": "a", "size_hw": [4, 4], "masks": [{"class_name": null, '
    '"mask_score": 0.5, "detector_score": null, "source": "", "box_yxhw": [1, 1, 1, 2], '
    '"counts": "02"}]}'
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("masks/1", "masks/2", "format is"),
        ('"counts": "02"', '"counts": "01"', "1 pixels, expected 2"),
        ('"counts": "02"', '"counts": "11"', "does not fill its box"),
        ("[1, 1, 1, 2]", "[3, 3, 1, 2]", "expected inside 4x4"),
        ("[1, 1, 1, 2]", "[-1, 1, 1, 2]", "whole number"),
        ("[1, 1, 1, 2]", "[1, 1, 2]", "damaged"),
        ("0.5", "NaN", "expected 0 to 1"),
        ('"source": ""', '"source": 3', "is no text"),
        ('"key": "a", ', "", "damaged"),
        ("}]}", "", "damaged"),
        ('[{"class', "[" * 100_000 + '[{"class', "damaged"),
    ],
)
def test_damaged_files_of_masks_say_what_is_wrong(old, new, message, tmp_path):
    path = tmp_path / "a.masks.json"
    path.write_text(GOOD)
    assert read_masks(path).masks[0].box == (1, 1, 1, 2)
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(DatasetError, match=message) as caught:
        read_masks(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
