"""Index files for the WebDataset reader of NVIDIA DALI, one beside each shard."""

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.manifest import ShardManifest

VERSION = "v1.2"


def dali_index(shard: ShardManifest) -> bytes:
    """Write what ``wds2idx`` would: the version, the number of samples, and a line per sample.

    A line has suffix, offset, size and name of every member, all divided by spaces.

    Args:
        shard: A finished shard.
    """
    lines = [f"{VERSION} {len(shard.samples)}"]
    for sample in shard.samples:
        lines.append(
            " ".join(
                f"{suffix} {span.offset} {span.size} {sample.key}.{suffix}"
                for suffix, span in sample.members.items()
            )
        )
    return "\n".join(lines).encode() + b"\n"


def check_dali_key(key: str) -> None:
    """Refuse keys that the index cannot hold.

    Raises:
        DatasetError: There is a space in the key.
    """
    if any(sign.isspace() for sign in key) or not key.isascii():
        raise DatasetError(
            f"the key '{key}' has a space or a letter beyond ASCII, which DALI's index cannot "
            "hold; rename it, or leave --dali out"
        )
