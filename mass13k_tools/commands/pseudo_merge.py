"""``mass13k pseudo merge``."""

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
from mass13k_tools.layouts import split_rank
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # these load OpenCV, so the command imports them when it runs
    from mass13k_tools.classes import Colour
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.pool import Workers
    from mass13k_tools.pseudo.choosing import Policy
    from mass13k_tools.pseudo.merged_files import Photos


def _pairs(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = [text.rpartition("=") for text in texts]
    for text, (_, sign, to) in zip(texts, pairs, strict=True):
        if not sign or not to:
            raise click.BadParameter(f"'{text}' is not NAME=CLASS, such as sedan=car")
    return tuple((name.strip(), to.strip()) for name, _, to in pairs)


def _colours(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[Colour, ...]:
    colours = []
    for text in texts:
        parts = text.split(",")
        if len(parts) != 3 or not all(p.strip().isdecimal() and int(p) < 256 for p in parts):
            raise click.BadParameter(f"'{text}' is not R,G,B of 0..255")
        colours.append((int(parts[0]), int(parts[1]), int(parts[2])))
    return tuple(colours)


@click.command()
@dataset_options
@click.argument("masks", metavar="DIR", type=FOLDER)
@click.option("--out", type=FOLDER, required=True, help="Folder for the new data set.")
@click.option(
    "--class",
    "class_names",
    multiple=True,
    required=True,
    metavar="NAME",
    help="New class; repeated: several at once.",
)
@click.option(
    "--policy",
    type=click.Choice(
        [
            *("others-only", "priority", "score", "small-first", "large-first"),
            *("last", "ignore-conflict"),
        ]
    ),
    default="others-only",
    show_default=True,
    help="Whose a pixel is that several masks want.",
)
@click.option(
    "--priority", multiple=True, metavar="NAME", help="For that policy: classes, strongest first."
)
@click.option(
    "--over",
    multiple=True,
    metavar="NAME",
    help="Precise class that may be overwritten, or 'ignore'; may be repeated.",
)
@click.option(
    "--map",
    "names",
    multiple=True,
    callback=_pairs,
    metavar="NAME=CLASS",
    help="Masks called NAME are of CLASS; '=CLASS': masks without a name.",
)
@click.option(
    "--ignore-band",
    "ignore_band_px",
    type=click.IntRange(0, 255),
    default=0,
    show_default=True,
    help="Pixels to either side of a mask's edge that become ignore.",
)
@click.option("--min-score", type=float, help="Least score of a mask, 0 to 1.")
@click.option("--min-detector-score", type=float, help="Likewise, of what found the object.")
@click.option(
    "--min-area",
    "min_area_px",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Least pixels of a mask.",
)
@click.option("--id", "ids", type=int, multiple=True, help="Of each new class  [default: the next]")
@click.option(
    "--colour", "colours", multiple=True, callback=_colours, metavar="R,G,B", help="Likewise."
)
@click.option(
    "--photos",
    type=click.Choice(["symlink", "hardlink", "copy"]),
    default="symlink",
    show_default=True,
    help="How the photos get into OUT.",
)
@click.option("--dry-run", is_flag=True, help="Say what would come out, and write nothing.")
@worker_options
@overwrite_option
@json_option
def pseudo_merge(
    dataset: Dataset,
    masks: Path,
    out: Path,
    class_names: tuple[str, ...],
    policy: Policy,
    priority: tuple[str, ...],
    over: tuple[str, ...],
    names: tuple[tuple[str, str], ...],
    ignore_band_px: int,
    min_score: float | None,
    min_detector_score: float | None,
    min_area_px: int,
    ids: tuple[int, ...],
    colours: tuple[Colour, ...],
    photos: Photos,
    dry_run: bool,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Merge the masks in DIR into the label maps of ROOT, as a new class.

    OUT becomes a data set of its own with label maps, links to the photos, classes and provenance
    maps. New classes are taken out of class 0; precise ones stay. Files that are up to date stay,
    so a killed run goes on.

    \b
    Examples:
      mass13k pseudo merge MaSS13K masks --class car --map "sedan=car" --out with-cars
      mass13k pseudo merge with-cars trucks --class truck --min-score 0.8 --out with-both
      mass13k pseudo merge MaSS13K masks --class car --class bus --policy score --dry-run --out x
    """
    from mass13k_tools.pool import run
    from mass13k_tools.pseudo.choosing import MergeSettings
    from mass13k_tools.pseudo.merge_report import merge_json, print_merge
    from mass13k_tools.pseudo.merge_set import (
        check_target,
        remove_partials,
        unused_masks,
        write_classes,
        write_report,
    )
    from mass13k_tools.pseudo.merged_files import Target
    from mass13k_tools.pseudo.merging import merge_job, merge_sample
    from mass13k_tools.pseudo.new_classes import with_new_classes

    settings = MergeSettings(
        class_names,
        policy,
        priority,
        over,
        names,
        ignore_band_px,
        min_score,
        min_detector_score,
        min_area_px,
    )
    after = with_new_classes(dataset.taxonomy, class_names, ids=ids, colours=colours)
    target = Target(out.absolute(), photos, overwrite, dry_run)
    job = merge_job(masks.absolute(), settings, before=dataset.taxonomy, after=after, target=target)
    check_target(dataset, out)
    unused = unused_masks(dataset.samples, masks)
    remove_partials(dataset.samples, target)
    write_classes(after, target)
    results, failures = [], []
    for done in run(
        partial(merge_sample, job=job), dataset.samples, workers=workers, title="merge"
    ):
        if done.result is None:
            failures.append((f"{done.item.split}/{done.item.key}", str(done.failure)))
        else:
            results.append(done.result)
    records = [result.record for result in results]
    records.sort(key=lambda record: (split_rank(record.split), record.key))
    if not failures:
        write_report(records, after, target)
    table = merge_json(records, settings)
    known = sum(result.known for result in results)
    if as_json:
        about = {"out": str(out), "dry_run": dry_run, "samples": len(records), "known": known}
        failed = [{"sample": name, "reason": reason} for name, reason in sorted(failures)]
        echo_json({**about, "unused": [str(path) for path in unused], **table, "failures": failed})
    else:
        print_merge(table)
        there = f", {known} of them there before" if known else ""
        verb = "would be" if dry_run else "are"
        merged = f"{table['merged_images']} of {len(records)} label maps got masks"
        print_line(f"{merged}; they {verb} in {out}{there}")
    if unused:
        print_line(f"{len(unused)} masks files belong to no sample, such as {unused[0]}", err=True)
    end_with_failures(failures, len(dataset.samples))
