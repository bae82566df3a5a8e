"""``mass13k evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mass13k_tools.commands.options import (
    FOLDER,
    echo_json,
    end_with_failures,
    finite_number,
    json_option,
    odd_number,
    overwrite_option,
    truth_options,
    worker_options,
    write_report,
)
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # loads OpenCV and numba
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.pool import Workers


@click.command()
@click.argument("predictions", metavar="PRED", type=FOLDER)
@truth_options(click.argument("gt", type=FOLDER))
@click.option(
    "--biou-ratio",
    "ratios",
    type=click.FloatRange(0, 1, min_open=True),
    callback=finite_number,
    multiple=True,
    help="Also BIoU with bands of this share of the diagonal, such as 0.02; may be repeated.",
)
@click.option(
    "--binary", metavar="CLASS", help="Also HCE and mBA of this class  [default: of two classes]"
)
@click.option(
    "--thin",
    "thin_px",
    type=click.IntRange(1, 1023),
    callback=odd_number,
    default=9,
    show_default=True,
    help="Structures that no square of this odd side fits into count as thin.",
)
@click.option(
    "--small",
    "small_px",
    type=click.IntRange(1, 2**31),
    default=1024,
    show_default=True,
    help="Components of fewer pixels count as small.",
)
@click.option("--compare", type=click.Choice(["paper"]), help="Show published rows beside it.")
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="List the N worst images and the N worst 512-px windows.",
)
@click.option("--confusion", is_flag=True, help="Show which class is taken for which.")
@click.option("--out", type=FOLDER, help="Write scores.json and scores.csv into this folder.")
@worker_options
@overwrite_option
@json_option
def evaluate(
    predictions: Path,
    truth: Dataset,
    splits: tuple[str, ...],
    ratios: tuple[float, ...],
    binary: str | None,
    thin_px: int,
    small_px: int,
    compare: str | None,
    top: int,
    confusion: bool,
    out: Path | None,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Score the label maps in PRED against those of GT.

    GT is a data set or a folder of label maps; files belong together by name. The scores are
    those of protocol mass13k/1: mIoU, BIoU at 0.001 of the diagonal, boundary F1, accuracy.

    \b
    Examples:
      mass13k evaluate predictions MaSS13K --split val --compare paper --out scores
      mass13k evaluate predictions annotations/test --biou-ratio 0.02 --json
    """
    from mass13k_tools.evaluation.collect import evaluate as score
    from mass13k_tools.evaluation.image import Settings
    from mass13k_tools.evaluation.pairs import find_pairs
    from mass13k_tools.evaluation.report import evaluation_json, report_files
    from mass13k_tools.evaluation.tables import band_warnings, print_tables

    pairs = find_pairs(predictions, truth, splits=splits)
    windows = max(top, Settings().windows)
    settings = Settings(ratios, thin_px, small_px, windows, _binary_class(truth, binary))
    name = predictions.resolve().name  # of '.' and '..', too
    evaluation = score(name, pairs, truth.taxonomy, settings=settings, workers=workers)
    end_with_failures(evaluation.failures, len(pairs))  # a score of a part would be taken for all
    for warning in band_warnings(evaluation):
        print_line(f"note: {warning}", err=True)
    if as_json:
        echo_json(evaluation_json(evaluation))
    else:
        print_tables(evaluation, compare=compare is not None, top=top, confusion=confusion)
    if out:
        write_report(report_files(evaluation), out, overwrite=overwrite, as_json=as_json)


def _binary_class(truth: Dataset, name: str | None) -> int | None:
    """Find the class that binary scores are of: the named one, or the object of two classes."""
    if name is not None:
        return truth.taxonomy.find(name).id
    if len(truth.taxonomy.ids) != 2:
        return None
    first, second = truth.taxonomy.ids
    return first if second == truth.taxonomy.rest_id else second
