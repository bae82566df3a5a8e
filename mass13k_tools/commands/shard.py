"""``mass13k shard``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from mass13k_tools.commands.options import (
    echo_json,
    end_with_failures,
    far_dataset_options,
    json_option,
    overwrite_option,
    worker_options,
)
from mass13k_tools.errors import DatasetError
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # these load OpenCV and numba, so the command imports them when it runs
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.pool import Workers
    from mass13k_tools.shards.plan import Order


@click.command()
@far_dataset_options
@click.argument("out", metavar="OUT")
@click.option("--name", help="First part of the file names  [default: ROOT's name]")
@click.option(
    "--size",
    default="1GB",
    show_default=True,
    help="Source bytes that a shard should take: 500MB, 1GiB, 1048576 …",
)
@click.option(
    "--copy", is_flag=True, help="Put files in as they are, undecoded: no crops, no mIPQ."
)
@click.option(
    "--with",
    "additions",
    type=click.Choice(["edges"]),
    multiple=True,
    help="Also put in edge maps.",
)
@click.option(
    "--order",
    type=click.Choice(["key", "shuffle"]),
    default="key",
    show_default=True,
    help="Of the samples in a shard.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of --order shuffle.")
@click.option("--strict", is_flag=True, help="Stop at a sample that is no good.")
@click.option("--dali", is_flag=True, help="Also write index files for NVIDIA DALI.")
@click.option("--energon", is_flag=True, help="Also write .nv-meta for Megatron-Energon.")
@worker_options
@overwrite_option
@json_option
def shard(
    dataset: Dataset,
    out: str,
    name: str | None,
    size: str,
    copy: bool,
    additions: tuple[str, ...],
    order: Order,
    seed: int,
    strict: bool,
    dali: bool,
    energon: bool,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write ROOT as WebDataset shards of which crops can be read alone.

    ROOT and OUT are folders or addresses such as s3://bucket/folder. Pixels stay the same. Shards
    that are there stay, so a killed run goes on. A damaged sample is left out and listed.

    \b
    Examples:
      mass13k shard MaSS13K shards
      mass13k shard MaSS13K s3://bucket/mass13k --split train --size 500MB
      mass13k shard s3://bucket/MaSS13K s3://bucket/mass13k --jobs 8
    """
    from mass13k_tools.sharding.report import outcome_json, print_outcome
    from mass13k_tools.sharding.writing import Extras, workspace_of, write_shards
    from mass13k_tools.shards.dali import check_dali_key
    from mass13k_tools.shards.places import Place
    from mass13k_tools.shards.plan import ShardSettings, parse_size, plan_shards
    from mass13k_tools.shards.writer import Target

    _check_faults(dataset, strict=strict)
    place = Place.of(out)
    name = name or re.sub(r"[^\w-]+", "_", dataset.root.name) or "shards"
    settings = ShardSettings(copy, "edges" in additions, order, seed if order == "shuffle" else 0)
    if dali:
        for sample in dataset.samples:
            check_dali_key(sample.key)
    plans = plan_shards(
        dataset.samples,
        dataset.taxonomy,
        name=name,
        size_bytes=parse_size(size),
        settings=settings,
    )
    target = Target(place, workspace_of(place), settings, dataset.taxonomy, strict)
    outcome = write_shards(
        plans,
        target,
        name=name,
        extras=Extras(dali, energon),
        workers=workers,
        overwrite=overwrite,
    )
    if as_json:
        echo_json(outcome_json(outcome, place))
    else:
        print_outcome(outcome, place)
    failures = [(f"{split}/{sample.key}", sample.reason) for split, sample in outcome.quarantined]
    end_with_failures(failures, len(dataset.samples))


def _check_faults(dataset: Dataset, *, strict: bool) -> None:
    """Refuse two files of one key, and say what belongs to no sample: silence would lose it.

    Raises:
        DatasetError: A key has two files, or with ``strict`` a file belongs to no sample.
    """
    for fault in dataset.faults:
        if strict or fault.kind == "duplicate-key":
            raise DatasetError(
                f"'{fault.path}': {fault.found}, expected {fault.expected}; {fault.hint}"
            )
    if dataset.faults:
        loose = f"{len(dataset.faults)} files or folders belong to no sample and are left out"
        print_line(f"{loose}: 'mass13k check' lists them", err=True)
