"""``mass13k pseudo generate``."""

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
    finite_number,
    json_option,
    overwrite_option,
)
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # these load torch, so the command imports them when it runs
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.pseudo.generating.networks import Precision


@click.command()
@dataset_options
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    required=True,
    metavar="TEXT",
    help="Class to look for, or CLASS=PHRASE . PHRASE; may be repeated.",
)
@click.option("--out", type=FOLDER, required=True, help="Folder for SPLIT/KEY.masks.json.")
@click.option(
    "--detector",
    metavar="MODEL",
    help="Folder or hub name  [default: IDEA-Research/grounding-dino-base]",
)
@click.option(
    "--segmenter",
    metavar="MODEL",
    help="Folder or hub name of SAM, SAM 2 or 3  [default: facebook/sam2.1-hiera-large]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.25,
    show_default=True,
    callback=finite_number,
    help="Least score of the detector.",
)
@click.option(
    "--tile",
    "tile_px",
    type=click.IntRange(0, 2**16),
    default=2048,
    show_default=True,
    help="Side of tiles of larger photos, in pixels; 0: none.",
)
@click.option(
    "--overlap",
    "overlap_px",
    type=click.IntRange(min=0),
    help="Pixels that neighbouring tiles share  [default: a quarter]",
)
@click.option(
    "--whole/--tiles-only",
    default=True,
    show_default=True,
    help="Look at the whole photo, too, or only at tiles.",
)
@click.option("--device", help="Such as cpu, cuda or cuda:1  [default: cuda where there is one]")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    show_default=True,
    help="Of the networks' sums; the shorter ones are faster on a GPU.",
)
@overwrite_option
@json_option
def pseudo_generate(
    dataset: Dataset,
    prompts: tuple[str, ...],
    out: Path,
    detector: str | None,
    segmenter: str | None,
    threshold: float,
    tile_px: int,
    overlap_px: int | None,
    whole: bool,
    device: str | None,
    dtype: Precision,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Find masks of what a text names in the photos of ROOT.

    Grounding DINO finds boxes, SAM or SAM 2 draws what lies in them; SAM 3 does both. Large photos
    are looked at as a whole and in tiles. Files that are up to date stay, so a killed run goes on.

    \b
    Examples:
      mass13k pseudo generate MaSS13K --prompt car --out masks
      mass13k pseudo generate MaSS13K --prompt "car=sedan . pickup truck" --prompt bus --out masks
      mass13k pseudo generate MaSS13K --prompt car --out masks --segmenter models/sam3 --tile 1536
    """
    from mass13k_tools.pool import run
    from mass13k_tools.pseudo.generating.making import make_masks
    from mass13k_tools.pseudo.generating.request import Request, prepared
    from mass13k_tools.pseudo.generating.views import Cutting
    from mass13k_tools.pseudo.stored import check_apart

    overlap_px = tile_px // 4 if overlap_px is None else overlap_px
    cutting = Cutting(tile_px=tile_px, overlap_px=overlap_px, whole=whole)
    request = Request(prompts, detector, segmenter, threshold, cutting, device, dtype)
    check_apart(dataset, out)
    making = prepared(request, dataset, out=out, overwrite=overwrite)
    made, failures = [], []
    for done in run(partial(make_masks, making=making), dataset.samples, title="generate"):
        if done.result is None:
            failures.append((f"{done.item.split}/{done.item.key}", str(done.failure)))
        else:
            made.append(done.result)
    known, masks = sum(one.known for one in made), sum(one.masks for one in made)
    if as_json:
        about = {"out": str(out), "samples": len(dataset.samples), "files": len(made)}
        failed = [{"sample": name, "reason": reason} for name, reason in sorted(failures)]
        found = {"known": known, "masks": masks, "source": making.source}
        echo_json({**about, **found, "failures": failed})
    else:
        there = f", {known} of them there before" if known else ""
        print_line(f"{masks} masks in {len(made)} photos; their files are in {out}{there}")
    end_with_failures(failures, len(dataset.samples))
