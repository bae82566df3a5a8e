"""The same results for any number of workers, and nothing left behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mass13k_tools.errors import DatasetError
from mass13k_tools.pool import Workers, run


def square(number):
    return number * number


def picky(number):
    if number == 2:
        raise DatasetError("two is not wanted")
    if number == 3:
        raise KeyError("three")
    return number


def die_at_one(number):
    if number == 1:
        os._exit(9)
    return number


def die(_):
    os._exit(9)


def unique_token(_):
    return os.urandom(8)


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_results_are_the_same_for_any_number_of_jobs(jobs):
    done = list(run(square, range(7), workers=Workers(jobs=jobs)))
    assert sorted((each.item, each.result) for each in done) == [(n, n * n) for n in range(7)]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("jobs", [1, 2])
def test_failures_are_collected_and_stop_nothing(jobs):
    done = {each.item: each for each in run(picky, range(5), workers=Workers(jobs=jobs))}
    assert done[2].failure == "two is not wanted"
    assert done[3].failure == "unexpected KeyError: 'three'"
    assert [done[n].result for n in (0, 1, 4)] == [0, 1, 4]
    assert [done[n].failure for n in (0, 1, 4)] == [None] * 3


def test_a_worker_that_dies_takes_only_the_items_under_way_with_it():
    done = {each.item: each for each in run(die_at_one, range(20), workers=Workers(jobs=2))}
    assert sorted(done) == list(range(20))
    assert "worker process died" in done[1].failure
    lost = [each for each in done.values() if each.failure]
    assert len(lost) <= 4  # two workers, two items each


def test_workers_that_all_die_stop_the_run():
    with pytest.raises(DatasetError, match="--jobs 1"):
        list(run(die, range(40), workers=Workers(jobs=2)))


def test_leaving_early_ends_the_workers():
    outcomes = run(square, range(50), workers=Workers(jobs=2))
    next(outcomes)
    outcomes.close()
    assert not multiprocessing.active_children()


def test_no_items_give_no_outcomes():
    assert list(run(square, [], workers=Workers(jobs=4))) == []


SCRIPT = """
import os, sys, time
from mass13k_tools.pool import Workers, run
def note(number):
    open(f"{sys.argv[1]}/{os.getpid()}", "w").close()
    time.sleep(0.2)
if __name__ == "__main__":
    list(run(note, range(1000), workers=Workers(jobs=2)))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_no_process_behind(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    notes = tmp_path / "pids"
    notes.mkdir()
    root = Path(__file__).parent.parent
    process = subprocess.Popen(
        [sys.executable, script, notes],
        env=os.environ | {"PYTHONPATH": str(root)},
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: len(list(notes.iterdir())) == 2)
    process.send_signal(how)
    assert process.wait(30) != 0
    wait_until(lambda: not any(alive(int(note.name)) for note in notes.iterdir()))


def wait_until(condition, seconds=30):
    for _ in range(10 * seconds):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def alive(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_real_cluster_gives_the_same_results(cluster_address):
    workers = Workers(cluster=cluster_address)
    done = list(run(square, range(9), workers=workers))
    assert sorted((each.item, each.result) for each in done) == [(n, n * n) for n in range(9)]
    tokens = {each.result for each in run(unique_token, [0, 0, 0], workers=workers)}
    assert len(tokens) == 3  # equal items are computed each for itself
    failed = [each.failure for each in run(picky, [2], workers=workers)]
    assert failed == ["two is not wanted"]


def test_a_missing_scheduler_is_one_clear_line(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

    def refuse(address, timeout):
        raise OSError("Timed out trying to connect")

    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(DatasetError, match="no Dask scheduler answers at 'tcp://127.0.0.1:1'"):
        list(run(square, [1], workers=Workers(cluster="tcp://127.0.0.1:1")))
