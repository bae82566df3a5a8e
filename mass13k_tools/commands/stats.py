"""``mass13k stats``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mass13k_tools.commands.options import (
    FILE,
    FOLDER,
    dataset_options,
    echo_json,
    end_with_failures,
    json_option,
    overwrite_option,
    worker_options,
)
from mass13k_tools.layouts import Dataset
from mass13k_tools.outputs import refuse_own_files, write_files
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # these load OpenCV and numba, so the command imports them when it runs
    from mass13k_tools.ops.complexity import Definition
    from mass13k_tools.pool import Workers
    from mass13k_tools.stats.counts import Metric
    from mass13k_tools.stats.summary import Grouping


@click.command()
@dataset_options
@click.option(
    "--metric",
    type=click.Choice(["mipq", "size", "classes", "all"]),
    default="mipq",
    show_default=True,
    help="What to measure; size reads headers only, classes and all take a census.",
)
@click.option(
    "--ipq-def",
    "definition",
    type=click.Choice(["contour", "crofton", "crack", "skimage", "opencv"]),
    default="contour",
    show_default=True,
    help="How a perimeter is measured.",
)
@click.option(
    "--min-area",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Skip classes with fewer pixels, and count them.",
)
@click.option(
    "--by",
    multiple=True,
    type=click.Choice(["split", "class", "city", "date"]),
    help="More rows; JSON has them all.",
)
@click.option("--compare", type=click.Choice(["paper"]), help="Show published rows beside it.")
@click.option(
    "--top", type=click.IntRange(min=1), help="Also list the N most and least complex images."
)
@click.option("--out", type=FOLDER, help="Write stats.csv, stats.json and plots into this folder.")
@click.option(
    "--cache", type=FILE, envvar="MASS13K_CACHE", help="Kept counts  [default: user's cache folder]"
)
@worker_options
@overwrite_option
@json_option
def stats(
    dataset: Dataset,
    metric: Metric,
    definition: Definition,
    min_area: int,
    by: tuple[Grouping, ...],
    compare: str | None,
    top: int | None,
    out: Path | None,
    cache: Path | None,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure the label maps of ROOT: size, mask complexity (mIPQ), classes.

    A second run reads only label files that are new or changed.

    \b
    Examples:
      mass13k stats MaSS13K --compare paper --out statistics
      mass13k stats photos --classes street.toml --metric all --by split --by class
    """
    from mass13k_tools.stats.cache import open_cache
    from mass13k_tools.stats.collect import collect
    from mass13k_tools.stats.report import dataset_json, print_tables, report_files

    with open_cache(cache, dataset.taxonomy) as counts:
        statistics = collect(
            dataset,
            metric=metric,
            definition=definition,
            min_area=min_area,
            workers=workers,
            cache=counts,
        )
    known = len(statistics.images) - statistics.measured
    print_line(f"measured {statistics.measured} label maps, {known} known before", err=True)
    if dataset.faults:
        loose = f"{len(dataset.faults)} files or folders belong to no sample"
        print_line(f"{loose}: 'mass13k check' lists them", err=True)
    files = report_files(statistics) if out else {}
    if out:
        contents = {out / name: content for name, content in files.items()}
        refuse_own_files(contents, dataset.files)
        write_files(contents, overwrite=overwrite)
    if as_json:
        echo_json(dataset_json(statistics))
    else:
        print_tables(statistics, by=by, compare=compare is not None, top=top or 0)
        for name in files:
            print_line(f"{out}/{name}")
    end_with_failures(statistics.failures, len(dataset.samples))
