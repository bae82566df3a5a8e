"""Batches lie in memory that workers fill again, but never before the last of a batch is gone."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from loader_data import plain_source

from mass13k_tools.loader import batch_memory, fetching
from mass13k_tools.loader.batch_memory import ROOMS_KEPT, BatchMemory
from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.recipe import Recipe

TINY = Recipe(short_sides_px=(8,), crop_hw=(4, 4), most_share=2.0)
SHAPE = (2, 3, 5)
# Torch suggests no more workers than processors
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture
def worker(monkeypatch):
    """Let this process take itself for a worker."""
    for module in (batch_memory, fetching):
        monkeypatch.setattr(module, "get_worker_info", lambda: SimpleNamespace(num_workers=2))


def sent(room):
    """Give what a room is in the process that it is sent to."""
    function, arguments = room.__reduce__()
    return function(*arguments)


def filled(room, seed):
    rng = np.random.default_rng(seed)
    for part in (room.images, room.label_maps):
        part[...] = rng.integers(0, 256, part.shape)
    return room.images.copy(), room.label_maps.copy()


def test_what_is_made_is_what_arrives(worker):
    room = BatchMemory().room(SHAPE)
    expected = filled(room, 1)
    pixels = sent(room)
    for found, one, shape in zip(pixels, expected, ((2, 3, 5, 3), (2, 3, 5)), strict=True):
        assert found.shape == shape and found.dtype == torch.uint8
        np.testing.assert_array_equal(found, one)


@pytest.mark.parametrize("kept", ["images", "label_maps"])
def test_memory_is_filled_again_when_nothing_of_its_batch_is_left(worker, kept):
    memory = BatchMemory()
    first = memory.room(SHAPE)
    part = getattr(sent(first), kept)[1, 2:].numpy()  # a view of a part of the batch
    second = memory.room(SHAPE)
    assert second is not first
    assert not np.shares_memory(second.images, first.images)
    del part
    assert memory.room(SHAPE) is first
    assert memory.room((1, 3, 5)) not in (first, second)


def test_a_batch_that_was_not_yet_taken_is_not_written_over(worker):
    memory = BatchMemory()
    assert memory.room(SHAPE) is not memory.room(SHAPE)


def test_more_batches_in_use_than_memory_is_kept_for_are_freed_for_good(worker):
    memory = BatchMemory()
    rooms = [memory.room(SHAPE) for _ in range(ROOMS_KEPT + 2)]
    expected = [filled(room, seed) for seed, room in enumerate(rooms)]
    batches = [sent(room) for room in rooms]
    for batch, parts in zip(batches, expected, strict=True):
        for found, one in zip(batch, parts, strict=True):
            np.testing.assert_array_equal(found, one)
    del batch, found, batches
    again = [memory.room(SHAPE) for _ in range(ROOMS_KEPT + 1)]
    assert again[:-1] == rooms[:ROOMS_KEPT] and again[-1] not in rooms


def test_a_copy_for_a_worker_has_memory_of_its_own(worker):
    memory = BatchMemory()
    room = memory.room(SHAPE)
    room.in_use[0] = False
    assert pickle.loads(pickle.dumps(memory)).room(SHAPE) is not room
    assert memory.room(SHAPE) is room


@pytest.mark.parametrize("free", [3 * (4 * 30 + 1) - 1, None])
def test_without_shared_memory_a_batch_is_sent_as_it_is(worker, monkeypatch, free):
    if free is None:  # no worker, so nothing to share with
        monkeypatch.setattr(batch_memory, "get_worker_info", lambda: None)
    else:
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: usage)
    room = BatchMemory().room(SHAPE)
    expected = filled(room, 3)
    pixels = pickle.loads(pickle.dumps(room))  # without torch's own way, which shares memory
    for found, one in zip(pixels, expected, strict=True):
        np.testing.assert_array_equal(found, one)


def test_batches_that_are_kept_stay_as_they_were_and_outlive_the_workers():
    options = {"batch_size": 2, "seed": 3}
    here = CropLoader(plain_source(16), TINY, **options)
    expected = [batch["label"] for _ in range(2) for batch in here]
    with CropLoader(plain_source(16), TINY, workers=1, **options) as loader:
        found = [batch["label"][:] for _ in range(2) for batch in loader]
    assert len(found) == 16 > ROOMS_KEPT
    for label, one in zip(found, expected, strict=True):
        np.testing.assert_array_equal(label, one)
