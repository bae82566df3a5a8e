"""``mass13k pseudo undo``."""

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
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.pool import Workers
    from mass13k_tools.pseudo.merged_files import Photos


@click.command()
@dataset_options
@click.option("--out", type=FOLDER, required=True, help="Folder for the restored data set.")
@click.option(
    "--class",
    "class_names",
    multiple=True,
    required=True,
    metavar="NAME",
    help="Merged class to undo; may be repeated.",
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
def pseudo_undo(
    dataset: Dataset,
    out: Path,
    class_names: tuple[str, ...],
    photos: Photos,
    dry_run: bool,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Take merged classes out of ROOT again, by its provenance maps.

    Every pixel that a class changed gets the value that it had before, also those that became
    ignore. OUT is a data set of its own; ROOT stays as it is.

    \b
    Example:
      mass13k pseudo undo with-cars --class car --out without-cars
    """
    from mass13k_tools.pool import run
    from mass13k_tools.pseudo.merge_set import (
        check_target,
        remove_partials,
        write_classes,
        write_report,
    )
    from mass13k_tools.pseudo.merged_files import Target
    from mass13k_tools.pseudo.new_classes import without_classes
    from mass13k_tools.pseudo.undoing import UndoJob, remaining_classes, undo_sample

    left = remaining_classes(dataset.taxonomy, class_names)
    target = Target(out.absolute(), photos, overwrite, dry_run)
    check_target(dataset, out)
    after = without_classes(dataset.taxonomy, class_names)
    remove_partials(dataset.samples, target)
    write_classes(after, target)
    job = UndoJob(class_names, dataset.taxonomy, target, keep_provenance=bool(left))
    results, failures = [], []
    for done in run(partial(undo_sample, job=job), dataset.samples, workers=workers, title="undo"):
        if done.result is None:
            failures.append((f"{done.item.split}/{done.item.key}", str(done.failure)))
        else:
            results.append(done.result)
    results.sort(key=lambda result: (split_rank(result.record.split), result.record.key))
    if left and not failures:
        write_report([result.record for result in results], after, target)
    restored = sum(result.restored for result in results)
    if as_json:
        failed = [{"sample": name, "reason": reason} for name, reason in sorted(failures)]
        about = {"out": str(out), "dry_run": dry_run, "samples": len(results), "pixels": restored}
        echo_json({**about, "classes": left, "failures": failed})
    else:
        verb = "would be" if dry_run else "are"
        count = sum(result.restored > 0 for result in results)
        print_line(f"{restored:,} px of {count} label maps {verb} what they were, in {out}")
    end_with_failures(failures, len(dataset.samples))
