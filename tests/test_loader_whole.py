"""Whole images come once each over all ranks, in their own size, few at a time."""

import logging
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from loader_data import folder_source, plain_source, shard_source, write_dataset

from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_image, read_label_map
from mass13k_tools.loader.whole import WholeLoader

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("whole") / "photos", 5, seed=3)


@pytest.mark.parametrize(("kind", "workers"), [("folders", 0), ("shards", 0), ("shards", 2)])
def test_samples_are_the_files_pixels_from_folders_and_shards(root, tmp_path, kind, workers):
    folders = folder_source(root)
    source = folders if kind == "folders" else shard_source(root, tmp_path / "shards")
    loader = WholeLoader(source, workers=workers)
    for _ in range(2):
        keys = []
        for found, sample in zip(loader, folders.samples, strict=True):
            expected = read_image(sample.image_path)
            np.testing.assert_array_equal(found["image"].permute(1, 2, 0), expected)
            labels = read_label_map(sample.label_path, folders.taxonomy)
            np.testing.assert_array_equal(found["label"], labels)
            assert found["image"].dtype == found["label"].dtype == torch.uint8
            keys.append(found["key"])
        assert keys == list(folders.keys)
    loader.close()


@pytest.mark.parametrize("ranks", [1, 2, 3, 9])
def test_ranks_share_without_filling_up(ranks):
    loaders = [WholeLoader(plain_source(7), rank=rank, ranks=ranks) for rank in range(ranks)]
    keys = [[sample["key"] for sample in loader] for loader in loaders]
    assert sorted(key for part in keys for key in part) == list(plain_source(7).keys)
    assert [len(part) for part in keys] == [len(loader) for loader in loaders]
    assert max(map(len, keys)) - min(map(len, keys)) <= 1


class Noted:
    """A source that writes down which samples are read."""

    def __init__(self, count, path, broken=()):
        self.source, self.path, self.broken = plain_source(count), path, broken

    def __getattr__(self, name):
        return getattr(self.source, name)

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__.update(state)

    def __len__(self):
        return len(self.source)

    def label_region(self, index, box):
        with Path(self.path).open("a") as notes:
            notes.write(f"{index}\n")
        if index in self.broken:
            raise DatasetError(f"label map of k{index:03} is damaged")
        return self.source.label_region(index, box)


@pytest.mark.parametrize(("workers", "most"), [(0, 3), pytest.param(1, 4, marks=pytest.mark.slow)])
def test_little_is_read_ahead(tmp_path, workers, most):
    loader = WholeLoader(Noted(20, tmp_path / "notes"), workers=workers)
    for _, sample in zip(range(3), loader, strict=False):
        assert sample["image"].shape == (3, 8, 8)
    time.sleep(1 if workers else 0)  # time to read more, which it must not
    assert len((tmp_path / "notes").read_text().split()) <= most
    loader.close()


def test_damage_stops_with_its_key_or_is_left_out_when_asked(tmp_path, caplog):
    source = Noted(4, tmp_path / "notes", broken=(2,))
    with pytest.raises(DatasetError, match="^label map of k002 is damaged$"):
        list(WholeLoader(source))
    loader = WholeLoader(source, skip_damaged=True)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert [sample["key"] for sample in loader] == ["k000", "k001", "k003"]
    assert loader.skipped == [("k002", "label map of k002 is damaged")]
    assert len(caplog.records) == 1


def test_a_rank_beyond_the_ranks_is_refused():
    with pytest.raises(DatasetError, match="rank 2 of 2, expected 0 to 1"):
        WholeLoader(plain_source(3), rank=2, ranks=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0.0}, "rank is 0.0, expected a whole number"),
        ({"ranks": "2"}, "ranks is '2', expected a whole number"),
        ({"workers": None}, "workers is None, expected a whole number"),
        ({"source": "photos"}, "source is 'photos', expected such as open_source"),
    ],
)
def test_arguments_of_another_kind_are_refused(options, message):
    with pytest.raises(DatasetError, match=message):
        WholeLoader(**{"source": plain_source(3)} | options)
