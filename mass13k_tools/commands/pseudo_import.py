"""``mass13k pseudo import``."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mass13k_tools.commands.options import (
    FOLDER,
    NamedPath,
    dataset_options,
    echo_json,
    end_with_failures,
    json_option,
    overwrite_option,
    worker_options,
)
from mass13k_tools.layouts import split_rank
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # these load OpenCV, so the command imports them when it runs
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.pool import Workers

FORMATS = (
    *("sam", "sa-1b", "sam-png", "grounded-sam", "grounded-sam-2", "grounded-sam-2-video"),
    *("transformers", "transformers-rows", "labelme", "coco", "coco-panoptic", "png"),
)


@click.command()
@dataset_options
@click.argument("results", metavar="RESULTS", type=NamedPath(path_type=Path))
@click.option("--out", type=FOLDER, required=True, help="Folder for SPLIT/KEY.masks.json.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    help="Refuse any other  [default: each is recognised]",
)
@worker_options
@overwrite_option
@json_option
def pseudo_import(
    dataset: Dataset,
    results: Path,
    out: Path,
    format_name: str | None,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Read masks that other programs found on photos of ROOT, for merge.

    RESULTS is a file, or a folder of results of any formats. Each is matched to its photo by name
    and must have its size.

    \b
    Examples:
      mass13k pseudo import MaSS13K outputs --out masks
      mass13k pseudo import MaSS13K instances_train.json --split train --out masks
    """
    from mass13k_tools.pool import run
    from mass13k_tools.pseudo.importing import collect, import_sample
    from mass13k_tools.pseudo.stored import check_apart

    check_apart(dataset, out)
    parts, failures = collect(results, dataset.samples, format_name=format_name)
    formats = Counter(part.format_name for each in parts.values() for part in each)
    write = partial(import_sample, out=out, overwrite=overwrite)
    imported = []
    for done in run(write, [*parts.items()], workers=workers, title="import"):
        if done.result is None:
            sample = done.item[0]
            failures.append((f"{sample.split}/{sample.key}", str(done.failure)))
        else:
            imported.append(done.result)
    imported.sort(key=lambda one: (split_rank(one.sample.split), one.sample.key))
    total = sum(one.masks for one in imported)
    if as_json:
        failed = [{"file": name, "reason": reason} for name, reason in failures]
        images = [
            {"split": one.sample.split, "key": one.sample.key, "masks": one.masks}
            for one in imported
        ]
        about = {"out": str(out), "formats": dict(formats), "masks": total}
        echo_json({**about, "images": images, "failures": failed})
    else:
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(formats.items()))
        print_line(f"{total} masks of {len(imported)} photos ({kinds or 'no result'}) are in {out}")
    end_with_failures(failures, len(imported) + len(failures))
