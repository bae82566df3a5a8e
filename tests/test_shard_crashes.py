"""``mass13k shard`` killed, out of disk, or stopped, and started again."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_runs import bytes_of
from PIL import Image as PillowImage
from shard_folders import shard, shard_json

from mass13k_tools.layouts import find_dataset

PROJECT = Path(__file__).parent.parent
START = "from mass13k_tools.cli import main; main()"


@pytest.fixture
def slow_dataset(tmp_path):
    """Sixteen samples of 1200x1600 pixels, which take some time each."""
    root = tmp_path / "slow"
    rng = np.random.default_rng(0)
    for folder, end, shape, values in (
        ("images", "jpg", (1200, 1600, 3), 256),
        ("annotations", "png", (1200, 1600), 7),
    ):
        first = root / folder / "train" / f"00.{end}"
        first.parent.mkdir(parents=True)
        PillowImage.fromarray(rng.integers(0, values, shape, np.uint8)).save(first)
        for number in range(1, 16):
            shutil.copy(first, first.with_name(f"{number:02}.{end}"))
    return root


def started(*arguments):
    """Start the command in a process of its own."""
    command = [sys.executable, "-c", START, "shard", *map(str, arguments)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_killed_at_any_moment_and_started_again_it_ends_with_the_same_bytes(slow_dataset, tmp_path):
    out, draw = tmp_path / "out", random.Random(4)
    asked = ("--size", "3MB", "--with", "edges")
    shard_json(slow_dataset, tmp_path / "whole", *asked)
    whole = bytes_of(tmp_path / "whole")
    finished: dict[Path, int] = {}
    interrupted = 0
    for jobs, more in ((1, 0), (2, 1), (1, 1)):
        with started(slow_dataset, out, *asked, "--jobs", jobs) as process:
            while process.poll() is None and not (
                list(out.glob(".slow*.part"))
                and len(list(out.glob("*.tar"))) >= len(finished) + more
            ):
                time.sleep(0.002)
            time.sleep(draw.random() / 4)
            process.send_signal(signal.SIGKILL)
        interrupted += process.returncode == -signal.SIGKILL
        for path in out.glob("*.tar"):  # under a final name there is only what is whole
            assert path.read_bytes() == whole[path.name]
        known = {path: path.stat().st_ino for path in out.glob("*.tar")}
        assert finished.items() <= known.items(), "a finished shard was written again"
        finished = known
    assert interrupted >= 2
    assert len(finished) >= 2
    output = shard_json(slow_dataset, out, *asked)
    assert output["known"] >= len(finished)
    assert bytes_of(out) == whole  # and no temporary file is left


def test_two_runs_into_one_folder_do_not_meet(slow_dataset, tmp_path):
    out = tmp_path / "out"
    with started(slow_dataset, out, "--jobs", 1) as process:
        while process.poll() is None and not list(out.glob(".slow*.part")):
            time.sleep(0.002)
        result = shard(slow_dataset, out)
        process.send_signal(signal.SIGINT)
    if process.returncode:  # it was still writing
        assert (result.exit_code, "another run is writing into" in result.stderr) == (1, True)
        assert not list(out.glob(".*.part"))


@pytest.mark.skipif(sys.platform == "win32", reason="no limits for files there")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tiny_dataset, tmp_path, jobs):
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (15000,) * 2); {START}"
    asked = ("--size", "100KB")
    command = [sys.executable, "-c", limited, "shard", tiny_dataset, tmp_path / "out", *asked]
    command += ["--jobs", jobs]
    result = subprocess.run(
        list(map(str, command)), cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.count("Error: cannot write") == 1, result.stderr
    assert "Traceback" not in result.stderr
    left = bytes_of(tmp_path / "out")
    assert not [name for name in left if name.endswith((".part", "index.json"))]
    for name, content in left.items():
        if name.endswith(".tar"):
            assert content[-1024:] == bytes(1024)
    shard_json(tiny_dataset, tmp_path / "out", *asked)
    shard_json(tiny_dataset, tmp_path / "fresh", *asked)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "fresh")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_stops_the_run(tiny_dataset, tmp_path):
    find_dataset(tiny_dataset).samples[0].label_path.chmod(0)
    result = shard(tiny_dataset, tmp_path / "out")
    assert (result.exit_code, "Permission denied" in result.stderr) == (1, True)
    assert not (tmp_path / "out" / "index.json").exists()


def test_a_file_that_vanishes_under_way_stops_the_run_and_is_not_left_out(
    tiny_dataset, tmp_path, monkeypatch
):
    from mass13k_tools.shards import writer

    read = writer.read_sources

    def vanishing(sample):
        if sample.split == "val":
            sample.image_path.unlink(missing_ok=True)
        return read(sample)

    monkeypatch.setattr(writer, "read_sources", vanishing)
    result = shard(tiny_dataset, tmp_path / "out")
    assert (result.exit_code, "No such file" in result.stderr) == (1, True)
    assert not (tmp_path / "out" / "quarantine.json").exists()
    assert [path.name for path in (tmp_path / "out").glob("*.tar")] == ["tiny-train-000000.tar"]
