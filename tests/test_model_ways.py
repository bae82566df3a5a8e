"""The benchmark of the network compares like with like, and measures what it says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from gathered_deform import gathered_deform_conv2d
from model_ways import (
    COMPILED,
    GATHERED,
    MASK2FORMER,
    ONE_PIECE,
    STRIPS,
    TAP_BY_TAP,
    WAYS,
    Job,
    measured,
    photo,
)
from operator_times import operator_times

from massformer.deform import deform_conv2d

on_linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only on Linux")


@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_gathering_what_taps_see_gives_the_same_and_the_same_gradients(kernel):
    torch.manual_seed(0)
    taps, size_hw = kernel * kernel, (9, 6)
    shapes = (2, 5, *size_hw), (2, 2 * taps, *size_hw), (2, taps, *size_hw), (4, 5, kernel, kernel)
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    expected, found = (function(*inputs) for function in (deform_conv2d, gathered_deform_conv2d))
    torch.testing.assert_close(found, expected)
    towards = torch.randn_like(expected)
    gradients = (torch.autograd.grad(each, inputs, towards) for each in (found, expected))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        torch.testing.assert_close(gathered_deform_conv2d(*inputs), expected)


@pytest.mark.parametrize("backward", [False, True])
def test_both_deformable_convolutions_get_the_same_numbers(backward):
    calls = [WAYS[way](Job(way, (7, 9), backward=backward)) for way in (GATHERED, TAP_BY_TAP)]
    found, expected = (call() for call in calls)
    assert len(found) == (4 if backward else 1)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-2)


def test_one_piece_and_strips_predict_the_same_label_map():
    label_maps = [WAYS[way](Job(way, (70, 93), "tiny"))() for way in (ONE_PIECE, STRIPS)]
    one_piece, strips = map(np.asarray, label_maps)
    assert one_piece.shape == strips.shape == (70, 93)
    assert (one_piece == strips).mean() > 0.99


def test_what_is_compiled_is_what_predicts(monkeypatch):
    seen = []

    def compiled(function):
        return lambda images: seen.append(images.shape) or function(images)

    monkeypatch.setattr(torch, "compile", compiled)
    label_map = WAYS[COMPILED](Job(COMPILED, (70, 93), "tiny"))()
    assert seen == [(1, 3, 70, 93)]
    assert np.array_equal(label_map, WAYS[STRIPS](Job(STRIPS, (70, 93), "tiny"))())


def test_the_painted_photo_has_colours_and_is_always_the_same():
    image = photo((64, 100))
    assert image.shape == (64, 100, 3) and image.dtype == np.uint8 and image.std() > 30
    assert np.array_equal(image, photo((64, 100)))


# In a process of its own: a large one gives memory back while it is measured
MEASURED = """
from process_memory import forget_peak, own_peak_bytes, own_resident_bytes

held = bytearray(b"1" * 50_000_000)
before = forget_peak()
forgets = before < own_resident_bytes() + 20e6
more = bytearray(b"1" * 90_000_000)
del more
added = own_peak_bytes() - before
print(int(forgets), before, added, forget_peak())
"""


@on_linux
def test_memory_of_a_call_is_what_it_adds_at_most():
    scripts = Path(__file__).parents[1] / "scripts"
    asked = [sys.executable, "-c", MEASURED]
    said = subprocess.run(asked, cwd=scripts, check=True, capture_output=True, text=True).stdout
    forgets, before, added, after = map(int, said.split())
    if not forgets:
        pytest.skip("this kernel does not let peaks begin anew")
    assert before > 50e6 and 85e6 < added < 200e6
    assert after < before + 20e6


def test_operators_are_counted_and_what_took_longest_comes_first():
    x = torch.randn(300, 300)
    times = operator_times(lambda: (x @ x @ x).sum(), cuda=False)
    calls = {each.name: each.calls for each in times}
    assert calls["aten::mm"] == 2 and calls["aten::sum"] == 1
    assert sum(each.share for each in times) == pytest.approx(1)
    assert [each.seconds for each in times] == sorted((t.seconds for t in times), reverse=True)


@on_linux
@pytest.mark.slow
def test_a_job_of_a_fresh_process_is_timed_and_says_what_memory_it_adds():
    found = measured(Job(GATHERED, (64, 64), threads=1))
    gathered_bytes = 128 * 49 * 64 * 64 * 4
    assert 0.9 * gathered_bytes < found.added_bytes < 3 * gathered_bytes < found.peak_bytes
    assert found.seconds > 0 and found.first_s > 0
    with pytest.raises(subprocess.CalledProcessError):
        measured(Job("no way", (64, 64)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # not ours
def test_mask2former_predicts_an_image_of_the_same_size():
    pytest.importorskip("transformers")
    label_map = WAYS[MASK2FORMER](Job(MASK2FORMER, (64, 96)))()
    assert label_map.shape == (64, 96) and int(label_map.max()) < 7


@on_linux
@pytest.mark.slow
def test_all_tables_are_printed():
    script = Path(__file__).parents[1] / "scripts" / "bench_model.py"
    command = [sys.executable, str(script), "--quick"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for text in ("tap by tap / gather", "--memory-gb", "strips / one piece", "aten::"):
        assert text in printed
    assert "of transformers" in printed or "transformers is not installed" in printed
    assert "a photo on the GPU" in printed or "no CUDA device" in printed
