"""``mass13k check``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mass13k_tools.checks.problems import KINDS
from mass13k_tools.commands.options import dataset_options, echo_json, json_option, worker_options
from mass13k_tools.layouts import Dataset
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # loads processes and progress bars, so the command imports it when it runs
    from mass13k_tools.pool import Workers


@click.command()
@dataset_options
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(list(KINDS)),
    metavar="KIND",
    help="Accept this kind of problem; may be repeated.",
)
@click.option("--no-duplicates", is_flag=True, help="Do not look for images that occur twice.")
@click.option(
    "--most", type=click.IntRange(min=0), default=20, show_default=True, help="Lines per kind."
)
@worker_options
@json_option
def check(
    dataset: Dataset,
    strict: bool,
    allow: tuple[str, ...],
    no_duplicates: bool,
    most: int,
    workers: Workers,
    as_json: bool,
) -> None:
    """Find what is wrong with the files of ROOT.

    Reads every image and label map once; exit 1 if there is any error.

    \b
    Examples:
      mass13k check MaSS13K --jobs 8
      mass13k check photos --classes street.toml --allow palette-mask --json
    """
    from mass13k_tools.checks.dataset import check_dataset
    from mass13k_tools.checks.report import problems_json, report_lines

    found = check_dataset(dataset, duplicates=not no_duplicates, workers=workers)
    problems = [problem for problem in found if problem.kind not in allow]
    images = len(dataset.samples)
    if as_json:
        echo_json(problems_json(problems, images=images, root=dataset.root))
    else:
        for line in report_lines(problems, images=images, root=dataset.root, most=most):
            print_line(line)
    if any(strict or problem.severity == "error" for problem in problems):
        sys.exit(1)
