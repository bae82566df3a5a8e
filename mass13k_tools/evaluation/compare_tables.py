"""A comparison as tables for people; percentages and percentage points, blank where undefined."""

from collections.abc import Iterable, Iterator
from operator import itemgetter

import numpy as np
from rich.table import Table

from mass13k_tools.evaluation.compare import FEW, Comparison, Paired
from mass13k_tools.evaluation.compare_report import image_rows
from mass13k_tools.evaluation.report import Json
from mass13k_tools.ops.score_sums import PROTOCOL, TOLERANCES, tolerance_text
from mass13k_tools.printing import console, percent

IMAGE_COLUMNS = {"miou": "mIoU", "biou": "BIoU"}
METRIC_NAMES = {
    **IMAGE_COLUMNS,
    "accuracy": "accuracy",
    **{f"bf1_{name}": f"BF1 {tolerance_text(name)}" for name in TOLERANCES},
    **{f"bf1_per_image_{name}": f"BF1 {tolerance_text(name)}, images' mean" for name in TOLERANCES},
}


def print_tables(comparison: Comparison, *, top: int, top_by: str) -> None:
    """Print what a person asked for on stdout."""
    printer = console()
    printer.print(f"A: {comparison.a.name}")
    printer.print(f"B: {comparison.b.name}")
    printer.print(metric_table(comparison))
    printer.print(class_table(comparison))
    for table in image_tables(comparison, most=top, by=top_by) if top else ():
        printer.print(table)


def metric_table(comparison: Comparison) -> Table:
    """Lay out one line per metric."""
    images = f"{len(comparison.a.images)} images"
    table = _table(
        comparison, f"B against A: {images}, protocol {PROTOCOL}", "metric", caption=True
    )
    for name, value in comparison.metrics.items():
        table.add_row(METRIC_NAMES[name], *_cells(comparison, value))
    return table


def class_table(comparison: Comparison) -> Table:
    """Lay out the IoU of every class, then the BIoU."""
    table = _table(comparison, "by class", "class")
    for metric, values in (("IoU", comparison.iou), ("BIoU", comparison.biou)):
        for row, value in zip(comparison.a.taxonomy.classes, values, strict=True):
            table.add_row(f"{metric} {row.name}", *_cells(comparison, value))
        table.add_section()
    return table


def image_tables(comparison: Comparison, *, most: int, by: str) -> Iterator[Table]:
    """Lay out the images where B is furthest above A, and those where it is furthest below."""
    column = f"{by}_difference"
    rows = [row for row in image_rows(comparison) if row[column]]  # neither null nor 0
    better = sorted((row for row in rows if row[column] > 0), key=lambda row: -row[column])[:most]
    worse = sorted((row for row in rows if row[column] < 0), key=itemgetter(column))[:most]
    for word, chosen in (("better", better), ("worse", worse)):
        if chosen:
            yield _image_table(f"images where B is {word}, by {IMAGE_COLUMNS[by]}", chosen)


def notes(comparison: Comparison) -> Iterator[str]:
    """Say on what ground the intervals stand, where it is thin."""
    resampling, units = comparison.resampling, comparison.units
    what = f"{resampling.unit}{'s' * (units > 1)}"
    if units == 1:
        yield f"there is one {what} only: the intervals are points and say nothing of other images"
    elif units < FEW:
        yield f"intervals from only {units} {what} are too narrow, take them as a rough guide"
    if resampling.unit == "capture" and units == len(comparison.a.images) > 1:
        yield "no two images are of one capture, so images were drawn; --group-by names captures"
    outside = resampling.resamples * (1 - resampling.confidence) / 2
    if outside < 1:
        yield (
            f"{resampling.resamples} resamples are too few for a confidence of "
            f"{resampling.confidence:g}; pass more with --resamples"
        )


def _table(comparison: Comparison, title: str, first: str, *, caption: bool = False) -> Table:
    resampling = comparison.resampling
    text = (
        f"A and B %, difference in percentage points; interval: {resampling.resamples:,} draws of "
        f"{comparison.units:,} {resampling.unit}s with replacement, the same for A and B; *: it "
        "excludes 0"
    )
    table = Table(title=title, caption=text if caption else None)
    table.add_column(first)
    for column in ("A", "B", "B - A", f"{100 * resampling.confidence:g} % interval"):
        table.add_column(column, justify="right")
    table.add_column("")
    return table


def _cells(comparison: Comparison, value: Paired) -> Iterable[str]:
    interval = ""
    if np.isfinite(value.low):
        interval = f"[{_points(value.low)}, {_points(value.high)}]"
    if 0 < value.defined < 1:
        interval = f"in {_most_digits(value.defined)} % of draws {interval}"
    mark = "*" if comparison.is_clear(value) else ""
    return percent(value.a), percent(value.b), _points(value.difference), interval, mark


def _image_table(title: str, rows: Iterable[Json]) -> Table:
    table = Table(title=title)
    table.add_column("key")
    table.add_column("split")
    for name in IMAGE_COLUMNS.values():
        for column in (f"{name} A", "B", "B - A"):
            table.add_column(column, justify="right")
    for row in rows:
        cells = []
        for name in IMAGE_COLUMNS:
            cells += [percent(row[f"{name}_a"]), percent(row[f"{name}_b"])]
            cells.append(_points(row[f"{name}_difference"]))
        table.add_row(row["key"], row["split"], *cells)
    return table


def _points(value: float | None) -> str:
    """Write a difference of fractions in percentage points, with its sign.

    Example:
        >>> _points(0.0125), _points(-0.5), _points(None)
        ('+1.25', '-50.00', '')
    """
    return "" if value is None or not np.isfinite(value) else f"{100 * value:+.2f}"


def _most_digits(share: float) -> str:
    """Write a share of almost all as less than 100 %, and of almost none as more than 0 %."""
    return f"{min(99.9, max(0.1, 100 * share)):.3g}"
