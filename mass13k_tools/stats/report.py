"""Statistics as JSON, as CSV and as tables for people."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from mass13k_tools.arrays import Mask
from mass13k_tools.classes import Taxonomy
from mass13k_tools.printing import console, csv_bytes, finite, json_bytes, percent
from mass13k_tools.stats.collect import Statistics
from mass13k_tools.stats.image import ImageStatistics
from mass13k_tools.stats.published import TABLE_1, MeanStd
from mass13k_tools.stats.summary import (
    Grouping,
    Summary,
    rank_by_mipq,
    share,
    summarise_by,
)

CENSUS_COLUMNS = ("components", "holes", "thin", "edges")


def report_files(statistics: Statistics) -> dict[str, bytes]:
    """Write statistics as files: name -> bytes of the CSV, the JSON and the plots."""
    from mass13k_tools.stats.figures import figures  # Matplotlib takes a second to load

    return {
        "stats.csv": csv_bytes(image_rows(statistics)),
        "stats.json": json_bytes(dataset_json(statistics)),
        **figures(statistics),
    }


def print_tables(
    statistics: Statistics, *, by: Sequence[Grouping | Literal["class"]], compare: bool, top: int
) -> None:
    """Print what a person asked for on stdout."""
    groupings = [grouping for grouping in by if grouping != "class"]
    tables = [summary_table(statistics, by=groupings, compare=compare)]
    if "class" in by or any(image.census for image in statistics.images):
        tables.append(class_table(statistics))
    if top:
        tables += ranking_tables(statistics, top=top)
    printer = console()
    for table in tables:
        printer.print(table)


def dataset_json(statistics: Statistics) -> dict[str, Any]:
    """Write statistics as the JSON object that ``mass13k stats --json`` promises."""
    skipped = (image.complexity.skipped for image in statistics.images if image.complexity)
    return {
        "dataset": {
            **_summary_json(statistics.summary),
            "classes": len(statistics.taxonomy.classes),
            "mipq": _mean_std_json(statistics.summary.mipq) | {"definition": statistics.definition},
            "mipq_images": statistics.mipq.size,
            "skipped_classes": sum(skipped),
            "std": "population",
        },
        "classes": [vars(row) | {"ipq": _mean_std_json(row.ipq)} for row in statistics.classes],
        "images": [image_json(image, statistics.taxonomy) for image in statistics.images],
        "by": {
            grouping: [_summary_json(row) for row in summarise_by(grouping, statistics.images)]
            for grouping in get_args(Grouping)
        },
        "failures": [{"file": file, "reason": why} for file, why in statistics.failures],
    }


def image_json(image: ImageStatistics, taxonomy: Taxonomy) -> dict[str, Any]:
    """Write the statistics of one image; classes that are absent are left out."""
    row: dict[str, Any] = {
        "key": image.sample.key,
        "split": image.sample.split,
        "height": image.size_hw[0],
        "width": image.size_hw[1],
        "diagonal": image.diagonal,
        "mipq": finite(image.complexity.mipq) if image.complexity else None,
        "ipq": {},
        "pixels": {},
    }
    if image.pixels is not None and image.complexity:
        row["pixels"] = _named(image.pixels, taxonomy, where=image.pixels > 0)
        row["ipq"] = _named(image.complexity.ipq, taxonomy, where=np.isfinite(image.complexity.ipq))
    if image.census:
        valid = int(image.census.pixels.sum())
        for name in CENSUS_COLUMNS:
            values = getattr(image.census, name)
            row[name] = _named(values, taxonomy, where=values > 0)
        row["boundary_density"] = share(int(image.census.edges.sum()), valid)
        row["thin_share"] = share(int(image.census.thin.sum()), valid)
    return row


def image_rows(statistics: Statistics) -> Iterator[list[Any]]:
    """Give a header, then one row per image; the columns of a class bear its name."""
    rows = [image_json(image, statistics.taxonomy) for image in statistics.images]
    per_class = [
        name for name in ("ipq", "pixels", *CENSUS_COLUMNS) if any(row.get(name) for row in rows)
    ]
    names = list(statistics.taxonomy.names.values())
    plain = ["key", "split", "height", "width", "diagonal", "mipq"]
    plain += ["boundary_density", "thin_share"]
    yield [*plain, "definition", *(f"{what}_{name}" for what in per_class for name in names)]
    for row in rows:
        of_classes = [row.get(what, {}).get(name) for what in per_class for name in names]
        yield [*(row.get(column) for column in plain), statistics.definition, *of_classes]


def summary_table(
    statistics: Statistics, *, by: Sequence[Grouping] = (), compare: bool = False
) -> Table:
    """Lay out the columns of the paper's Table 1, with its rows below on request."""
    rows = [statistics.summary]
    for grouping in by:
        rows += summarise_by(grouping, statistics.images)
    table = Table(
        caption=f"IPQ: definition '{statistics.definition}', mean over the classes of an image; "
        "± is the population standard deviation over images"
    )
    table.add_column("data set")
    for column in ("#Image", "#Size (diagonal, px)", "#Classes", "#IPQ"):
        table.add_column(column, justify="right")
    classes = str(len(statistics.taxonomy.classes))
    for row in rows:
        table.add_row(
            row.name,
            f"{row.images:,}",
            _mean_std_text(row.diagonal),
            classes,
            _mean_std_text(row.mipq, digits=1),
        )
    if compare:
        table.add_section()
        for published in TABLE_1:
            cells = ("", _mean_std_text(published.diagonal), "", _mean_std_text(published.mipq))
            table.add_row(f"{published.name} (paper)", *cells, style="dim")
    return table


def class_table(statistics: Statistics) -> Table:
    """Lay out one line per class; census columns only where it was taken."""
    rows = statistics.classes
    counted = any(row.components is not None for row in rows)
    table = Table(title="by class")
    table.add_column("class")
    columns = ["images", "pixels %", "IPQ"]
    columns += ["components", "holes", "thin %", "edge %"] if counted else []
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        cells = [f"{row.images:,}", percent(row.pixel_share), _mean_std_text(row.ipq, digits=1)]
        if counted:
            cells += [f"{row.components:,}", f"{row.holes:,}"]
            cells += [percent(row.thin_share), percent(row.edge_share)]
        table.add_row(row.name, *cells)
    return table


def ranking_tables(statistics: Statistics, *, top: int) -> list[Table]:
    """Lay out the ``top`` most and the ``top`` least complex images."""
    ranked = rank_by_mipq(statistics.images)
    return [
        _ranking_table("most complex", ranked[:top]),
        _ranking_table("least complex", ranked[::-1][:top]),
    ]


def _ranking_table(title: str, images: Sequence[ImageStatistics]) -> Table:
    table = Table(title=title)
    table.add_column("key")
    table.add_column("split")
    table.add_column("mIPQ", justify="right")
    for image in images:
        mipq = image.complexity.mipq if image.complexity else float("nan")
        table.add_row(image.sample.key, image.sample.split, f"{mipq:,.1f}")
    return table


def _named(values: NDArray[Any], taxonomy: Taxonomy, *, where: Mask) -> dict[str, Any]:
    """Write values by class id, (256,), as an object by class name, where there is something."""
    return {
        name: values[class_id].item()
        for class_id, name in taxonomy.names.items()
        if where[class_id]
    }


def _summary_json(row: Summary) -> dict[str, Any]:
    return {
        "name": row.name,
        "images": row.images,
        "diagonal": _mean_std_json(row.diagonal),
        "mipq": _mean_std_json(row.mipq),
    }


def _mean_std_json(value: MeanStd) -> dict[str, float | None]:
    return {"mean": finite(value.mean), "std": finite(value.std)}


def _mean_std_text(value: MeanStd, digits: int = 0) -> str:
    if not np.isfinite(value.mean):
        return ""
    return f"{value.mean:,.{digits}f} ± {value.std:,.{digits}f}"
