"""A step of training whose points lie at the same places however it is cut; run it for one rank.

``RANK=0 WORLD_SIZE=2 … python whole_steps.py ROOT OUT name=value…`` writes what the step did.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from training_runs import small_run

from massformer.ranks import Ranks, joined


def same_points(rows: int, count: int) -> torch.Tensor:
    """Give every row the same points, whatever was drawn before."""
    points = torch.rand(count, 2, generator=torch.Generator().manual_seed(count))
    return points.expand(rows, -1, -1)


def whole_step(root: Path, ranks: Ranks, *overrides: str) -> dict[str, Any]:
    """Do a step; give its losses, the norm of its gradient, and the gradient itself, clipped."""
    run = small_run(root, "data.short_sides_px=[40, 80]", *overrides, ranks=ranks)
    run.criterion = replace(run.criterion, draw=same_points)
    with run.loader:
        step = run.advance()
    moments = run.optimiser.state
    gradient = {
        name: moments[parameter]["exp_avg"]
        for name, parameter in run.model.named_parameters()
        if parameter in moments
    }
    return {"losses": step.losses, "norm": step.gradient, "gradient": gradient}


if __name__ == "__main__":
    root, out, *overrides = sys.argv[1:]
    with joined("cpu") as ranks:
        done = whole_step(Path(root), ranks, *overrides)
        own = torch.full((2,), float(ranks.rank + 1))
        ranks.copy_first([own])
        done["copied"] = ranks.gathered(own.tolist())
    if ranks.first:
        torch.save(done, out)
