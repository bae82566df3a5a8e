"""A crop is what the released order makes of the whole files, to the bit, wherever it is read."""

import re
from dataclasses import replace

import numpy as np
import pytest
from loader_data import SMALL, folder_source, released_crop, shard_source, write_dataset

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.crops import CropSettings, make_crop
from mass13k_tools.loader.photometric import distorted
from mass13k_tools.loader.recipe import Recipe
from mass13k_tools.loader.resize import Box

COUNT = 20
DRAWS = 4  # of each sample


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crops")
    root = write_dataset(folder / "photos", COUNT, seed=5)
    return {
        "folders": folder_source(root),
        "shards": shard_source(root, folder / "shards"),
        "copied": shard_source(root, folder / "copied", "--copy"),
    }


def crops_of(source, settings, draws=DRAWS):
    for index in range(len(source)):
        for draw in range(draws):
            rng = np.random.default_rng([index, draw])
            yield index, draw, make_crop(source, index, settings, rng)


@pytest.mark.parametrize("kind", ["folders", "shards", "copied"])
def test_crops_are_those_of_the_released_order(sources, kind):
    samples = sources["folders"].samples
    sizes = set()
    for index, draw, crop in crops_of(sources[kind], CropSettings(recipe=SMALL)):
        sample, rng = samples[index], np.random.default_rng([index, draw])
        image, label_map = released_crop(sample.image_path, sample.label_path, SMALL, rng)
        np.testing.assert_array_equal(crop.image, image)
        np.testing.assert_array_equal(crop.label_map, label_map)
        assert crop.key == sample.key
        sizes.add(crop.size_hw)
    assert (64, 80) in sizes and len(sizes) > 3  # with padding and without


def test_crops_of_the_released_recipe_itself(tmp_path):
    root = write_dataset(tmp_path / "photos", 2, seed=9)
    source = shard_source(root, tmp_path / "shards")
    samples = folder_source(root).samples
    for index in range(2):
        crop = make_crop(source, index, CropSettings(), np.random.default_rng(index))
        sample, rng = samples[index], np.random.default_rng(index)
        image, label_map = released_crop(sample.image_path, sample.label_path, Recipe(), rng)
        np.testing.assert_array_equal(crop.image, image)
        np.testing.assert_array_equal(crop.label_map, label_map)


def test_the_size_without_padding_is_told(sources):
    for _, _, crop in crops_of(sources["shards"], CropSettings(recipe=SMALL), draws=2):
        height, width = crop.size_hw
        assert (crop.label_map[height:] == 255).all() and (crop.label_map[:, width:] == 255).all()
        assert not crop.image[height:].any() and not crop.image[:, width:].any()


def test_colours_left_to_the_device_are_told_and_not_changed(sources):
    source, here = sources["shards"], CropSettings(recipe=SMALL)
    there = replace(here, photometrics="device")
    for (*_, done), (*_, left) in zip(crops_of(source, here), crops_of(source, there), strict=True):
        height, width = left.size_hw
        expected = distorted(left.image[:height, :width], left.distortion)
        np.testing.assert_array_equal(done.image[:height, :width], expected)
        np.testing.assert_array_equal(done.label_map, left.label_map)


class Watched:
    """A source that notes how many pixels were asked of it."""

    def __init__(self, source):
        self.source, self.image_px = source, 0

    def __getattr__(self, name):
        return getattr(self.source, name)

    def image_region(self, index: int, box: Box):
        self.image_px += box[2] * box[3]
        return self.source.image_region(index, box)


def test_only_the_rectangle_of_the_image_is_asked_for_once(sources):
    recipe = Recipe(short_sides_px=(400,), crop_hw=(40, 40))
    for index in range(COUNT):
        watched = Watched(sources["shards"])
        make_crop(watched, index, CropSettings(recipe=recipe), np.random.default_rng(index))
        side = 40 * min(watched.size_hw(index)) / 400
        assert 0 < watched.image_px <= (side + 3) ** 2


@pytest.mark.parametrize("sampling", ["boundary", "rare"])
def test_other_sampling_changes_the_place_alone_and_is_the_same_from_folders(sources, sampling):
    settings = CropSettings(recipe=SMALL, sampling=sampling)
    released = CropSettings(recipe=SMALL)
    found = [crops_of(sources[kind], settings) for kind in sources]
    places = set()
    for (index, draw, crop), *others in zip(*found, strict=True):
        for *_, other in others:
            np.testing.assert_array_equal(crop.image, other.image)
            np.testing.assert_array_equal(crop.label_map, other.label_map)
        rng = np.random.default_rng([index, draw])
        uniform = make_crop(sources["folders"], index, released, rng)
        assert (crop.size_hw, crop.distortion) == (uniform.size_hw, uniform.distortion)
        places.add(np.array_equal(crop.label_map, uniform.label_map))
    assert False in places


def test_crops_of_one_class_are_drawn_again_with_any_sampling(sources):
    for sampling in ("uniform", "boundary", "rare"):
        shares = []
        for redraws in (0, 10):
            recipe = replace(SMALL, redraws=redraws, short_sides_px=(263,))
            settings = CropSettings(recipe=recipe, sampling=sampling)
            counts = [
                np.bincount(crop.label_map.ravel(), minlength=256)[:255]
                for *_, crop in crops_of(sources["shards"], settings)
            ]
            shares.append(np.mean([one.max() / one.sum() >= 0.75 for one in counts if one.any()]))
        assert shares[1] < shares[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampling": "edges"}, "sampling is 'edges', expected one of: uniform, boundary, rare"),
        ({"photometrics": "gpu"}, "photometrics is 'gpu', expected one of: host, device"),
    ],
)
def test_unknown_words_are_refused(changes, message):
    with pytest.raises(DatasetError, match=re.escape(message)):
        CropSettings(**changes)
