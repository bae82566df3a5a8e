"""Every fault planted in a good data set is found, alone, at its file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import STEMS
from fault_plants import (
    IMAGE,
    LABEL,
    MILD_PLANTS,
    PLANTS,
    A,
    B,
    add_sample,
    brighten_image_in_test,
    copy_image_to_val,
    copy_image_within_split,
    cut_a_column_from_the_label,
    cut_image_short,
    encode_image_again_in_test,
    give_label_a_palette,
    image_of,
    label_of,
    paint_label_in_class_colours,
    repeat_label_in_three_channels,
    save_image_as_grey,
    save_label,
    save_turned,
    write_value_9,
)
from PIL import Image as PillowImage

from mass13k_tools.checks.problems import KINDS
from mass13k_tools.cli import main


def run(root, *arguments, code):
    result = CliRunner().invoke(main, ["check", str(root), "--jobs", "1", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def problems_of(root, *arguments, code):
    return json.loads(run(root, *arguments, "--json", code=code))["problems"]


BY_NAME = {"ids": lambda value: getattr(value, "__name__", None)}


@pytest.mark.parametrize(("plant", "kind"), PLANTS, **BY_NAME)
def test_an_error_is_found_alone_at_its_file(tiny_dataset, plant, kind):
    file = plant(tiny_dataset)
    [problem] = problems_of(tiny_dataset, code=1)
    assert (problem["kind"], problem["file"], problem["severity"]) == (kind, file, "error")
    assert problem["key"] == Path(file).stem
    assert problem["split"] == Path(file).parts[1]
    assert all(problem[part] for part in ("found", "expected", "hint"))


@pytest.mark.parametrize(("plant", "kind"), MILD_PLANTS, **BY_NAME)
def test_a_warning_is_an_error_only_with_strict(tiny_dataset, plant, kind):
    file = plant(tiny_dataset)
    [problem] = problems_of(tiny_dataset, code=0)
    assert (problem["kind"], problem["file"], problem["severity"]) == (kind, file, "warning")
    assert problems_of(tiny_dataset, "--strict", code=1) == [problem]


def test_a_good_data_set_has_no_problem(tiny_dataset):
    report = json.loads(run(tiny_dataset, "--json", code=0))
    assert report == {"images": 6, "problems": []}
    assert "nothing is wrong" in run(tiny_dataset, code=0)


def test_every_kind_but_two_has_a_plant():
    planted = {kind for _, kind in (*PLANTS, *MILD_PLANTS)}
    assert set(KINDS) - planted == {"not-checked", "unlisted"}


def test_an_allowed_kind_is_not_listed_and_not_counted(tiny_dataset):
    give_label_a_palette(tiny_dataset)
    save_image_as_grey(tiny_dataset)
    [palette] = problems_of(tiny_dataset, "--allow", "image-mode", "--strict", code=1)
    assert palette["kind"] == "palette-mask"
    both = ("--allow", "image-mode", "--allow", "palette-mask")
    assert problems_of(tiny_dataset, *both, "--strict", code=0) == []


def test_without_duplicates_copies_are_not_looked_for(tiny_dataset):
    copy_image_to_val(tiny_dataset)
    encode_image_again_in_test(tiny_dataset)
    assert {p["kind"] for p in problems_of(tiny_dataset, "--no-duplicates", code=1)} == {
        "key-in-two-splits"
    }
    assert len(problems_of(tiny_dataset, code=1)) == 3


def plant_many(root):
    for plant in (copy_image_within_split, brighten_image_in_test, write_value_9):
        plant(root)
    PillowImage.new("L", (96, 64), 5).save(root / f"annotations/val/{STEMS['val'][0]}.png")
    (root / f"images/val/{STEMS['val'][0]}.jpg").write_bytes(b"")


def test_the_result_is_the_same_for_two_processes(tiny_dataset):
    plant_many(tiny_dataset)
    alone = problems_of(tiny_dataset, code=1)
    assert len(alone) >= 4
    assert problems_of(tiny_dataset, "--jobs", "2", code=1) == alone


def test_problems_come_in_the_order_of_split_key_and_kind(tiny_dataset):
    plant_many(tiny_dataset)
    problems = problems_of(tiny_dataset, code=1)
    order = [(["train", "val", "test"].index(p["split"]), p["key"], p["kind"]) for p in problems]
    assert order == sorted(order)


def test_the_printed_list_is_grouped_by_kind_and_cut(tiny_dataset):
    for stem in STEMS["train"]:
        (tiny_dataset / f"annotations/train/{stem}.png").write_bytes(b"")
    cut_a_column = STEMS["val"][0]
    PillowImage.new("L", (95, 64), 5).save(tiny_dataset / f"annotations/val/{cut_a_column}.png")
    lines = run(tiny_dataset, "--most", "2", code=1).splitlines()
    assert lines[0].startswith("unreadable-label: 3 errors")
    assert lines[1].startswith(f"  annotations/train/{A}.png: ")
    assert lines[3] == "  and 1 more (--json lists all)"
    assert lines[4].startswith("size-mismatch: 1 error:")
    assert "64x95; expected 64x96" in lines[5]
    assert lines[6] == "checked 6 images with label maps: 4 errors"


def test_a_file_is_named_once_in_what_was_found(tiny_dataset):
    cut_image_short(tiny_dataset)
    [problem] = problems_of(tiny_dataset, code=1)
    assert str(tiny_dataset) not in problem["found"]
    assert "the file is damaged" in problem["found"]


def test_unknown_values_are_listed_with_their_pixels(tiny_dataset):
    write_value_9(tiny_dataset)
    [problem] = problems_of(tiny_dataset, code=1)
    assert problem["found"] == "values 9 (6 px)"
    assert "0-6, 255" in problem["expected"]


def test_only_eight_unknown_values_are_listed(tiny_dataset):
    values = label_of(tiny_dataset).copy()
    values[0, :10] = range(100, 110)
    save_label(tiny_dataset, values)
    [problem] = problems_of(tiny_dataset, code=1)
    assert "107 (1 px) and 2 more values" in problem["found"]
    assert "108" not in problem["found"]


def test_an_rgb_mask_says_whether_its_colours_are_the_taxonomys(tiny_dataset):
    paint_label_in_class_colours(tiny_dataset)
    [problem] = problems_of(tiny_dataset, code=1)
    assert "all colours are class colours" in problem["found"]
    colours = np.array(PillowImage.open(tiny_dataset / LABEL))
    colours[0, :3] = (1, 2, 3)
    save_label(tiny_dataset, colours)
    [problem] = problems_of(tiny_dataset, code=1)
    assert "3 of 6144 px have no class colour" in problem["found"]
    assert "such as 1,2,3" in problem["found"]


def test_the_values_of_equal_channels_are_looked_at_too(tiny_dataset):
    write_value_9(tiny_dataset)
    repeat_label_in_three_channels(tiny_dataset)
    kinds = [problem["kind"] for problem in problems_of(tiny_dataset, code=1)]
    assert kinds == ["rgb-mask", "unknown-id"]


def test_a_label_of_the_turned_size_leads_to_baking_the_rotation(tiny_dataset):
    save_turned(tiny_dataset, tag=True)
    exif, size = problems_of(tiny_dataset, code=1)
    assert (exif["kind"], size["kind"]) == ("exif-orientation", "size-mismatch")
    assert "only the turned size fits" in exif["found"]
    assert "bake the rotation" in exif["hint"]
    assert "bake the rotation" in size["hint"]


def test_a_label_of_the_stored_size_leads_to_stripping_the_tag(tiny_dataset):
    save_turned(tiny_dataset, tag=True)
    save_label(tiny_dataset, np.ascontiguousarray(np.rot90(label_of(tiny_dataset))))
    [exif] = problems_of(tiny_dataset, code=1)
    assert "only the stored size fits" in exif["found"]
    assert exif["hint"].startswith("strip the tag")


def test_swapped_sides_without_a_tag_lead_to_turning_back(tiny_dataset):
    save_turned(tiny_dataset, tag=False)
    [size] = problems_of(tiny_dataset, code=1)
    assert size["kind"] == "size-mismatch"
    assert "turned by 90 degrees" in size["hint"]


def test_another_image_folder_that_fits_is_named(tiny_dataset):
    cut_a_column_from_the_label(tiny_dataset)
    (tiny_dataset / "images_pad" / "train").mkdir(parents=True)
    padded = tiny_dataset / "images_pad" / "train" / f"{B}.png"
    image_of(tiny_dataset).crop((0, 0, 95, 64)).save(padded)
    [size] = problems_of(tiny_dataset, code=1)
    assert size["hint"].endswith("--images images_pad")
    image_of(tiny_dataset).crop((0, 0, 90, 64)).save(padded)  # fits no more
    [size] = problems_of(tiny_dataset, code=1)
    assert "images_pad" not in size["hint"]


def test_a_copy_names_the_other_split_rather_than_its_own(tiny_dataset):
    first = copy_image_to_val(tiny_dataset)
    shutil.copy(tiny_dataset / IMAGE, tiny_dataset / f"images/val/{STEMS['val'][0]}.jpg")
    for problem in problems_of(tiny_dataset, code=1):
        assert problem["kind"] == "duplicate-image"
        assert IMAGE in problem["found"]
        assert "across splits: leak" in problem["hint"]
    assert first in {problem["file"] for problem in problems_of(tiny_dataset, code=1)}


def test_a_near_duplicate_names_the_image_it_looks_like(tiny_dataset):
    encode_image_again_in_test(tiny_dataset)
    [problem] = problems_of(tiny_dataset, code=1)
    assert f"'{IMAGE}' of split train" in problem["found"]
    assert "leak" in problem["hint"]


def test_flat_images_are_no_near_duplicates(tiny_dataset):
    for split, grey in (("train", 0), ("val", 4), ("test", 250)):
        picture = PillowImage.new("RGB", (96, 64), (grey, grey, grey))
        add_sample(tiny_dataset, picture, split=split, key=f"flat{grey}")
    assert problems_of(tiny_dataset, code=0) == []


def test_a_failure_of_the_check_is_a_problem_of_its_sample(tiny_dataset, monkeypatch):
    from mass13k_tools.checks import pair

    def fail(sample, taxonomy):
        raise RuntimeError("out of paper")

    monkeypatch.setattr(pair, "inspect_label", fail)
    problems = problems_of(tiny_dataset, code=1)
    assert {problem["kind"] for problem in problems} == {"not-checked"}
    assert len(problems) == 6
    assert "out of paper" in problems[0]["found"]


def test_samples_that_no_list_names_are_a_problem(tiny_dataset, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "train.txt").write_text("".join(f"{stem}\n" for stem in STEMS["train"]))
    [problem] = problems_of(tiny_dataset, "--lists", str(lists), code=1)
    assert problem["kind"] == "unlisted"
    assert problem["split"] is None


def test_faults_of_other_splits_are_left_out_on_request(tiny_dataset):
    (tiny_dataset / "images" / "train" / f"{STEMS['train'][0]}.jpg").unlink()
    assert problems_of(tiny_dataset, "--split", "val", code=0) == []
    [problem] = problems_of(tiny_dataset, "--split", "train", code=1)
    assert problem["kind"] == "missing-image"


def test_a_copy_is_told_by_the_split_it_leaks_into_first(tiny_dataset):
    for number, quality in ((1, 70), (2, 40)):
        key = f"0009{number}_b01_20230210_tianjin_id000{number}"
        path = add_sample(tiny_dataset, image_of(tiny_dataset), split="test", key=key)
        image_of(tiny_dataset).save(tiny_dataset / path, quality=quality)
    problems = problems_of(tiny_dataset, code=1)
    assert [problem["kind"] for problem in problems] == ["near-duplicate"] * 2
    for problem in problems:  # the second copy is like the first one, too, but that is no leak
        assert problem["severity"] == "error"
        assert "of split train" in problem["found"]
