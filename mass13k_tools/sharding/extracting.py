"""A data set from its shards, by many workers."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import CLASSES
from mass13k_tools.outputs import write_file
from mass13k_tools.pool import Workers, run
from mass13k_tools.shards.extract import check_extractable, check_shard, extract_sample
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.shards.shard_files import listed_shards
from mass13k_tools.taxonomy_file import taxonomy_toml


class Extracted(NamedTuple):
    """What became of a shard set."""

    samples: int
    bytes: int
    classes: Path | None
    """The file with the taxonomy, where it is not MaSS13K's."""
    failures: tuple[tuple[str, str], ...]
    """Sample and reason."""


def extract_shards(shards: ShardSet, out: Path, *, overwrite: bool, workers: Workers) -> Extracted:
    """Write the samples of shards as files, after a look at every header.

    Files that are there with the same bytes stay, so a killed run goes on.

    Args:
        shards: Which samples.
        out: Root of the data set.
        overwrite: Replace files that are there with other bytes.
        workers: Who reads and writes.

    Raises:
        DatasetError: A shard is damaged or refused; then nothing is written.
    """
    for sample in shards.samples:
        check_extractable(sample)
    _check_shards(shards, workers)
    out = out.absolute()
    classes = None
    if shards.taxonomy != MASS13K:
        classes = out / CLASSES
        write_file(classes, taxonomy_toml(shards.taxonomy).encode(), overwrite=overwrite)
    extract = partial(extract_sample, out=out, overwrite=overwrite)
    written, failures = 0, []
    for done in run(extract, shards.samples, workers=workers, title="extract"):
        if done.result is None:
            failures.append((f"{done.item.split}/{done.item.key}", str(done.failure)))
        else:
            written += done.result
    return Extracted(len(shards), written, classes, tuple(sorted(failures)))


def _check_shards(shards: ShardSet, workers: Workers) -> None:
    if shards.index is None:  # the headers are what the samples were found by
        return
    wanted = {sample.tar for sample in shards.samples}
    listed = listed_shards(Place.of(shards.address), shards.index)
    chosen = [shard for shard in listed if shard.tar in wanted]
    for done in run(check_shard, chosen, workers=workers):
        if done.failure is not None:
            raise DatasetError(done.failure)
