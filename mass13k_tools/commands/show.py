"""``mass13k show``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from mass13k_tools.commands.options import (
    FOLDER,
    dataset_options,
    echo_json,
    json_option,
    overwrite_option,
)
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Dataset
from mass13k_tools.outputs import write_file

if TYPE_CHECKING:  # loads OpenCV
    from mass13k_tools.arrays import Image
    from mass13k_tools.panels import Crop, Layer

PANEL_SIDE_PX, GRID_SIDE_PX = 1600, 480
GRID_MOST = 120


def _layers(context: click.Context, parameter: click.Parameter, text: str) -> tuple[Layer, ...]:
    from mass13k_tools.panels import Layer

    layers = tuple(text.split(","))
    for layer in layers:
        if layer not in get_args(Layer):
            raise click.BadParameter(f"'{layer}' is none of {', '.join(get_args(Layer))}")
    return layers  # type: ignore[return-value]  # checked just above


def _crop(context: click.Context, parameter: click.Parameter, text: str | None) -> Crop | None:
    if text is None:
        return None
    try:
        y, x, height, width = map(int, text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is not y,x,h,w in whole pixels") from error
    return y, x, height, width


@click.command()
@dataset_options
@click.argument("keys", nargs=-1, metavar="KEY...")
@click.option(
    "--layers",
    callback=_layers,
    default="image,overlay,label",
    show_default=True,
    help="Left to right, of image, overlay, label and outline.",
)
@click.option("--crop", callback=_crop, metavar="Y,X,H,W", help="Show only this part.")
@click.option(
    "--side",
    "side_px",
    type=click.IntRange(0, 8192),
    help="Longer side of a layer, 0 = full  [default: 1600; in a grid 480]",
)
@click.option("--grid", is_flag=True, help="One contact sheet of the first layer; no KEY = all.")
@click.option(
    "--out", type=FOLDER, default=Path("panels"), show_default=True, help="Folder for the pictures."
)
@overwrite_option
@json_option
def show(
    dataset: Dataset,
    keys: tuple[str, ...],
    layers: tuple[Layer, ...],
    crop: Crop | None,
    side_px: int | None,
    grid: bool,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw samples of ROOT as PNG: image, overlay, label map and a legend.

    \b
    Examples:
      mass13k show demo 00003_b01_20260310_tarnford_id0003
      mass13k show demo KEY --crop 900,1200,256,256 --layers image,label
      mass13k show demo --grid --layers overlay --split val
    """
    from mass13k_tools.images import png_bytes
    from mass13k_tools.panels import Look, contact_sheet, panel

    _check_keys(dataset, keys, everything=grid)
    chosen = [sample for sample in dataset.samples if not keys or sample.key in keys]
    side_px = (GRID_SIDE_PX if grid else PANEL_SIDE_PX) if side_px is None else side_px
    look = Look(layers, crop, side_px)
    pictures: dict[str, Callable[[], Image]]  # file name -> how to draw it, one at a time
    if grid:
        pictures = {"grid.png": partial(contact_sheet, chosen[:GRID_MOST], dataset.taxonomy, look)}
        if len(chosen) > GRID_MOST:
            click.echo(f"the first {GRID_MOST} of {len(chosen)}: name KEYs or --split", err=True)
    else:
        twice = Counter(sample.key for sample in chosen)
        pictures = {
            f"{sample.split}-{sample.key}.png" if twice[sample.key] > 1 else f"{sample.key}.png":
            partial(panel, sample, dataset.taxonomy, look)
            for sample in chosen
        }  # fmt: skip
    for name, draw in pictures.items():
        write_file(out / name, png_bytes(draw()), overwrite=overwrite)
        if not as_json:
            click.echo(out / name)
    if as_json:
        echo_json({"pictures": [str(out / name) for name in pictures]})


def _check_keys(dataset: Dataset, keys: tuple[str, ...], *, everything: bool) -> None:
    known = {sample.key for sample in dataset.samples}
    some = dataset.samples[0].key
    for key in keys:
        if key not in known:
            raise DatasetError(
                f"no sample '{key}' in '{dataset.root}', which has such as '{some}'; "
                "'mass13k split list --keys' lists them all"
            )
    if not keys and not everything:
        raise click.UsageError(f"name at least one KEY, such as {some}, or pass --grid")
