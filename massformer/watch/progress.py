"""A line of the log: means over the steps since the last one."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch

from massformer.engine import Run, Step
from massformer.inference.budget import peak_bytes

Row = dict[str, float | None]  # column -> value; None where there is nothing to tell
GIB = 2**30


@dataclass
class Progress:
    """Steps since the last line of the log."""

    steps: list[Step] = field(default_factory=list)

    def row(self, run: Run) -> Row:
        """Give a line of the log, and begin anew; all ranks together."""
        took = _mean(step.took_s for step in self.steps)
        waited = _mean(step.waited_s for step in self.steps)
        samples = run.config.data.batch_size * run.config.train.accumulate * run.ranks.count
        terms = {
            name: _mean(step.losses[name] for step in self.steps) for name in self.steps[-1].losses
        }
        row: Row = {
            "loss": _mean(step.loss for step in self.steps),
            "lr": self.steps[-1].lr,
            "gradient": _mean(step.gradient for step in self.steps),
            "images_per_s": samples / took,
            "waiting_share": waited / took,
            "waiting_s": waited,
            "computing_s": took - waited,
            "peak_memory_gib": peak_memory_gib(run),
            **_weight_range(run),
            **{f"share.{name}": share for name, share in shares(terms).items()},
            **terms,
        }
        self.steps.clear()
        return row


def shares(terms: dict[str, float]) -> dict[str, float | None]:
    """Say which share of the loss each kind of term has, all predictions together.

    Args:
        terms: By name; that of an earlier prediction begins with its number and a dot.

    Example:
        >>> shares({"0.mask": 1.0, "mask": 2.0, "edge": 1.0})
        {'mask': 0.75, 'edge': 0.25}
    """
    sums: dict[str, float] = {}
    for name, value in terms.items():
        kind = name.rpartition(".")[2]
        sums[kind] = sums.get(kind, 0.0) + value
    loss = sum(sums.values())
    return {kind: value / loss if loss else None for kind, value in sums.items()}


def duration(seconds: float) -> str:
    """Write a time as people say it.

    Example:
        >>> duration(42), duration(200), duration(9000)
        ('42 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _weight_range(run: Run) -> Row:
    """Give the smallest and the largest factor by which a point of a mask counted, on any rank."""
    taken = run.ranks.gathered(run.criterion.weights_seen.taken())
    ends = [each for each in taken if each is not None]
    return {
        "weight_min": min((low for low, _ in ends), default=None),
        "weight_max": max((high for _, high in ends), default=None),
    }


def peak_memory_gib(run: Run) -> float | None:
    """Give what the hungriest rank held at most: of its GPU, or of memory where it has none."""
    device = run.ranks.device
    own = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_bytes()
    known = [each for each in run.ranks.gathered(own) if each is not None]
    return max(known) / GIB if known else None


def _mean(values: Iterable[float]) -> float:
    return float(np.mean([*values]))
