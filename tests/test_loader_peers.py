"""The benchmark compares like with like: the usual ways to crops give what the loader gives."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from loader_data import folder_source, shard_source, write_dataset
from loader_peers import (
    PEERS,
    Cropper,
    Loading,
    folder_loader,
    released_crop,
)
from loader_ways import (
    CROP_FIRST,
    ON_DEVICE,
    ON_HOST,
    RELEASED,
    TORCH_COLOURS,
    Repeated,
    crop_makers,
    prepare,
    ways,
)
from process_memory import descendants, peak_bytes

from mass13k_tools.loader.crops import CropSettings, make_crop
from mass13k_tools.loader.recipe import Recipe

# No crop is padded: the benchmark's photos are all larger than a crop
LARGE = Recipe(short_sides_px=(97, 121, 130, 263), most_long_side_px=900, crop_hw=(64, 80))
COUNT = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="module")
def root(folder):
    return write_dataset(folder / "photos", COUNT, seed=3)


@pytest.fixture(scope="module")
def samples(root):
    return folder_source(root).samples


def prepared(folder, root):
    """Prepare the data for all ways, once."""
    ready = folder / "ways"
    if not ready.exists():
        ready.mkdir()
        prepare(ready, root)
    return ready


def crop_of(sample, number):
    """Make the crop that a loader without workers makes as its n-th."""
    files = sample.image_path.read_bytes(), sample.label_path.read_bytes()
    return released_crop(*files, LARGE, np.random.default_rng([0, number]))


def test_the_released_order_gives_the_crops_of_the_loader(root, samples, folder):
    sources = folder_source(root), shard_source(root, folder / "shards")
    for index, sample in enumerate(samples):
        for number in range(4):
            expected = crop_of(sample, number)
            for source in sources:
                rng = np.random.default_rng([0, number])
                crop = make_crop(source, index, CropSettings(recipe=LARGE), rng)
                np.testing.assert_array_equal(crop.image, expected.image[:, :, ::-1])
                np.testing.assert_array_equal(crop.label_map, expected.label_map)


# webdataset leaves it to Python to close the tars that it opens
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("name", ["plain files", *PEERS])
def test_every_peer_gives_each_sample_once_cropped_in_the_released_order(name, samples, folder):
    loading = Loading(LARGE, 1, 0)
    if name == "plain files":
        loader = folder_loader(samples, loading)
    else:
        pytest.importorskip({"mosaicml-streaming": "streaming"}.get(name, name))
        PEERS[name].write(samples, folder / name)
        loader = PEERS[name].load(folder / name, loading)
    left = list(samples)
    for number, (image, labels) in enumerate(loader):
        crops = [crop_of(sample, number) for sample in left]
        (found,) = [
            place
            for place, crop in enumerate(crops)
            if np.array_equal(crop.image, image[0]) and np.array_equal(crop.label_map, labels[0])
        ]
        del left[found]
    assert not left
    del loader
    gc.collect()


def test_crops_made_one_by_one_are_the_same_in_every_way(folder, root):
    makers = crop_makers(prepared(folder, root), LARGE)
    for number in range(2 * COUNT):
        image, labels = makers[RELEASED](number)
        for name in (CROP_FIRST, ON_HOST):
            crop = makers[name](number)
            np.testing.assert_array_equal(crop.image, image[:, :, ::-1])
            np.testing.assert_array_equal(crop.label_map, labels)
        (colours,) = makers[TORCH_COLOURS](number)
        np.testing.assert_array_equal(
            colours[..., :64].numpy(), crop.image.transpose(2, 0, 1)[..., :64]
        )
        np.testing.assert_array_equal(makers[ON_DEVICE](number).label_map, labels)


def test_one_cropper_draws_anew_for_every_crop(samples):
    crop, sample = Cropper(LARGE), samples[0]
    files = sample.image_path.read_bytes(), sample.label_path.read_bytes()
    images = [crop(*files)[0] for _ in range(4)]
    assert not all(torch.equal(images[0], image) for image in images)


def test_a_repeated_source_gives_the_same_samples_again(root):
    source = folder_source(root)
    twice = Repeated(source, 2)
    assert len(twice) == 2 * COUNT and twice.keys == source.keys * 2
    for index in (1, COUNT + 1):
        height, width = twice.size_hw(index)
        assert (height, width) == source.size_hw(1)
        box = (3, 4, height - 5, width - 6)
        for read in ("image_region", "label_region"):
            expected = getattr(source, read)(1, box)
            np.testing.assert_array_equal(getattr(twice, read)(index, box), expected)


def test_colours_by_torch_are_those_of_the_host(folder, root):
    found, loading = ways(prepared(folder, root)), Loading(LARGE, 2, 0)
    batches = [list(found[name](loading)) for name in (ON_HOST, TORCH_COLOURS, ON_DEVICE)]
    for host, colours, left in zip(*batches, strict=True):
        # Where the width is no multiple of 64, the last columns may differ
        assert torch.equal(host["image"][..., :64], colours[..., :64])
        assert torch.equal(host["label"], left["label"]) and "distortion" in left


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only on Linux")
def test_memory_is_that_of_a_command_and_of_what_it_starts():
    held = "x = bytearray(b'1' * 150_000_000); import time; time.sleep(1)"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {held!r}])"
    for code in (held, nested):
        assert 140e6 < peak_bytes([sys.executable, "-c", code]) < 400e6
    assert os.getpid() in descendants(os.getppid())
    with pytest.raises(subprocess.CalledProcessError):
        peak_bytes([sys.executable, "-c", "raise SystemExit(3)"])
