"""``mass13k pseudo refine``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mass13k_tools.commands.options import (
    FOLDER,
    dataset_options,
    echo_json,
    end_with_failures,
    json_option,
    overwrite_option,
    worker_options,
)
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import split_rank
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # these load OpenCV, so the command imports them when it runs
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.pool import Workers


@click.command()
@dataset_options
@click.argument("masks", metavar="DIR", type=FOLDER)
@click.option("--out", type=FOLDER, required=True, help="Folder for the refined masks.")
@click.option(
    "--radius-px",
    type=click.IntRange(1, 255),
    default=16,
    show_default=True,
    help="Of the windows: twice as far an edge may move.",
)
@click.option(
    "--smoothness",
    type=click.FloatRange(1e-8, 1),
    default=1e-4,
    show_default=True,
    help="Variance of colours (0 to 1) below which a window counts as flat.",
)
@worker_options
@overwrite_option
@json_option
def pseudo_refine(
    dataset: Dataset,
    masks: Path,
    out: Path,
    radius_px: int,
    smoothness: float,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw the masks in DIR to the edges of the photos of ROOT, by a guided filter.

    Writes masks of the same form, so that either can be merged and the two be compared; says how
    many pixels changed.

    \b
    Examples:
      mass13k pseudo refine MaSS13K masks --out refined
      mass13k pseudo refine MaSS13K masks --out refined --radius-px 32 --jobs 8
    """
    from mass13k_tools.pool import run
    from mass13k_tools.pseudo.refining import (
        RefineSettings,
        refine_json,
        refine_sample,
        samples_with_masks,
    )
    from mass13k_tools.pseudo.stored import check_apart

    check_apart(dataset, out)
    if out.resolve() == masks.resolve():
        raise DatasetError(f"refined masks would replace those in '{masks}'; choose another --out")
    samples = samples_with_masks(dataset.samples, masks)
    settings = RefineSettings(radius_px, smoothness)
    refine = partial(refine_sample, folder=masks, out=out, settings=settings, overwrite=overwrite)
    results, failures = [], []
    for done in run(refine, samples, workers=workers, title="refine"):
        if done.result is None:
            failures.append((f"{done.item.split}/{done.item.key}", str(done.failure)))
        else:
            results.append((done.item, done.result))
    results.sort(key=lambda each: (split_rank(each[0].split), each[0].key))
    table = refine_json(results)
    if as_json:
        failed = [{"sample": name, "reason": reason} for name, reason in sorted(failures)]
        echo_json({"out": str(out), **table, "failures": failed})
    else:
        total = table["total"]
        print_line(
            f"{total['masks']} masks of {len(results)} photos, {total['before_px']} px: "
            f"{total['gained_px']} gained, {total['lost_px']} lost, "
            f"{total['lost']} masks gone; they are in {out}"
        )
    end_with_failures(failures, len(samples))
