"""What was written, for people and for machines."""

from typing import Any

from mass13k_tools.printing import bytes_text, print_line
from mass13k_tools.sharding.standing import QUARANTINE
from mass13k_tools.sharding.writing import Outcome
from mass13k_tools.shards.places import Place


def print_outcome(outcome: Outcome, out: Place) -> None:
    """Print one line per split on stdout, and one for all."""
    for split, shards in outcome.splits.items():
        samples = sum(len(shard.samples) for shard in shards)
        seekable = sum(shard.seekable for shard in shards)
        print_line(
            f"{split}: {samples} samples in {len(shards)} shards, "
            f"{bytes_text(sum(shard.bytes for shard in shards))}, {seekable} seekable"
        )
    known = f", {outcome.known} of them there before" if outcome.known else ""
    print_line(f"{len(outcome.shards)} shards in {out.address}{known}")
    if outcome.quarantined:
        print_line(
            f"{len(outcome.quarantined)} samples left out, see {out.child(QUARANTINE).address}"
        )


def outcome_json(outcome: Outcome, out: Place) -> dict[str, Any]:
    """Describe what was written."""
    return {
        "out": out.address,
        "shards": len(outcome.shards),
        "known": outcome.known,
        "samples": sum(len(shard.samples) for shard in outcome.shards),
        "bytes": sum(shard.bytes for shard in outcome.shards),
        "seekable": sum(shard.seekable for shard in outcome.shards),
        "splits": {
            split: {
                "shards": len(shards),
                "samples": sum(len(shard.samples) for shard in shards),
                "bytes": sum(shard.bytes for shard in shards),
            }
            for split, shards in outcome.splits.items()
        },
        "quarantined": [
            {"split": split, "key": sample.key, "reason": sample.reason}
            for split, sample in outcome.quarantined
        ],
    }
