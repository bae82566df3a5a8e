"""Batches depend on source, recipe, seed and position, not on workers or what these made ahead."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from loader_data import SMALL, folder_source, plain_source, shard_source, write_dataset

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader import fetching
from mass13k_tools.loader.crops import CropSettings, make_crop
from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.order import Ticket, epoch_order, sample_rng
from mass13k_tools.loader.recipe import Recipe

TINY = Recipe(short_sides_px=(8,), crop_hw=(4, 4), most_share=2.0)
# Torch suggests no more workers than processors; the results are to be the same with too many
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("batches") / "photos", 7, seed=2)


@pytest.fixture(scope="module")
def shards(root):
    return shard_source(root, root.parent / "shards")


def copy_of(batch):
    return {
        name: value.numpy().copy() if torch.is_tensor(value) else value
        for name, value in batch.items()
    }


def copies_of(batches):
    return [copy_of(batch) for batch in batches]


def check_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def numbers_of(batches):
    """Tell which samples of a plain source came."""
    return [number for batch in batches for number in batch["label"][:, 0, 0].tolist()]


def test_a_batch_is_its_crops_one_upon_the_other(shards):
    loader = CropLoader(shards, SMALL, batch_size=3, seed=11)
    batch = next(iter(loader))
    assert batch["image"].shape == (3, 3, 64, 80) and batch["image"].dtype == torch.uint8
    assert batch["label"].shape == (3, 64, 80) and batch["label"].dtype == torch.uint8
    for position, index in enumerate(epoch_order(7, seed=11, epoch=0)[:3]):
        rng = sample_rng(Ticket(11, 0, position, int(index)))
        crop = make_crop(shards, int(index), CropSettings(recipe=SMALL), rng)
        np.testing.assert_array_equal(batch["image"][position].permute(1, 2, 0), crop.image)
        np.testing.assert_array_equal(batch["label"][position], crop.label_map)
        assert batch["key"][position] == shards.keys[index]
        assert batch["size_hw"][position] == crop.size_hw
    assert "distortion" not in batch


def test_folders_and_shards_and_any_number_of_workers_give_the_same_batches(root, shards):
    options = {"batch_size": 2, "seed": 4, "uneven": "pad", "photometrics": "device"}
    here = CropLoader(folder_source(root), SMALL, **options)
    epochs = [copies_of(here) for _ in range(2)]
    assert [len(epoch) for epoch in epochs] == [4, 4] and len(here) == 4
    assert {key for batch in epochs[0] for key in batch["key"]} == set(shards.keys)
    for workers, source in ((1, folder_source(root)), (2, shards)):
        with CropLoader(source, SMALL, workers=workers, **options) as loader:
            for epoch in epochs:
                check_same(copies_of(loader), epoch)
            assert len(multiprocessing.active_children()) == workers  # they stayed for both
        assert not multiprocessing.active_children()


def test_epochs_and_seeds_differ():
    loaders = [CropLoader(plain_source(20), TINY, batch_size=4, seed=seed) for seed in (0, 1)]
    orders = [numbers_of(loader) for loader in loaders for _ in range(2)]
    assert len({tuple(order) for order in orders}) == 4
    assert all(sorted(order) == list(range(20)) for order in orders)


@pytest.mark.parametrize("uneven", ["drop", "pad"])
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_every_epoch(ranks, uneven):
    options = {"batch_size": 2, "ranks": ranks, "uneven": uneven}
    loaders = [CropLoader(plain_source(11), TINY, rank=rank, **options) for rank in range(ranks)]
    for _ in range(2):
        seen = [number for loader in loaders for number in numbers_of(loader)]
        if uneven == "drop":
            assert len(seen) == len(set(seen)) == 11 - 11 % (2 * ranks)
        else:
            assert set(seen) == set(range(11)) and len(seen) == 12
    states = [loader.state_dict() for loader in loaders]
    assert states == [states[0]] * ranks
    assert (states[0]["epoch"], states[0]["position"]) == (2, 0)


def test_a_run_goes_on_in_the_middle_of_an_epoch_with_other_workers(root, shards):
    options = {"batch_size": 1, "seed": 6}
    straight = CropLoader(folder_source(root), SMALL, **options)
    expected = copies_of(straight) + copies_of(straight)
    with CropLoader(shards, SMALL, workers=1, **options) as first:
        found = [copy_of(batch) for _, batch in zip(range(3), first, strict=False)]
        state = first.state_dict()  # the worker made more than three by now
    assert state | {"keys": 0} == {"seed": 6, "epoch": 0, "position": 3, "samples": 7, "keys": 0}
    second = CropLoader(folder_source(root), SMALL, batch_size=1)
    second.load_state_dict(state)
    found += copies_of(second)
    assert second.epoch == 1
    found += copies_of(second)
    check_same(found, expected)


def test_a_run_goes_on_with_another_number_of_ranks_and_another_batch_size():
    source = plain_source(24)
    straight = numbers_of(CropLoader(source, TINY, batch_size=24, seed=1))
    pair = [CropLoader(source, TINY, batch_size=3, seed=1, rank=rank, ranks=2) for rank in (0, 1)]
    steps = zip(*pair, strict=True)
    seen = [numbers_of(next(steps)) for _ in range(2)]
    state = pair[0].state_dict()
    assert state == pair[1].state_dict() and state["position"] == 12
    trio = [CropLoader(source, TINY, batch_size=2, rank=rank, ranks=3) for rank in range(3)]
    for loader in trio:
        loader.load_state_dict(state)
    seen += [numbers_of(step) for step in zip(*trio, strict=True)]
    assert [number for step in seen for number in step] == straight


def test_a_rest_that_fills_no_step_ends_the_epoch():
    loader = CropLoader(plain_source(10), TINY, batch_size=4)
    loader.load_state_dict(loader.state_dict() | {"position": 8})
    assert list(loader) == []
    assert (loader.epoch, len(list(loader))) == (1, 2)


def test_leaving_a_loop_and_coming_back_goes_on_in_the_epoch():
    loader = CropLoader(plain_source(12), TINY, batch_size=2)
    seen = []
    for batch in loader:
        seen += numbers_of([batch])
        if len(seen) == 6:
            break
    seen += numbers_of(loader)
    assert sorted(seen) == list(range(12))
    assert loader.state_dict()["epoch"] == 1


def test_the_last_batch_of_an_epoch_belongs_to_the_next_start():
    loader = CropLoader(plain_source(4), TINY, batch_size=2)
    states = [(loader.state_dict()["epoch"], loader.state_dict()["position"]) for _ in loader]
    assert states == [(0, 2), (1, 0)]


def test_only_the_newest_loop_over_a_loader_goes_on():
    loader = CropLoader(plain_source(12), TINY, batch_size=2)
    old, state = iter(loader), loader.state_dict()
    next(old)
    new = iter(loader)
    next(new)
    with pytest.raises(DatasetError, match="another one was begun, or the loader was"):
        next(old)
    next(new)
    assert loader.state_dict()["position"] == 6
    loader.load_state_dict(state)
    with pytest.raises(DatasetError, match="cannot go on"):
        next(new)
    assert len(numbers_of(loader)) == 12


def break_label_map(root, number):
    path = root / "annotations" / "train" / f"p{number:02}.png"
    path.write_bytes(path.read_bytes()[:60])


def test_damage_reaches_the_loop_as_itself_and_ends_the_workers(tmp_path):
    root = write_dataset(tmp_path / "photos", 3)
    break_label_map(root, 1)
    messages = []
    for workers in (0, 1):
        loader = CropLoader(folder_source(root), SMALL, batch_size=3, workers=workers)
        with pytest.raises(DatasetError) as caught:
            next(iter(loader))
        messages.append(str(caught.value))
        assert not multiprocessing.active_children()
    assert messages[0] == messages[1]
    assert "p01" in messages[0] and "\n" not in messages[0]


class Broken:
    """A source of which some samples cannot be read."""

    def __init__(self, count, broken, error=DatasetError):
        self.source, self.broken, self.error = plain_source(count), broken, error

    def __getattr__(self, name):
        return getattr(self.source, name)

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__.update(state)

    def __len__(self):
        return len(self.source)

    def size_hw(self, index):
        if index in self.broken:
            raise self.error("no size")
        return 8, 8


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_fault_of_ours_is_no_damage_and_ends_the_workers(workers):
    source = Broken(3, {2}, ZeroDivisionError)
    loader = CropLoader(source, TINY, batch_size=3, workers=workers, skip_damaged=True)
    with pytest.raises(ZeroDivisionError, match="no size"):
        next(iter(loader))
    assert loader.skipped == []
    assert not multiprocessing.active_children()


def test_a_message_without_the_key_gets_it():
    loader = CropLoader(Broken(3, {2}), TINY, batch_size=3)
    with pytest.raises(DatasetError, match="^sample 'k002': no size$"):
        next(iter(loader))


def test_damage_is_skipped_when_asked_counted_and_named_once(caplog):
    loader = CropLoader(Broken(9, {2, 7}), TINY, batch_size=3, skip_damaged=True)
    with caplog.at_level(logging.WARNING):
        epochs = [[copy_of(batch) for batch in loader] for _ in range(3)]
    assert [len(batch["key"]) for epoch in epochs for batch in epoch] == [3] * 9  # full batches
    assert sorted(loader.skipped) == [
        ("k002", "sample 'k002': no size"),
        ("k007", "sample 'k007': no size"),
    ]
    assert sorted(record.getMessage() for record in caplog.records) == [
        "skipped: sample 'k002': no size",
        "skipped: sample 'k007': no size",
    ]
    for epoch in epochs:
        keys = {key for batch in epoch for key in batch["key"]}
        assert keys == {f"k{number:03}" for number in (0, 1, 3, 4, 5, 6, 8)}
    again = CropLoader(Broken(9, {2, 7}), TINY, batch_size=3, skip_damaged=True)
    check_same(copies_of(again), epochs[0])


def test_damage_everywhere_is_no_reason_to_search_for_ever():
    loader = CropLoader(Broken(5, set(range(5))), TINY, batch_size=1, skip_damaged=True)
    with pytest.raises(DatasetError, match="10 samples in a row are damaged; the last: "):
        next(iter(loader))


def test_what_fills_no_step_is_logged_once_by_one_rank(caplog):
    with caplog.at_level(logging.INFO):
        for rank in (0, 1):
            loader = CropLoader(plain_source(9), TINY, batch_size=2, rank=rank, ranks=2)
            for _ in range(2):
                list(loader)
    assert [record.getMessage() for record in caplog.records] == [
        "the last 1 of 9 samples fill no step of 2 x 2 and are left out, others in each epoch"
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 6}, "5 samples fill no step of 1 ranks x 6, so there would be no batch"),
        ({"seed": -1}, "seed is -1, expected 0 or more"),
        ({"workers": -1}, "workers is -1, expected 0 or more"),
        ({"sampling": "all"}, "sampling is 'all'"),
        ({"batch_size": 2.0}, "batch_size is 2.0, expected a whole number"),
        ({"batch_size": "2"}, "batch_size is '2', expected a whole number"),
        ({"batch_size": True}, "batch_size is True, expected a whole number"),
        ({"seed": None}, "seed is None, expected a whole number"),
        ({"workers": 1.5}, "workers is 1.5, expected a whole number"),
        ({"rank": "0"}, "rank is '0', expected a whole number"),
        ({"ranks": 1.0}, "ranks is 1.0, expected a whole number"),
        ({"recipe": {"redraws": 3}}, "recipe is {'redraws': 3}, expected a Recipe"),
        (
            {"source": "photos"},
            r"source is 'photos', expected such as open_source\(address\) gives",
        ),
    ],
)
def test_impossible_requests_are_refused(options, message):
    with pytest.raises(DatasetError, match=message):
        CropLoader(**{"source": plain_source(5), "recipe": TINY, "batch_size": 1} | options)


def test_whole_numbers_of_numpy_are_whole_numbers():
    options = {"batch_size": 2, "seed": 3, "rank": 1, "ranks": 2}
    plain = CropLoader(plain_source(9), TINY, **options)
    loader = CropLoader(
        plain_source(9), TINY, **{name: np.int64(value) for name, value in options.items()}
    )
    next(iter(loader)), next(iter(plain))
    assert loader.state_dict() == plain.state_dict()
    loader.load_state_dict(loader.state_dict())
    for one, other in zip(loader, plain, strict=True):
        assert one["key"] == other["key"]
        assert torch.equal(one["image"], other["image"])


def test_the_state_of_another_run_is_refused():
    loader = CropLoader(plain_source(5), TINY, batch_size=1)
    state = loader.state_dict()
    other = CropLoader(Broken(5, ()), TINY, batch_size=1)
    other.load_state_dict(state)  # the same keys
    with pytest.raises(DatasetError, match="is of a run over 5 samples; these 6 are others"):
        CropLoader(plain_source(6), TINY, batch_size=1).load_state_dict(state)
    with pytest.raises(DatasetError, match="these 5 are others"):
        loader.load_state_dict(state | {"keys": state["keys"] ^ 1})
    for change in ({"epoch": "1"}, {"position": -1}, {"seed": True}):
        with pytest.raises(DatasetError, match="expected seed, epoch, position, samples"):
            loader.load_state_dict(state | change)
    with pytest.raises(DatasetError, match="state of a loader has {}"):
        loader.load_state_dict({})
    for position in (5, 10**9):
        found = f"position {position} of an epoch, expected 0 to 4"
        with pytest.raises(DatasetError, match=found):
            loader.load_state_dict(state | {"position": position})
    assert loader.state_dict() == state
    loader.load_state_dict(state | {"position": 4})
    assert len(list(loader)) == 1


@pytest.mark.parametrize("uneven", ["drop", "pad"])
def test_every_state_of_a_run_is_one_to_go_on_from(uneven):
    loader = CropLoader(plain_source(7), TINY, batch_size=2, ranks=2, uneven=uneven)
    other = CropLoader(plain_source(7), TINY, batch_size=3)
    states = []
    for _ in range(2):
        states += [loader.state_dict() for _ in loader]
    assert len(states) == 2 * len(loader)
    for state in states:
        other.load_state_dict(state)
        assert other.state_dict() == state


def test_whole_images_take_the_pipe_where_shared_memory_is_full(monkeypatch):
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    assert torch.is_tensor(fetching.sendable(pixels))  # in this process there is nothing to send
    monkeypatch.setattr(fetching, "get_worker_info", lambda: SimpleNamespace(num_workers=3))
    for free, is_tensor in ((95, False), (96, True)):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path, usage=usage: usage)
        assert torch.is_tensor(fetching.sendable(pixels)) == is_tensor


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and SIGINT are POSIX's")
def test_ctrl_c_ends_the_workers(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, time
        from loader_data import SMALL, plain_source
        from mass13k_tools.loader.loader import CropLoader
        if __name__ == "__main__":
            loader = CropLoader(plain_source(40), SMALL, batch_size=1, workers=2)
            for batch in loader:
                print(*[child.pid for child in multiprocessing.active_children()], flush=True)
                time.sleep(60)
        """)
    )
    process = started(script)
    try:
        workers = [int(word) for word in process.stdout.readline().split()]
        assert len(workers) == 2
        os.killpg(process.pid, signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
        assert process.returncode != 0 and errors.count("KeyboardInterrupt") == 1
        deadline = time.monotonic() + 30
        while any(Path(f"/proc/{pid}").exists() for pid in workers):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and their signals are POSIX's")
@pytest.mark.slow
def test_workers_that_are_told_to_end_work_until_the_parent_ends(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, os, signal
        from loader_data import SMALL, plain_source
        from mass13k_tools.loader.loader import CropLoader
        if __name__ == "__main__":
            told = []
            signal.signal(signal.SIGTERM, lambda *_: told.append(1))
            Process = multiprocessing.process.BaseProcess
            start = Process.start
            def told_at_once(process):
                start(process)
                os.killpg(0, signal.SIGTERM)
            Process.start = told_at_once
            loader = CropLoader(plain_source(20), SMALL, batch_size=1, workers=1)
            batches = iter(loader)
            for _ in range(2):
                next(batches)
                os.killpg(0, signal.SIGTERM)
            print(len(told), 2 + len(list(batches)))
        """)
    )
    process = started(script)
    try:
        found, errors = process.communicate(timeout=60)
        assert (process.returncode, found, errors) == (0, "3 20\n", "")
    finally:
        process.kill()
        process.communicate()


def started(script: Path) -> subprocess.Popen:
    """Run a script as the first of a group of processes."""
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
