"""``mass13k edges``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from mass13k_tools.commands.options import (
    FOLDER,
    dataset_options,
    echo_json,
    end_with_failures,
    json_option,
    overwrite_option,
    worker_options,
)
from mass13k_tools.outputs import refuse_own_files

if TYPE_CHECKING:  # these load OpenCV and numba, so the command imports them when it runs
    from mass13k_tools.boundaries.edges import DistanceSettings, EdgeSettings
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.ops.edges import EdgeMode
    from mass13k_tools.pool import Workers


@click.command()
@dataset_options
@click.option("--out", type=FOLDER, required=True, help="Folder for SPLIT/KEY.png or .npz.")
@click.option(
    "--mode",
    type=click.Choice(["released", "inner", "outer", "symmetric"]),
    default="symmetric",
    show_default=True,
    help="Which side of a class change is marked; the higher id is the inner side.",
)
@click.option(
    "--width",
    "width_px",
    type=click.IntRange(1, 255),
    default=2,
    show_default=True,
    help="Of the lines, in pixels.",
)
@click.option(
    "--class",
    "class_names",
    multiple=True,
    metavar="NAME",
    help="Only edges of this class against the rest; repeated: of these together.",
)
@click.option(
    "--value",
    type=click.IntRange(1, 255),
    default=255,
    show_default=True,
    help="What an edge pixel holds: 255 to look at, 1 to train on.",
)
@click.option("--distance", is_flag=True, help="Signed distance (NPZ) in place of an edge map.")
@click.option(
    "--limit",
    "limit_px",
    type=click.IntRange(1, 4095),
    default=64,
    show_default=True,
    help="Cut distances here, in pixels.",
)
@worker_options
@overwrite_option
@json_option
def edges(
    dataset: Dataset,
    out: Path,
    mode: EdgeMode,
    width_px: int,
    class_names: tuple[str, ...],
    value: int,
    distance: bool,
    limit_px: int,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write an edge map of every label map of ROOT.

    Ignored pixels make no edge. Files that are up to date stay, so a killed run goes on.

    \b
    Examples:
      mass13k edges MaSS13K --out edges --width 3
      mass13k edges MaSS13K --out silhouettes --class person --distance
    """
    from mass13k_tools.boundaries.derived import Target
    from mass13k_tools.boundaries.edges import DistanceSettings, EdgeSettings
    from mass13k_tools.boundaries.report import outcome_json, print_outcome
    from mass13k_tools.boundaries.writing import write_all

    _refuse_idle_options(distance)
    class_ids = tuple(sorted({dataset.taxonomy.find(name).id for name in class_names}))
    settings: EdgeSettings | DistanceSettings = (
        DistanceSettings(limit_px, class_ids)
        if distance
        else EdgeSettings(mode, width_px, class_ids, value)
    )
    target = Target(out, dataset.taxonomy, overwrite)
    samples = dataset.samples
    refuse_own_files(target.paths(samples, settings.suffix), dataset.files)
    outcome = write_all(samples, settings=settings, target=target, workers=workers, title="edges")
    if as_json:
        echo_json(outcome_json(outcome, out))
    else:
        print_outcome(outcome, out)
    end_with_failures(outcome.failures, outcome.samples)


def _refuse_idle_options(distance: bool) -> None:
    """Refuse what would change nothing: options of the other kind of file."""
    context = click.get_current_context()
    idle = ("mode", "width_px", "value") if distance else ("limit_px",)
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if name in idle and given:
            kind = "--distance" if distance else "an edge map"
            raise click.UsageError(f"{parameter.opts[0]} means nothing for {kind}")
