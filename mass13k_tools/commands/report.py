"""``mass13k report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mass13k_tools.commands.options import (
    FILE,
    FOLDER,
    dataset_options,
    end_with_failures,
    overwrite_option,
    worker_options,
)
from mass13k_tools.layouts import Dataset, find_predictions
from mass13k_tools.outputs import refuse_own_files, write_file
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # loads processes and progress bars, so the command imports it when it runs
    from mass13k_tools.pool import Workers


@click.command()
@dataset_options
@click.option(
    "--out", type=FILE, default=Path("report.html"), show_default=True, help="The page to write."
)
@click.option(
    "--pred", multiple=True, type=FOLDER, help="Folder of predicted label maps; may be repeated."
)
@click.option(
    "--top", type=click.IntRange(1, 100), default=8, show_default=True, help="Photos a list shows."
)
@click.option("--no-check", is_flag=True, help="Do not look for faults, which reads every photo.")
@click.option(
    "--cache", type=FILE, envvar="MASS13K_CACHE", help="Kept counts  [default: user's cache folder]"
)
@worker_options
@overwrite_option
def report(
    dataset: Dataset,
    out: Path,
    pred: tuple[Path, ...],
    top: int,
    no_check: bool,
    cache: Path | None,
    workers: Workers,
    overwrite: bool,
) -> None:
    """Write one page about ROOT that can be sent to others: numbers, plots, small pictures.

    \b
    Examples:
      mass13k report MaSS13K --out report.html
      mass13k report MaSS13K --split val --pred predictions --out report.html
    """
    from mass13k_tools.checks.dataset import check_dataset
    from mass13k_tools.stats.cache import open_cache
    from mass13k_tools.stats.collect import collect
    from mass13k_tools.viewer.report import report_page, wrong_shares

    refuse_own_files([out], dataset.files)
    with open_cache(cache, dataset.taxonomy) as counts:
        statistics = collect(
            dataset, metric="all", definition="contour", min_area=1, workers=workers, cache=counts
        )
    problems = None if no_check else check_dataset(dataset, duplicates=True, workers=workers)
    failures = list(statistics.failures)
    worst = []
    for folder in pred:
        predictions = find_predictions(folder, dataset.samples)
        wrong, faulty = wrong_shares(dataset, predictions, workers)
        worst.append((predictions, wrong))
        failures += faulty
    page = report_page(dataset, statistics, problems, worst, top=top)
    write_file(out, page, overwrite=overwrite)
    print_line(out)
    end_with_failures(failures, len(dataset.samples) * (1 + len(pred)))
