"""Two processes that train together lose no sample and see none twice."""

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch.distributed
from loader_data import plain_source

from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.recipe import Recipe

TINY = Recipe(short_sides_px=(8,), crop_hw=(4, 4), most_share=2.0)
# Every rank writes what it saw in an epoch and a half, and its state then
SCRIPT = """
import json, sys
from pathlib import Path
import torch
import torch.distributed as dist
from loader_data import plain_source
from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.recipe import Recipe
from mass13k_tools.loader.whole import WholeLoader

if __name__ == "__main__":
    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    recipe = Recipe(short_sides_px=(8,), crop_hw=(4, 4), most_share=2.0)
    source = plain_source(22)
    loader = CropLoader(
        source, recipe, batch_size=2, seed=5, rank=rank, ranks=ranks, uneven="pad"
    )
    seen = []
    for epoch, steps in enumerate((6, 3)):
        for _, batch in zip(range(steps), loader):
            seen.append((epoch, batch["label"][:, 0, 0].tolist()))
            dist.all_reduce(torch.ones(1))  # would wait for ever if the other had fewer batches
    whole = [sample["key"] for sample in WholeLoader(source, rank=rank, ranks=ranks)]
    loader.close()
    found = {"seen": seen, "state": loader.state_dict(), "whole": whole}
    Path(sys.argv[1], f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()
"""


pytestmark = pytest.mark.xdist_group("loader ranks")  # the two processes run once for all


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Run two processes, as torchrun starts them, and give what each saw."""
    if not torch.distributed.is_gloo_available():
        pytest.skip("this torch has no gloo")
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "train.py").write_text(textwrap.dedent(SCRIPT))
    tests = Path(__file__).parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
    }
    command = [sys.executable, str(folder / "train.py"), str(folder)]
    started = [subprocess.Popen(command, env=environment | {"RANK": str(rank)}) for rank in (0, 1)]
    assert [process.wait(timeout=180) for process in started] == [0, 0]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def seen_in(found, epoch):
    """List the batches of an epoch, rank by rank."""
    return [[batch for number, batch in rank["seen"] if number == epoch] for rank in found]


def numbers_of(batches):
    return [number for batch in batches for number in batch]


def test_every_epoch_has_every_sample(found):
    seen = numbers_of(batch for rank in seen_in(found, 0) for batch in rank)
    assert len(seen) == 24 and set(seen) == set(range(22))


def test_the_ranks_see_what_one_process_would(found):
    alone = CropLoader(plain_source(22), TINY, batch_size=4, seed=5, uneven="pad")
    for epoch in (0, 1):
        expected = [batch["label"][:, 0, 0].tolist() for batch in alone]
        parts = seen_in(found, epoch)
        together = [first + second for first, second in zip(*parts, strict=True)]
        assert together == expected[: len(together)] and len(together) == (6, 3)[epoch]


def test_a_single_process_goes_on_for_both(found):
    assert found[0]["state"] == found[1]["state"]
    loader = CropLoader(plain_source(22), TINY, batch_size=5)
    loader.load_state_dict(found[0]["state"])
    rest = numbers_of(batch["label"][:, 0, 0].tolist() for batch in loader)
    seen = numbers_of(batch for rank in seen_in(found, 1) for batch in rank)
    assert len(seen) == 12 and sorted(seen + rest) == list(range(22))


def test_evaluation_has_every_sample_once(found):
    keys = [key for rank in found for key in rank["whole"]]
    assert sorted(keys) == list(plain_source(22).keys)
