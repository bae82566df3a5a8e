"""Options that several commands share, so that a flag means the same everywhere.

=======================  =================================================================
``dataset_options``      ROOT, --layout, --classes, --images, --split, --lists -> ``dataset``
``far_dataset_options``  the same; ROOT may be an address
``truth_options``        GT, --layout, --classes, --split, --lists -> ``truth``, ``splits``
``worker_options``       --jobs, --cluster -> ``workers``
``overwrite_option``     --overwrite
``json_option``          --json -> ``as_json``
=======================  =================================================================
"""

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import click

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import LAYOUT_NAMES, Dataset, check_splits, find_dataset
from mass13k_tools.outputs import write_files
from mass13k_tools.printing import print_failures, print_line
from mass13k_tools.taxonomy_file import read_taxonomy

Command = Callable[..., Any]


class NamedPath(click.Path):
    """A path of this machine, and no empty text, which would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the text that was given."""
        if value == "":
            self.fail("an empty name; '.' is the current folder", param, ctx)
        if "://" in str(value):
            raise DatasetError(
                f"'{value}' is an address, expected a folder or file of this machine; copy or "
                "mount it: only ROOT and OUT of 'mass13k shard', ROOT of 'mass13k view', and "
                "'mass13k shards' may be far"
            )
        return super().convert(value, param, ctx)


class _RootPath(NamedPath):
    """The root of a data set: a folder of this machine, or an address."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if "://" in str(value):
            from mass13k_tools.shards.remote_root import root_at

            return root_at(str(value))
        return super().convert(value, param, ctx)


FOLDER = NamedPath(file_okay=False, path_type=Path)
FILE = NamedPath(dir_okay=False, path_type=Path)

overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that are there.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")


_layout_option = click.option(
    "--layout",
    type=click.Choice(LAYOUT_NAMES),
    metavar="NAME",
    help=f"How the files lie: {', '.join(LAYOUT_NAMES)}  [default: recognised]",
)
_classes_option = click.option(
    "--classes", type=FILE, help="Taxonomy (TOML) in place of the layout's own."
)
_split_option = click.option(
    "--split", multiple=True, metavar="NAME", help="Only this split; may be repeated."
)
_lists_option = click.option(
    "--lists", type=FOLDER, help="Folder of split lists, as 'split draw' writes."
)


def dataset_options(command: Command) -> Command:
    """Add ROOT and the options that say how to read it; the command gets them as ``dataset``."""
    return _with_root(command, FOLDER)


def far_dataset_options(command: Command) -> Command:
    """Like :func:`dataset_options`, for a command that reads files by ``inputs`` alone."""
    return _with_root(command, _RootPath(file_okay=False, path_type=Path))


def _with_root(command: Command, root_type: click.Path) -> Command:
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
        return command(dataset=_only_splits(_with_lists(dataset, lists), split), **others)

    for option in (
        _lists_option,
        _split_option,
        click.option("--images", metavar="NAME", help="Use only image folders of this name."),
        _classes_option,
        _layout_option,
        click.argument("root", type=root_type),
    ):
        with_dataset = option(with_dataset)
    return with_dataset


def truth_options(source: Command) -> Callable[[Command], Command]:
    """Add GT and the options that say how to read it.

    The command gets ``truth``, all the label maps or None without GT, and ``splits``, the chosen.

    Args:
        source: The argument or option ``gt``.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_truth(
            *,
            gt: Path | None,
            layout: str | None,
            classes: Path | None,
            split: tuple[str, ...],
            lists: Path | None,
            **others: Any,
        ) -> Any:
            truth = None
            if gt is None and (layout or classes or lists):
                raise click.UsageError("--layout, --classes and --lists say how to read --gt")
            if gt is not None:
                from mass13k_tools.evaluation.pairs import find_truth

                taxonomy = read_taxonomy(classes) if classes else None
                truth = _with_lists(find_truth(gt, layout=layout, taxonomy=taxonomy), lists)
                _check_splits(truth, split)
            return command(truth=truth, splits=split, **others)

        for option in (_lists_option, _split_option, _classes_option, _layout_option, source):
            with_truth = option(with_truth)
        return with_truth

    return decorate


def _with_lists(dataset: Dataset, lists: Path | None) -> Dataset:
    if lists is None:
        return dataset
    from mass13k_tools.splits.lists import apply_lists

    return apply_lists(dataset, lists)


def _only_splits(dataset: Dataset, splits: Sequence[str]) -> Dataset:
    _check_splits(dataset, splits)
    if not splits:
        return dataset
    return replace(
        dataset,
        samples=tuple(sample for sample in dataset.samples if sample.split in splits),
        faults=tuple(fault for fault in dataset.faults if fault.split in (*splits, "")),
    )


def _check_splits(dataset: Dataset, splits: Sequence[str]) -> None:
    check_splits(splits, (sample.split for sample in dataset.samples), place=dataset.root)


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


def finite_number(
    context: click.Context, parameter: click.Parameter, value: float | tuple[float, ...]
) -> float | tuple[float, ...]:
    """Refuse nan and infinity, which click's own ranges let pass."""
    for number in value if isinstance(value, tuple) else (value,):
        if not isfinite(number):
            raise click.BadParameter(f"{number} is no finite number")
    return value


def odd_number(context: click.Context, parameter: click.Parameter, side_px: int) -> int:
    """Refuse an even side: a square around a pixel has an odd one."""
    if side_px % 2 == 0:
        raise click.BadParameter(f"{side_px} is even, a square around a pixel has an odd side")
    return side_px


def echo_json(content: Any) -> None:
    """Print one JSON object on stdout; numbers that are not finite must be null already."""
    click.echo(json.dumps(content, indent=1, allow_nan=False))


def write_report(files: Mapping[str, bytes], out: Path, *, overwrite: bool, as_json: bool) -> None:
    """Write the files of a report that is on the screen by now, and print their paths.

    Args:
        files: Name -> content.
        out: Folder to write them into.
        overwrite: Replace what is there.
        as_json: Stdout holds one JSON object already: paths go to stderr.
    """
    contents = {out / name: content for name, content in files.items()}
    write_files(contents, overwrite=overwrite)
    for path in contents:
        print_line(path, err=as_json)


def end_with_failures(failures: Sequence[tuple[str, str]], total: int) -> None:
    """List what failed on stderr and exit with 1; do nothing when nothing failed.

    Args:
        failures: Name and reason of each.
        total: How many were tried.
    """
    if failures:
        print_failures(failures, total)
        sys.exit(1)
