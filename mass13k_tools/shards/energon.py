"""What NVIDIA's Megatron-Energon needs to read shards: a folder ``.nv-meta``, and offsets of tars.

The database for look-ups by key, which only some of its features use, is made by
``energon prepare --tar-index-only``.
"""

import json
import struct
from collections.abc import Mapping, Sequence

from mass13k_tools.shards.manifest import ShardManifest
from mass13k_tools.shards.tar_writer import BLOCK

META = ".nv-meta"
# Samples as dictionaries of suffix -> content: whoever trains says what becomes of them
DATASET = "__module__: megatron.energon\n__class__: CrudeWebdataset\n"


def energon_offsets(shard: ShardManifest) -> bytes:
    """Write where each sample of a tar begins, and where the last one ends: 8 bytes each."""
    starts = [0]
    for sample in shard.samples:
        last = max(span.offset + span.size for span in sample.members.values())
        starts.append(last + -last % BLOCK)
    return struct.pack(f"<{len(starts)}Q", *starts)


def energon_files(splits: Mapping[str, Sequence[ShardManifest]]) -> dict[str, bytes]:
    """Write the files of ``.nv-meta``, by name: which tars there are, and their splits.

    Args:
        splits: The shards of every split that have samples.
    """
    counts = {shard.file: len(shard.samples) for shards in splits.values() for shard in shards}
    lines = ["split_parts:"]
    for split, shards in splits.items():
        lines.append(f"  {json.dumps(split)}:")
        lines += [f"  - {json.dumps(shard.file)}" for shard in shards]
    lines.append("exclude: []\n")
    return {
        "dataset.yaml": DATASET.encode(),
        "split.yaml": "\n".join(lines).encode(),
        ".info.json": json.dumps({"shard_counts": counts}, indent=1).encode() + b"\n",
    }
