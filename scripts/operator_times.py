"""Where the time of a call goes: the operators or kernels that take longest."""

from collections.abc import Callable
from typing import NamedTuple

from torch.autograd import DeviceType  # type: ignore[attr-defined]  # not in its __all__
from torch.profiler import ProfilerActivity, profile


class OperatorTime(NamedTuple):
    """All calls of an operator, or of a kernel of the GPU."""

    name: str
    calls: int
    seconds: float
    """Its own, without the operators that it calls."""
    share: float
    """Of all operators' time."""


def operator_times(call: Callable[[], object], *, cuda: bool) -> list[OperatorTime]:
    """Call once to warm up and once to look, and list what took longest first.

    On a GPU these are its kernels, on a CPU the operators of torch.
    """
    call()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as profiler:
        call()
    device = DeviceType.CUDA if cuda else DeviceType.CPU
    events = [each for each in profiler.key_averages() if each.device_type == device]
    micros = {
        each.key: each.self_device_time_total if cuda else each.self_cpu_time_total
        for each in events
    }
    total = sum(micros.values())
    times = [
        OperatorTime(each.key, each.count, micros[each.key] / 1e6, micros[each.key] / total)
        for each in events
    ]
    return sorted(times, key=lambda each: -each.seconds)
