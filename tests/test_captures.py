"""File names are read tolerantly, and strangers' names not at all."""

import pytest

from mass13k_tools.captures import Capture, capture_of, group_of
from mass13k_tools.errors import DatasetError


def test_fields_may_stand_in_any_order_and_be_missing():
    assert capture_of("tianjin_20230210_id7_b06_00001") == capture_of(
        "00001_b06_20230210_tianjin_id7"
    )
    assert capture_of("b06_tianjin") == Capture(batch="b06", city="tianjin")
    assert capture_of("12_20230210") == Capture(number="12", date="20230210")


def test_dates_with_hyphens_are_the_same_dates():
    assert capture_of("x1_2023-02-10_tianjin").date == "20230210"
    assert group_of("1_2023-02-10_tianjin") == group_of("2_20230210_Tianjin")


@pytest.mark.parametrize("text", ["20231340", "20230230", "00000000", "2023-13-40"])
def test_eight_digits_that_form_no_date_are_none(text):
    assert capture_of(f"b01_{text}_tianjin").date is None


def test_city_may_have_several_words():
    assert capture_of("00001_b01_new_york_id3").city == "new_york"
    assert capture_of("00001_b01_Hong-Kong_id3").city == "hong_kong"


@pytest.mark.parametrize(
    "other",
    [
        "06115_b06_20230210_tianjin_id2974_copy",
        "06115_b06_20230210_tianjin_id2974_retouched",
        "06116-b06-20230210-Tianjin-id2975",
        "06117 b06 20230210 tianjin id2976",
        "06118_b06_2023-02-10_TIANJIN_id2977_20230211",
    ],
)
def test_copies_and_other_spellings_belong_to_the_same_capture(other):
    assert group_of(other) == group_of("06115_b06_20230210_tianjin_id2974")


def test_camera_words_are_no_city():
    assert capture_of("IMG_20230210_101530") == Capture(number="101530", date="20230210")
    assert group_of("IMG_20230210_101530_HDR") == group_of("IMG_20230210_101531")


@pytest.mark.parametrize(
    "stem",
    ["ADE_train_00016900", "0001TP_009330", "aachen_000000_000019", "2#Aircraft#7#UAV#1652_o", ""],
)
def test_other_naming_schemes_give_nothing(stem):
    assert capture_of(stem) == Capture()
    assert group_of(stem) is None


def test_group_needs_date_or_city():
    assert group_of("00001_b01_id7") is None
    assert group_of("00001_b01_20230210_id7") == "b01_20230210"
    assert group_of("00001_tianjin_id7") == "tianjin"


def test_pattern_replaces_the_naming_scheme():
    assert group_of("aachen_000000_000019", pattern=r"^([a-z]+)_(\d+)") == "aachen"
    assert group_of("aachen_000000_000019", pattern=r"^[a-z]+") == "aachen"
    assert group_of("06115_b06_20230210_tianjin_id2974", pattern="nowhere(x)") is None


def test_broken_pattern_is_an_error():
    with pytest.raises(DatasetError, match="is no regular expression"):
        group_of("a", pattern="(")
