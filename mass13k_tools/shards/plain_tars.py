"""Samples of WebDataset tars that have no index: by the names of their members."""

from collections.abc import Sequence

from mass13k_tools.errors import DatasetError
from mass13k_tools.shards.encoded import SEEK
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.shard_sample import ShardSample
from mass13k_tools.shards.tar_reader import scan_tar
from mass13k_tools.shards.tar_writer import Span

ALL = "all"  # the split of what has none


def plain_samples(tars: Sequence[Place]) -> list[ShardSample]:
    """Group the members of tars to samples.

    A key is what stands before the first dot of a file's name, with its folders. Hidden files, and
    those without a dot, belong to no sample.

    Args:
        tars: In the order in which their samples are wanted.

    Raises:
        DatasetError: One of them is damaged, refused, or holds no samples.
    """
    samples = []
    for tar in tars:
        found = _samples(tar)
        if not found:
            raise DatasetError(f"tar '{tar.address}' holds no samples: no names such as 'a.jpg'")
        samples += found
    return samples


def _samples(tar: Place) -> list[ShardSample]:
    members: dict[str, dict[str, Span]] = {}
    for member in scan_tar(tar):
        folder, slash, base = member.name.rpartition("/")
        stem, _, ending = base.partition(".")
        if not stem or not ending:
            continue
        key, ending = folder + slash + stem, ending.lower()
        if ending in members.setdefault(key, {}):
            raise DatasetError(f"tar '{tar.address}' holds '{key}.{ending}' twice")
        members[key][ending] = member.span
    return [
        ShardSample(key, ALL, tar, endings, seekable=SEEK in endings)
        for key, endings in members.items()
    ]
