"""``mass13k compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mass13k_tools.commands.options import (
    FOLDER,
    NamedPath,
    echo_json,
    end_with_failures,
    finite_number,
    json_option,
    overwrite_option,
    truth_options,
    worker_options,
    write_report,
)
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # loads OpenCV and numba
    from mass13k_tools.evaluation.scored_set import ScoredSet
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.pool import Workers

SCORES = NamedPath(exists=True, path_type=Path)


@click.command()
@click.argument("a", type=SCORES)
@click.argument("b", type=SCORES)
@truth_options(
    click.option("--gt", type=FOLDER, help="Label maps that folders of predictions are scored by.")
)
@click.option(
    "--resamples",
    type=click.IntRange(1, 1_000_000),
    default=2000,
    show_default=True,
    help="Draws that intervals are made of.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    callback=finite_number,
    default=0.95,
    show_default=True,
    help="Share of the draws within an interval.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Another seed gives other draws.",
)
@click.option(
    "--draw",
    type=click.Choice(["image", "capture"]),
    help="What is drawn; captures keep together what was shot together  [default: image]",
)
@click.option(
    "--group-by",
    metavar="REGEX",
    help="Draw captures, and name them by this  [default: batch, date and city]",
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="List the N images where B is most above A, and below.",
)
@click.option(
    "--top-by",
    type=click.Choice(["miou", "biou"]),
    default="miou",
    show_default=True,
    help="What these are ranked by.",
)
@click.option("--out", type=FOLDER, help="Write compare.json and compare.csv into this folder.")
@worker_options
@overwrite_option
@json_option
def compare(
    a: Path,
    b: Path,
    truth: Dataset | None,
    splits: tuple[str, ...],
    resamples: int,
    confidence: float,
    seed: int,
    draw: Literal["image", "capture"] | None,
    group_by: str | None,
    top: int,
    top_by: str,
    out: Path | None,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare the scores of B with those of A.

    A and B are folders of predicted label maps, scored here as 'evaluate' scores them, or the
    scores.json that it wrote. Every difference has a bootstrap interval: how it varies from one
    draw of images to another, with the label maps and both predictions as they are.

    \b
    Examples:
      mass13k compare old/ new/ --gt MaSS13K --split val
      mass13k compare old/scores.json new/scores.json --draw capture --out comparison
    """
    from mass13k_tools.evaluation.compare import Resampling
    from mass13k_tools.evaluation.compare import compare as compare_sets
    from mass13k_tools.evaluation.compare_report import comparison_json, report_files
    from mass13k_tools.evaluation.compare_tables import notes, print_tables

    if group_by is not None and draw == "image":
        raise click.UsageError("--group-by names captures, which --draw image does not draw")
    unit = draw or ("image" if group_by is None else "capture")
    resampling = Resampling(resamples, confidence, seed, unit, group_by)
    if truth is not None and not (a.is_dir() or b.is_dir()):
        print_line("note: A and B are scored already, so --gt changes nothing", err=True)
    # A file is read before a folder is scored: what is wrong with it shows at once
    paths = sorted({a, b}, key=Path.is_dir)
    sides = {path: _scored(path, truth, splits, workers) for path in paths}
    comparison = compare_sets(sides[a], sides[b], resampling=resampling)
    for note in notes(comparison):
        print_line(f"note: {note}", err=True)
    if as_json:
        echo_json(comparison_json(comparison))
    else:
        print_tables(comparison, top=top, top_by=top_by)
    if out:
        write_report(report_files(comparison), out, overwrite=overwrite, as_json=as_json)


def _scored(
    path: Path, truth: Dataset | None, splits: tuple[str, ...], workers: Workers
) -> ScoredSet:
    """Score a folder, or read the scores of a file."""
    from mass13k_tools.evaluation.collect import evaluate
    from mass13k_tools.evaluation.image import Settings
    from mass13k_tools.evaluation.pairs import find_pairs
    from mass13k_tools.evaluation.scores_file import read_scores

    if not path.is_dir():
        return read_scores(path).only(splits)
    if truth is None:
        stored = path / "scores.json"
        hint = f", or give '{stored}'" if stored.is_file() else ""
        raise click.UsageError(f"'{path}' is a folder: pass its label maps with --gt{hint}")
    pairs = find_pairs(path, truth, splits=splits)
    found = evaluate(str(path), pairs, truth.taxonomy, settings=Settings(), workers=workers)
    end_with_failures(found.failures, len(pairs))  # a score of a part would be taken for all
    return found.scored.protocol()
