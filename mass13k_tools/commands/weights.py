"""``mass13k weights``."""

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
    finite_number,
    json_option,
    odd_number,
    overwrite_option,
    worker_options,
)
from mass13k_tools.outputs import refuse_own_files

if TYPE_CHECKING:  # these load OpenCV and numba, so the command imports them when it runs
    from mass13k_tools.boundaries.weights import CompactSettings, PreviewSettings, WeightFormat
    from mass13k_tools.layouts import Dataset
    from mass13k_tools.ops.weight_steps import Frame, WeightMode
    from mass13k_tools.pool import Workers


@click.command()
@dataset_options
@click.option("--out", type=FOLDER, required=True, help="Folder for SPLIT/KEY.png or .npz.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "npz"]),
    default="png",
    show_default=True,
    help="A picture of each pixel's own weight, or all classes exactly.",
)
@click.option(
    "--mode",
    type=click.Choice(["abs", "signed"]),
    default="abs",
    show_default=True,
    help="As released, or as in the paper: negative outside; pictures are the same.",
)
@click.option(
    "--kernel",
    "kernel_px",
    type=click.IntRange(3, 255),
    callback=odd_number,
    default=5,
    show_default=True,
    help="Side of the window that a mask is averaged over, odd.",
)
@click.option(
    "--frame",
    type=click.Choice(["zeros", "reflect"]),
    default="zeros",
    show_default=True,
    help="Beyond the frame: no class, as released, or the mirror image.",
)
@click.option(
    "--precise-gain",
    type=click.FloatRange(min=0),
    callback=finite_number,
    default=5,
    show_default=True,
    help="λ₁, factor of W for precise classes; changes only the printed range.",
)
@click.option(
    "--pseudo-gain",
    type=click.FloatRange(min=0),
    callback=finite_number,
    default=1,
    show_default=True,
    help="λ₂, factor of W for pseudo classes; changes only the printed range.",
)
@worker_options
@overwrite_option
@json_option
def weights(
    dataset: Dataset,
    out: Path,
    file_format: WeightFormat,
    mode: WeightMode,
    kernel_px: int,
    frame: Frame,
    precise_gain: float,
    pseudo_gain: float,
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the boundary weights of every label map of ROOT.

    Says first, from a few samples, what the files take on disk and in which range the weights of
    a loss are. Files that are up to date stay, so a killed run goes on.

    \b
    Examples:
      mass13k weights MaSS13K --split val --out weight-pictures
      mass13k weights MaSS13K --out weights --format npz
    """
    from mass13k_tools.boundaries.cost import Gains, check_room, estimate
    from mass13k_tools.boundaries.derived import Target
    from mass13k_tools.boundaries.report import cost_json, outcome_json, print_cost, print_outcome
    from mass13k_tools.boundaries.weights import CompactSettings, PreviewSettings
    from mass13k_tools.boundaries.writing import find_work, write_all

    settings: CompactSettings | PreviewSettings = (
        CompactSettings(mode, kernel_px, frame)
        if file_format == "npz"
        else PreviewSettings(kernel_px, frame)
    )
    target = Target(out, dataset.taxonomy, overwrite)
    gains = Gains(precise_gain, pseudo_gain, mode)
    samples = dataset.samples
    refuse_own_files(target.paths(samples, settings.suffix), dataset.files)
    work = find_work(samples, settings=settings, target=target, workers=workers)
    cost = None
    if work.files or _gains_are_given():
        cost = estimate(
            samples, settings=settings, target=target, gains=gains, work=work, workers=workers
        )
        print_cost(cost, len(samples), suffix=settings.suffix)
        check_room(cost, out)
    outcome = write_all(samples, settings=settings, target=target, workers=workers, title="weights")
    if as_json:
        echo_json(outcome_json(outcome, out) | cost_json(cost))
    else:
        print_outcome(outcome, out)
    end_with_failures(outcome.failures, outcome.samples)


def _gains_are_given() -> bool:
    """Say whether the range of a loss is asked for, though there may be nothing to write."""
    context = click.get_current_context()
    sources = map(context.get_parameter_source, ("precise_gain", "pseudo_gain"))
    return ParameterSource.COMMANDLINE in sources
