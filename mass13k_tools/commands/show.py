"""``mass13k show``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
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
from mass13k_tools.layouts import Dataset, Sample, find_predictions
from mass13k_tools.outputs import refuse_own_files, write_file
from mass13k_tools.panels.look import OF_PREDICTIONS, Crop, Layer, Look
from mass13k_tools.printing import one_line, print_line

if TYPE_CHECKING:  # loads OpenCV
    from mass13k_tools.arrays import Image

PANEL_SIDE_PX, GRID_SIDE_PX = 1600, 480
GRID_MOST = 120
LAYERS: tuple[Layer, ...] = ("image", "overlay", "label")
LAYERS_WITH_PREDICTION: tuple[Layer, ...] = ("image", "label", "prediction", "error")
GRID_WITH_PREDICTION: tuple[Layer, ...] = ("error",)


def _layers(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[Layer, ...]:
    if text is None:
        return ()
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
    metavar="NAMES",
    help=f"Left to right, of {', '.join(get_args(Layer))}  "
    f"[default: {','.join(LAYERS)}; with --pred "
    f"{','.join(LAYERS_WITH_PREDICTION)}, in a grid {','.join(GRID_WITH_PREDICTION)}]",
)
@click.option("--pred", type=FOLDER, help="Folder of predicted label maps named by key.")
@click.option("--class", "class_name", metavar="NAME", help="Errors of this class alone.")
@click.option("--crop", callback=_crop, metavar="Y,X,H,W", help="Show only this part.")
@click.option(
    "--side",
    "side_px",
    type=click.IntRange(0, 8192),
    help="Longer side of a layer, 0 = full  [default: 1600; in a grid 480]",
)
@click.option("--grid", is_flag=True, help="One contact sheet of the first layer; no KEY = all.")
@click.option("--pairs", is_flag=True, help="One file a layer, all of one size, without legend.")
@click.option(
    "--out", type=FOLDER, default=Path("panels"), show_default=True, help="Folder for the pictures."
)
@overwrite_option
@json_option
def show(
    dataset: Dataset,
    keys: tuple[str, ...],
    layers: tuple[Layer, ...],
    pred: Path | None,
    class_name: str | None,
    crop: Crop | None,
    side_px: int | None,
    grid: bool,
    pairs: bool,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw samples of ROOT as PNG: layers and a legend.

    \b
    Examples:
      mass13k show demo 00003_b01_20260310_tarnford_id0003
      mass13k show demo KEY --crop 900,1200,256,256 --layers image,label,edges
      mass13k show demo KEY --pred runs/a --class tree --layers image,error
      mass13k show demo --grid --layers overlay --split val
    """
    from mass13k_tools.images import png_bytes

    if not layers and pred:
        layers = GRID_WITH_PREDICTION if grid else LAYERS_WITH_PREDICTION
    layers = layers or LAYERS
    shown = layers[:1] if grid else layers
    _check_request(shown, pred=pred, class_name=class_name, grid=grid, pairs=pairs)
    _check_keys(dataset, keys, everything=grid)
    chosen = [sample for sample in dataset.samples if not keys or sample.key in keys]
    look = Look(
        shown,
        crop,
        (GRID_SIDE_PX if grid else PANEL_SIDE_PX) if side_px is None else side_px,
        find_predictions(pred, chosen) if pred else None,
        dataset.taxonomy.find(class_name) if class_name else None,
    )
    names = ["grid.png"] if grid else _file_names(chosen, shown, pairs=pairs)
    inputs = look.predictions.paths.values() if look.predictions else ()
    refuse_own_files([out / name for name in names], dataset.files.union(inputs))
    written = []
    pictures = _pictures(dataset, chosen, look, grid=grid, pairs=pairs)
    for name, picture in zip(names, pictures, strict=True):
        write_file(out / name, png_bytes(picture), overwrite=overwrite)
        written.append(str(out / name))
        if not as_json:
            print_line(out / name)
    if as_json:
        echo_json({"pictures": written})


def _file_names(chosen: Sequence[Sample], layers: Sequence[Layer], *, pairs: bool) -> list[str]:
    """Name the pictures of all samples, before any is drawn; with ``pairs`` one a layer.

    Raises:
        DatasetError: Pictures of two samples would have one name.
    """
    endings = [f"-{layer}.png" for layer in layers] if pairs else [".png"]
    times = Counter(sample.key for sample in chosen)
    owners: dict[str, Sample] = {}
    for sample in chosen:
        stem = f"{sample.split}-{sample.key}" if times[sample.key] > 1 else sample.key
        for ending in endings:
            other = owners.setdefault(f"{stem}{ending}", sample)
            if other is not sample:
                raise DatasetError(
                    f"'{stem}{ending}' would show both '{other.key}' ({other.split}) and "
                    f"'{sample.key}' ({sample.split}); draw one after the other, with two --out"
                )
    return list(owners)


def _pictures(
    dataset: Dataset, chosen: Sequence[Sample], look: Look, *, grid: bool, pairs: bool
) -> Iterator[Image]:
    """Draw one picture after the other."""
    from mass13k_tools.panels.sheets import contact_sheet, layer_pictures, panel

    if grid:
        if len(chosen) > GRID_MOST:
            print_line(f"the first {GRID_MOST} of {len(chosen)}: name KEYs or --split", err=True)
        yield contact_sheet(chosen[:GRID_MOST], dataset.taxonomy, look)
        return
    for sample in chosen:
        if pairs:
            yield from layer_pictures(sample, dataset.taxonomy, look).values()
        else:
            yield panel(sample, dataset.taxonomy, look)


def _check_request(
    layers: Sequence[Layer], *, pred: Path | None, class_name: str | None, grid: bool, pairs: bool
) -> None:
    """Refuse options that do not go together."""
    needing = [layer for layer in layers if layer in OF_PREDICTIONS]
    if needing and pred is None:
        raise click.UsageError(f"the layer '{needing[0]}' needs --pred, a folder of predictions")
    if pred is not None and not needing:
        raise click.UsageError(f"--pred is shown only by the layers {', '.join(OF_PREDICTIONS)}")
    if class_name is not None and "error" not in layers:
        raise click.UsageError("--class is for the layer 'error', which is not shown")
    if grid and pairs:
        raise click.UsageError("choose one of --grid and --pairs")


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
        raise click.UsageError(f"name at least one KEY, such as {one_line(some)}, or pass --grid")
