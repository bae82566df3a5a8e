"""Options that several commands share, so that a flag means the same everywhere.

====================  ====================================================================
``dataset_options``   ROOT, --layout, --classes, --images, --split, --lists -> ``dataset``
``worker_options``    --jobs, --cluster -> ``workers``
``overwrite_option``  --overwrite
``json_option``       --json -> ``as_json``
====================  ====================================================================
"""

import functools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mass13k_tools.classes import read_taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import LAYOUT_NAMES, Dataset, find_dataset

Command = Callable[..., Any]

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)

overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that are there.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")


def dataset_options(command: Command) -> Command:
    """Add ROOT and the options that say how to read it; the command gets them as ``dataset``."""

    @functools.wraps(command)
    def with_dataset(
        *,
        root: Path,
        layout: str | None,
        classes: Path | None,
        images: str | None,
        split: tuple[str, ...],
        lists: Path | None,
        **others: Any,
    ) -> Any:
        taxonomy = read_taxonomy(classes) if classes else None
        dataset = find_dataset(root, layout=layout, taxonomy=taxonomy, images=images)
        if lists:
            from mass13k_tools.splits.lists import apply_lists

            dataset = apply_lists(dataset, lists)
        return command(dataset=_only_splits(dataset, split), **others)

    for option in (
        click.option("--lists", type=FOLDER, help="Folder of split lists, as 'split draw' writes."),
        click.option(
            "--split", multiple=True, metavar="NAME", help="Only this split; may be repeated."
        ),
        click.option("--images", metavar="NAME", help="Use only image folders of this name."),
        click.option("--classes", type=FILE, help="Taxonomy (TOML) in place of the layout's own."),
        click.option(
            "--layout",
            type=click.Choice(LAYOUT_NAMES),
            metavar="NAME",
            help=f"How the files lie: {', '.join(LAYOUT_NAMES)}  [default: recognised]",
        ),
        click.argument("root", type=FOLDER),
    ):
        with_dataset = option(with_dataset)
    return with_dataset


def _only_splits(dataset: Dataset, splits: Sequence[str]) -> Dataset:
    known = sorted({sample.split for sample in dataset.samples})
    for split in splits:
        if split not in known:
            raise DatasetError(
                f"no split '{split}' in '{dataset.root}', it has: {', '.join(known)}"
            )
    if not splits:
        return dataset
    return replace(
        dataset,
        samples=tuple(sample for sample in dataset.samples if sample.split in splits),
        faults=tuple(fault for fault in dataset.faults if fault.split in (*splits, "")),
    )


def worker_options(command: Command) -> Command:
    """Add --jobs and --cluster; the command gets them as ``workers``."""

    @functools.wraps(command)
    def with_workers(*, jobs: int | None, cluster: str | None, **others: Any) -> Any:
        from mass13k_tools.pool import Workers, cores

        return command(workers=Workers(jobs=jobs or cores(), cluster=cluster), **others)

    for option in (
        click.option("--cluster", metavar="ADDRESS", help="Dask scheduler that does the work."),
        click.option("--jobs", type=click.IntRange(min=1), help="Processes  [default: all cores]"),
    ):
        with_workers = option(with_workers)
    return with_workers


def echo_json(content: Any) -> None:
    """Print one JSON object on stdout; numbers that are not finite must be null already."""
    click.echo(json.dumps(content, indent=1, allow_nan=False))


def end_with_failures(failures: Sequence[tuple[str, str]], total: int) -> None:
    """List what failed on stderr and exit with 1; do nothing when nothing failed.

    Args:
        failures: Name and reason of each.
        total: How many were tried.
    """
    if failures:
        click.echo(f"{len(failures)} of {total} failed:", err=True)
        for name, reason in sorted(failures):
            click.echo(f"  {name}: {reason}", err=True)
        sys.exit(1)
