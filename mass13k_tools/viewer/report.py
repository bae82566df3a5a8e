"""One page about a data set that needs nothing besides itself: tables, plots and small pictures."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from mass13k_tools.checks.problems import Problem, file_name
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_label_map
from mass13k_tools.layouts import Dataset, Predictions, Sample
from mass13k_tools.ops.mistakes import wrong_pixels
from mass13k_tools.pool import Workers, run
from mass13k_tools.stats.collect import Statistics
from mass13k_tools.stats.figures import figures
from mass13k_tools.stats.report import class_table, summary_table
from mass13k_tools.stats.summary import rank_by_mipq
from mass13k_tools.viewer.cache import Cache
from mass13k_tools.viewer.client import client_files
from mass13k_tools.viewer.layers import PREDICTION, Layers
from mass13k_tools.viewer.photos import FolderPhotos

STYLE = "report.css"
CACHE_BYTES = 2**26
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the style is in the page


@dataclass(frozen=True)
class Wrong:
    """How much of a prediction is wrong."""

    sample: Sample
    share: float
    """Of the labelled pixels."""


def wrong_shares(
    dataset: Dataset, predictions: Predictions, workers: Workers
) -> tuple[list[Wrong], list[tuple[str, str]]]:
    """Compare the predictions that there are with their label maps.

    Returns:
        Shares, the worst first; names and reasons of what cannot be compared.
    """
    pairs = [
        (sample, predictions.of(sample))
        for sample in dataset.samples
        if (sample.split, sample.key) in predictions.paths
    ]
    found, failures = [], []
    compare = partial(_wrong_share, taxonomy=dataset.taxonomy)
    for done in run(compare, pairs, workers=workers, title="compare"):
        if done.result is None:
            failures.append((str(done.item[1]), str(done.failure)))
        else:
            found.append(Wrong(done.item[0], done.result))
    found.sort(key=lambda wrong: (-wrong.share, wrong.sample.split, wrong.sample.key))
    return found, failures


def _wrong_share(pair: tuple[Sample, Path], *, taxonomy: Taxonomy) -> float:
    sample, path = pair
    truth = read_label_map(sample.label_path, taxonomy)
    wrong = wrong_pixels(read_label_map(path, taxonomy), truth)
    return float(np.count_nonzero(wrong)) / max(1, int(np.count_nonzero(truth != 255)))


def report_page(
    dataset: Dataset,
    statistics: Statistics,
    problems: Sequence[Problem] | None,
    worst: Sequence[tuple[Predictions, Sequence[Wrong]]],
    *,
    top: int,
) -> bytes:
    """Write the page.

    Args:
        dataset: What it is about.
        statistics: Of its label maps.
        problems: That ``check`` found; None where it was not asked.
        worst: By folder of predictions, the worst first.
        top: How many pictures a list shows.

    Returns:
        HTML, UTF-8; the same data gives the same bytes.
    """
    layers = Layers(FolderPhotos(dataset), [each for each, _ in worst], Cache(CACHE_BYTES))
    style = client_files()[STYLE].decode()
    name = escape(statistics.name)
    body = [
        f"<h1>{name}</h1>",
        "<h2>In numbers</h2>",
        html_table(summary_table(statistics, by=["split"], compare=True)),
        html_table(class_table(statistics)),
        *(f'<img class="plot" alt="{escape(plot)}" src="{_data(content, "png")}">'
          for plot, content in figures(statistics).items()),
        "<h2>Most complex</h2>",
        _gallery(layers, _complex(statistics, top), "overlay"),
    ]  # fmt: skip
    if problems is not None:
        body += [f"<h2>Suspicious ({len(problems)})</h2>"]
        body += [_suspicious(layers, dataset, problems, top)]
    for index, (predictions, wrongs) in enumerate(worst):
        body.append(f"<h2>Worst predictions of {escape(predictions.folder.name)}</h2>")
        rows = [(wrong.sample, f"{wrong.share:.1%} wrong") for wrong in wrongs[:top]]
        body.append(_gallery(layers, rows, "overlay", f"{PREDICTION}{index}"))
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<style>{style}</style></head><body>{''.join(body)}</body></html>\n"
    )
    return page.encode(errors="replace")


def html_table(table: Table) -> str:
    """Write a table that is printed elsewhere as HTML."""

    def cell(tag: str, content: object, justify: str) -> str:
        text = content.plain if isinstance(content, Text) else str(content)
        return f'<{tag} class="{justify}">{escape(text)}</{tag}>'

    columns = table.columns
    head = "".join(cell("th", column.header, column.justify) for column in columns)
    rows = zip(*(list(column.cells) for column in columns), strict=True)
    lines = (
        "".join(cell("td", each, column.justify) for each, column in zip(row, columns, strict=True))
        for row in rows
    )
    caption = f"<p>{escape(str(table.caption))}</p>" if table.caption else ""
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{caption}"


def _complex(statistics: Statistics, top: int) -> list[tuple[Sample, str]]:
    return [
        (image.sample, f"mIPQ {image.complexity.mipq:,.1f}")
        for image in rank_by_mipq(statistics.images)[:top]
        if image.complexity
    ]


def _suspicious(layers: Layers, dataset: Dataset, problems: Sequence[Problem], top: int) -> str:
    if not problems:
        return "<p>Nothing: <code>mass13k check</code> finds no fault.</p>"
    named = {(sample.split, sample.key): sample for sample in dataset.samples}
    rows = [
        (named[problem.split, problem.key], f"{problem.kind}: {problem.found}")
        for problem in problems
        if (problem.split, problem.key) in named
    ]
    lines = "".join(
        f"<li><b>{escape(problem.kind)}</b> {escape(file_name(problem.path, dataset.root))}: found "
        f"{escape(problem.found)}, expected {escape(problem.expected)}; {escape(problem.hint)}</li>"
        for problem in problems[: 10 * top]
    )
    more = len(problems) - 10 * top
    rest = f"<p>and {more} more: <code>mass13k check</code> lists all</p>" if more > 0 else ""
    return f"<ul>{lines}</ul>{rest}" + _gallery(layers, rows[:top], "image")


def _gallery(layers: Layers, rows: Sequence[tuple[Sample, str]], *names: str) -> str:
    """Show photos with a line each; of several layers one picture each."""
    numbers = {id(sample): number for number, sample in enumerate(layers.photos.samples)}
    figures_ = (
        f"<figure>{''.join(_pictures(layers, numbers[id(sample)], names))}"
        f"<figcaption>{escape(sample.key)}<br>{escape(text)}</figcaption></figure>"
        for sample, text in rows
    )
    return f'<div class="gallery">{"".join(figures_)}</div>'


def _pictures(layers: Layers, number: int, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            source = _data(layers.thumbnail(number, name), "jpeg")
            yield f'<img alt="{escape(name)}" src="{source}">'
        except DatasetError as error:
            yield f"<p>{escape(str(error))}</p>"


def _data(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
