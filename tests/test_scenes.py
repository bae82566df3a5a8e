"""Procedural scenes: one seed, one set of bytes; labels follow coverage; files lie right."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image as PillowImage

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import find_dataset
from mass13k_tools.scenes import scene, scene_name
from mass13k_tools.scenes.layers import GROUND, SKY, TREE, WATER, Canvas, polygon_box, stroke_rows

TINY_HW = (192, 256)


@pytest.fixture(scope="module")
def tiny_scenes():
    return [scene(index, seed=0, size_hw=TINY_HW) for index in range(8)]


def sample(*arguments):
    return CliRunner().invoke(main, ["sample", *map(str, arguments)])


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# Scenes


def test_the_same_number_and_seed_give_the_same_pixels(tiny_scenes):
    again = scene(3, seed=0, size_hw=TINY_HW)  # alone, after others had been painted
    assert np.array_equal(again.image, tiny_scenes[3].image)
    assert np.array_equal(again.label_map, tiny_scenes[3].label_map)


def test_another_seed_gives_other_pixels(tiny_scenes):
    other = scene(0, seed=1, size_hw=TINY_HW)
    assert not np.array_equal(other.image, tiny_scenes[0].image)
    assert not np.array_equal(other.label_map, tiny_scenes[0].label_map)


def test_every_scene_has_four_classes_and_the_set_has_all(tiny_scenes):
    present = [set(np.unique(painted.label_map).tolist()) for painted in tiny_scenes]
    assert all(len(classes) >= 4 for classes in present)
    assert set.union(*present) == set(MASS13K.ids)


def test_eight_scenes_show_eight_places(tiny_scenes):
    assert len({painted.place for painted in tiny_scenes}) == 8


def test_arrays_are_an_image_and_its_label_map(tiny_scenes):
    for painted in tiny_scenes:
        assert painted.image.shape == (*TINY_HW, 3)
        assert painted.label_map.shape == TINY_HW
        assert painted.image.dtype == painted.label_map.dtype == np.uint8


def test_a_colour_does_not_tell_the_class(tiny_scenes):
    """The nearest mean colour, the best that one colour per class can do, is often wrong."""
    pixels = np.concatenate([painted.image[::3, ::3].reshape(-1, 3) for painted in tiny_scenes])
    labels = np.concatenate([painted.label_map[::3, ::3].ravel() for painted in tiny_scenes])
    colours = pixels.astype(np.float32)
    means = np.stack([colours[labels == class_id].mean(0) for class_id in MASS13K.ids])
    guesses = ((colours[:, None] - means) ** 2).sum(2).argmin(1)
    hits = [np.mean(guesses[labels == class_id] == class_id) for class_id in MASS13K.ids]
    assert np.mean(hits) < 0.65


def test_some_scenes_are_calm_and_some_are_full_of_edges(tiny_scenes):
    edges = [
        np.mean(painted.label_map[:, 1:] != painted.label_map[:, :-1]) for painted in tiny_scenes
    ]
    assert max(edges) > 4 * min(edges)


@pytest.mark.parametrize("size_hw", [(64, 64), (97, 131), (131, 97), (64, 400)])
def test_odd_and_small_sizes_work(size_hw):
    for index in range(8):
        painted = scene(index, seed=5, size_hw=size_hw)
        assert painted.image.shape == (*size_hw, 3)
        assert set(np.unique(painted.label_map)) <= set(MASS13K.ids)


@pytest.mark.parametrize("size_hw", [(63, 256), (256, 63), (0, 0), (64, 20000)])
def test_sizes_out_of_range_are_refused_in_one_line(size_hw):
    with pytest.raises(DatasetError, match=r"expected 64 to 16384 pixels a side") as caught:
        scene(0, seed=0, size_hw=size_hw)
    assert "\n" not in str(caught.value)


# Labels follow coverage


def test_a_pixel_belongs_to_the_class_that_covers_most_of_it():
    canvas = Canvas.blank((4, 4))
    canvas.field(SKY, np.ones((4, 4), np.float32), (0.5, 0.6, 0.9))
    # Left of x = 1.6: all of column 0, 60 % of column 1; above y = 0.4 of it 40 % of row 0 is water
    canvas.polygon(GROUND, [(0, 0), (1.6, 0), (1.6, 4), (0, 4)], (0.3, 0.2, 0.1))
    canvas.polygon(WATER, [(0, 0), (4, 0), (4, 0.4), (0, 0.4)], (0.1, 0.2, 0.3))
    expected = np.full((4, 4), SKY.id)
    expected[:, :2] = GROUND.id
    expected[0, 1] = WATER.id  # water 40 %, ground 60 % of the rest = 36 %, sky 24 %
    assert np.array_equal(canvas.label_map(), expected)
    assert np.allclose(canvas.shares[0, 1] / 65535, [0, 0, 0, 0, 0.36, 0.24, 0.40], atol=1e-3)


def test_colours_are_mixed_by_the_same_coverage_as_labels():
    canvas = Canvas.blank((1, 10))
    canvas.field(SKY, np.ones((1, 10), np.float32), (0.0, 0.0, 0.0))
    canvas.field(TREE, np.linspace(0, 1, 10, dtype=np.float32)[None], (1.0, 1.0, 1.0))
    assert np.allclose(canvas.rgb[0, :, 0], np.linspace(0, 1, 10), atol=1e-4)
    assert np.array_equal(canvas.label_map()[0] == TREE.id, canvas.rgb[0, :, 0] > 0.5)


def test_shares_of_a_pixel_always_make_a_whole():
    canvas = Canvas.blank((32, 32))
    rng = np.random.default_rng(0)
    for kind in (SKY, TREE, WATER):
        path = rng.uniform(0, 32, (60, 2))
        canvas.strokes(kind, stroke_rows(path, rng.uniform(0.1, 2, 60), (0.5, 0.5, 0.5)))
    assert (canvas.shares.astype(int).sum(2) == 65535).all()


def test_a_polygon_covers_its_area():
    triangle = np.array([(1.3, 0.7), (9.1, 2.2), (4.4, 8.9)])
    found = polygon_box(triangle, (12, 12))
    assert found is not None
    (ax, ay), (bx, by) = triangle[1] - triangle[0], triangle[2] - triangle[0]
    assert found[1].sum() == pytest.approx(abs(ax * by - ay * bx) / 2, rel=0.01)


def test_a_line_thinner_than_a_pixel_covers_as_much_as_it_is_wide():
    canvas = Canvas.blank((9, 20))
    path = [(0.0, 4.5), (20.0, 4.5)]
    canvas.strokes(TREE, stroke_rows(path, 0.15, (1.0, 1.0, 1.0), cap=False))
    assert canvas.rgb[:, :, 0].sum() == pytest.approx(20 * 0.3, rel=0.02)
    assert not (canvas.label_map() == TREE.id).any()


# Names and splits


def test_scenes_of_one_capture_share_date_city_and_split():
    for capture in range(12):
        one, two = (scene_name(2 * capture + part, seed=0) for part in (0, 1))
        assert one.split == two.split
        assert one.key.split("_")[1:4] == two.key.split("_")[1:4]
    days = {tuple(scene_name(index, seed=0).key.split("_")[2:4]) for index in range(0, 200, 2)}
    assert len(days) == 100  # no two captures share date and city


def test_six_scenes_fill_every_split():
    assert {scene_name(index, seed=9).split for index in range(6)} == {"train", "val", "test"}


# Files


def test_the_command_writes_the_layout_of_mass13k(tmp_path):
    outcome = sample(tmp_path / "out", "--tiny", "--images", 6, "--jobs", 1, "--json")
    assert outcome.exit_code == 0, outcome.output
    dataset = find_dataset(tmp_path / "out")
    assert (dataset.layout, dataset.faults) == ("mass13k", ())
    assert {entry.split for entry in dataset.samples} == {"train", "val", "test"}
    assert len(dataset.samples) == 6
    for entry in dataset.samples:
        with (
            PillowImage.open(entry.label_path) as labels,
            PillowImage.open(entry.image_path) as image,
        ):
            assert (labels.mode, labels.format, labels.size) == ("L", "PNG", (256, 192))
            assert (image.mode, image.format, image.size) == ("RGB", "JPEG", (256, 192))
    summary = json.loads(outcome.stdout)
    pixels = [*(tmp_path / "out").rglob("*.jpg"), *(tmp_path / "out").rglob("*.png")]
    assert summary["images"] == 6
    assert summary["bytes"] == sum(path.stat().st_size for path in pixels)


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert sample(whole, "--tiny", "--images", 4, "--jobs", 1).exit_code == 0
    assert sample(killed, "--tiny", "--images", 2, "--jobs", 1).exit_code == 0
    next(killed.rglob("00001*.png")).unlink()  # died between a scene's two files
    assert sample(killed, "--tiny", "--images", 4, "--jobs", 1).exit_code == 0
    assert files_of(whole) == files_of(killed)


def test_more_processes_write_the_same_bytes(tmp_path):
    arguments = ("--size", "64x64", "--images", 2)
    assert sample(tmp_path / "one", *arguments, "--jobs", 1).exit_code == 0
    assert sample(tmp_path / "two", *arguments, "--jobs", 2).exit_code == 0
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_folder_with_another_sample_set_is_left_alone(tmp_path):
    out = tmp_path / "out"
    assert sample(out, "--size", "64x64", "--images", 2, "--jobs", 1).exit_code == 0
    before = files_of(out)
    outcome = sample(out, "--size", "64x64", "--images", 2, "--jobs", 1, "--seed", 1)
    assert outcome.exit_code == 1
    assert "holds scenes of generator 1, seed 0, size 64x64; asked are" in outcome.stderr
    assert files_of(out) == before


def test_overwrite_replaces_the_other_sample_set(tmp_path):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    common = ("--size", "64x64", "--images", 2, "--jobs", 1)
    assert sample(out, *common).exit_code == 0
    assert sample(out, *common, "--seed", 1, "--overwrite").exit_code == 0
    assert sample(fresh, *common, "--seed", 1).exit_code == 0
    assert files_of(out) == files_of(fresh)


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_photos_of_somebody_else_are_never_mixed_with_ours_nor_removed(tmp_path, overwrite):
    photo = tmp_path / "images" / "train" / "06115_b06_20230210_tianjin_id2974.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"mine")
    outcome = sample(tmp_path, "--size", "64x64", "--images", 1, "--jobs", 1, *overwrite)
    assert outcome.exit_code == 1
    assert "choose another folder" in outcome.stderr
    assert list(files_of(tmp_path).values()) == [b"mine"]


@pytest.mark.parametrize(
    "record",
    [
        *('{"generator": 1, "se', 9999 * '[{"generator": ', '{"generator": 1, "images": "x"}'),
        *('{"generator": 1, "images": -5}', '{"generator": 1, "images": 1e400}'),
        '{"generator": 1, "seed": 0, "size": "64x64", "images": 1000000000000}',
    ],
)
def test_a_record_that_makes_no_sense_is_refused_or_replaced(tmp_path, record):
    (tmp_path / "sample.json").write_text(record)
    common = ("--size", "64x64", "--images", 1, "--jobs", 1)
    outcome = sample(tmp_path, *common)
    assert outcome.exit_code == 1
    assert "has no sound sample.json" in outcome.stderr
    assert sample(tmp_path, *common, "--overwrite").exit_code == 0
    assert json.loads((tmp_path / "sample.json").read_text())["images"] == 1


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize("content", ["", "[", '{"version": "5.0"}', '{"images": 3}'])
def test_a_record_of_another_program_stays(tmp_path, overwrite, content):
    (tmp_path / "sample.json").write_text(content)
    outcome = sample(tmp_path, "--size", "64x64", "--images", 1, "--jobs", 1, *overwrite)
    assert outcome.exit_code == 1
    assert "choose another folder" in outcome.stderr
    assert files_of(tmp_path) == {"sample.json": content.encode()}


@pytest.mark.parametrize(
    "place",
    [
        *("images/mine.jpg", "images/train/deep/mine.jpg", "annotations/val/mine.png"),
        "images/train/00000_b01_20260301_saltmere_id0000.txt",
        "images/train/deep/00000_b01_20260301_saltmere_id0000.jpg",
    ],
)
def test_overwrite_removes_and_replaces_scenes_of_ours_alone(tmp_path, place):
    common = (tmp_path, "--size", "64x64", "--images", 1, "--jobs", 1)
    assert sample(*common).exit_code == 0
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_bytes(b"mine")
    before = files_of(tmp_path)
    outcome = sample(*common, "--seed", 1, "--overwrite")
    assert outcome.exit_code == 1
    assert f"'{tmp_path / place}' is none of our scenes" in outcome.stderr
    assert files_of(tmp_path) == before


def test_failures_are_counted_and_no_next_step_is_offered(tmp_path):
    (tmp_path / "images").write_text("in the way")
    outcome = sample(tmp_path, "--tiny", "--images", 2, "--jobs", 1, "--overwrite")
    assert outcome.exit_code == 1
    assert "0 images" in outcome.stdout
    assert "Next" not in outcome.stdout
    assert "2 of 2 failed" in outcome.stderr


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    outcome = sample(tmp_path, "--tiny")
    assert outcome.exit_code == 1
    assert "is not empty" in outcome.stderr
    assert files_of(tmp_path) == {"notes.txt": b"mine"}


@pytest.mark.parametrize("size", ["256", "192x", "axb", "192x256x3"])
def test_a_size_that_is_none_is_a_usage_error(tmp_path, size):
    outcome = sample(tmp_path / "out", "--size", size)
    assert outcome.exit_code == 2
    assert "3072x4096" in outcome.stderr
