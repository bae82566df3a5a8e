"""The main job on real photos, where they are there."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.images import read_label_map, read_sample
from mass13k_tools.layouts import find_dataset
from mass13k_tools.ops.complexity import complexity, perimeters

DATA = Path(__file__).parent.parent.parent / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"real photos are not at {DATA}; nothing else needs them"
)
COUNTS = {
    "camvid7": {"train": 160, "val": 40, "test": 80},
    "highres7": {"train": 2, "val": 2, "test": 1},
}


def run(*arguments):
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", COUNTS)
def test_real_data_sets_are_sound(name):
    checked = run("check", DATA / name)
    assert checked == {"images": sum(COUNTS[name].values()), "problems": []}
    assert run("split", "list", DATA / name)["splits"] == COUNTS[name]


def test_class_shares_are_those_that_came_with_the_photos():
    output = run("stats", DATA / "highres7")
    published = json.loads((DATA / "highres7" / "stats.json").read_text())
    for split, expected in published.items():
        images = [image for image in output["images"] if image["split"] == split]
        assert len(images) == expected["images"]
        area = sum(image["height"] * image["width"] for image in images)
        for name, percent in expected["percent_of_pixels"].items():
            if name != "ignore":
                pixels = sum(image["pixels"].get(MASS13K.find(name).name, 0) for image in images)
                assert 100 * pixels / area == pytest.approx(percent, abs=0.006)


def test_camvid_has_no_water_and_a_mipq_for_every_image():
    output = run("stats", DATA / "camvid7")
    assert all(image["mipq"] > 1 and "water" not in image["pixels"] for image in output["images"])
    assert output["dataset"]["diagonal"] == {"mean": 600, "std": 0}


def test_definitions_agree_on_real_masks_as_far_as_they_should():
    sample = find_dataset(DATA / "highres7").samples[0]
    label_map = read_label_map(sample.label_path, MASS13K)
    contour, opencv = perimeters(label_map), perimeters(label_map, definition="opencv")
    present = np.flatnonzero(contour)
    np.testing.assert_allclose(contour[present], opencv[present], rtol=0.1)
    assert complexity(label_map, definition="crack").mipq > complexity(label_map).mipq


def test_images_and_label_maps_of_real_samples_fit():
    dataset = find_dataset(DATA / "highres7")
    for sample in dataset.samples:
        image, label_map = read_sample(sample, dataset.taxonomy)
        assert image.shape[:2] == label_map.shape
