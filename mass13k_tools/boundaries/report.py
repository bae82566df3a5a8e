"""What was written, for people and for machines."""

from pathlib import Path
from typing import Any

from mass13k_tools.boundaries.cost import Cost
from mass13k_tools.boundaries.writing import Outcome
from mass13k_tools.printing import bytes_text, print_line


def print_outcome(outcome: Outcome, out: Path) -> None:
    """Print one line on stdout."""
    known = f", {outcome.known} of them there before" if outcome.known else ""
    damaged = f", {outcome.damaged} damaged and written anew" if outcome.damaged else ""
    print_line(f"{outcome.files} files, {bytes_text(outcome.bytes)}, in {out}{known}{damaged}")


def outcome_json(outcome: Outcome, out: Path) -> dict[str, Any]:
    """Describe what was written."""
    return {
        "out": str(out),
        "samples": outcome.samples,
        "files": outcome.files,
        "known": outcome.known,
        "damaged": outcome.damaged,
        "bytes": outcome.bytes,
        "failures": [{"file": name, "reason": reason} for name, reason in outcome.failures],
    }


def print_cost(cost: Cost, samples: int, *, suffix: str) -> None:
    """Say on stderr what is to come, before it comes."""
    if not cost.measured:
        print_line("no label map could be read to estimate what the files take", err=True)
        return
    lines = (
        f"{samples} samples as {suffix[1:]}: about {bytes_text(cost.file_bytes)}, "
        f"{bytes_text(cost.free_bytes)} free; as float32 per class, not compressed: "
        f"{bytes_text(cost.float32_bytes)} ({cost.measured} measured)",
        f"loss weights in these {cost.measured}: {cost.loss.low:.2f} to {cost.loss.high:.2f}, "
        f"{_clamped_share(cost):.2%} clamped at 0",
    )
    for line in lines:
        print_line(line, err=True)


def cost_json(cost: Cost | None) -> dict[str, Any]:
    """Describe what was said before; null where nothing was measured."""
    if cost is None:
        return {"estimate": None, "loss_weights": None}
    return {
        "estimate": {
            "measured": cost.measured,
            "bytes": cost.file_bytes,
            "float32_bytes": cost.float32_bytes,
        },
        "loss_weights": {
            "low": cost.loss.low,
            "high": cost.loss.high,
            "clamped_share": _clamped_share(cost),
        },
    }


def _clamped_share(cost: Cost) -> float:
    return cost.loss.clamped / max(1, cost.loss.values)
