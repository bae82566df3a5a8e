"""``python -m massformer.predict``: label maps of whole photos, and pictures made with them."""

import sys
from pathlib import Path
from typing import get_args

import click
import torch

from mass13k_tools.printing import print_failures
from massformer.checkpoint import LoadedModel, load_model
from massformer.effects import Effect
from massformer.inference.photos import find_photos
from massformer.inference.pipeline import predict_photos
from massformer.inference.predictor import Predictor, Settings
from massformer.inference.products import Kind, Request, Roi
from massformer.inference.report import outcome_json, print_outcome
from massformer.inference.views import Views
from massformer.mmseg_option import mmseg_option
from massformer.program import (
    CHECKPOINT,
    FOLDER,
    echo_json,
    json_option,
    overwrite_option,
    program,
    run,
)
from massformer.run_config import Precision
from massformer.tta_option import tta_option


def _roi(context: click.Context, parameter: click.Parameter, text: str | None) -> Roi | None:
    if text is None:
        return None
    try:
        y, x, height, width = map(int, text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is not y,x,h,w in whole pixels") from error
    return y, x, height, width


@program("predict")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=FOLDER, required=True, help="Folder for KEY.png or SPLIT/KEY.png.")
@click.option("--split", multiple=True, metavar="NAME", help="Of data sets, only this split.")
@click.option("--probability", is_flag=True, help="Probabilities of all classes (NPZ), too.")
@click.option("--edges", is_flag=True, help="What the edge head says, too.")
@click.option("--overlay", is_flag=True, help="The photo under the colours of its classes, too.")
@click.option(
    "--effect",
    "effects",
    multiple=True,
    type=click.Choice(get_args(Effect)),
    help="The photo with its background blurred, or taken away, too; may be repeated.",
)
@click.option(
    "--effect-class",
    metavar="NAME",
    default="person",
    show_default=True,
    help="What effects leave as it is.",
)
@click.option(
    "--blur-px",
    type=click.IntRange(1, 512),
    help="Radius of the blur  [default: 1.2 % of the diagonal]",
)
@click.option("--device", help="Such as cpu, cuda or cuda:1  [default: cuda where there is one]")
@click.option(
    "--dtype",
    type=click.Choice(get_args(Precision)),
    default="float32",
    show_default=True,
    help="Of the arithmetic.",
)
@click.option(
    "--memory-gb",
    type=click.FloatRange(min=0, min_open=True),
    help="GiB that may be used: tiles as large as fit  [default: whole up to 4096x4096]",
)
@click.option("--tile", "tile_px", type=click.IntRange(min=128), help="Longest side of a tile.")
@click.option("--roi", callback=_roi, metavar="Y,X,H,W", help="Predict only this part.")
@tta_option
@mmseg_option(expose_value=False)
@overwrite_option
@json_option
def predict(
    checkpoint: Path,
    images: tuple[Path, ...],
    out: Path,
    split: tuple[str, ...],
    probability: bool,
    edges: bool,
    overlay: bool,
    effects: tuple[Effect, ...],
    effect_class: str,
    blur_px: int | None,
    device: str | None,
    dtype: Precision,
    memory_gb: float | None,
    tile_px: int | None,
    roi: Roi | None,
    views: Views,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Predict IMAGES: files, folders of them, or data sets.

    CHECKPOINT is a folder or a .pt file, as massformer writes them. Files that were made from the
    same network, settings and image stay, so a killed run goes on.

    \b
    Examples:
      python -m massformer.predict massformer-r50 photos --out predictions
      python -m massformer.predict massformer-r50 MaSS13K --split val --out predictions
      python -m massformer.predict massformer-r50 me.jpg --out me --effect bokeh --memory-gb 4
    """
    if tile_px is not None and memory_gb is not None:
        raise click.UsageError("--tile and --memory-gb both say how large tiles are")
    loaded = load_model(checkpoint)
    extra: dict[Kind, bool] = {"probability": probability, "edges": edges, "overlay": overlay}
    request = Request(
        out=out,
        kinds=(
            "labels",
            *(kind for kind, given in extra.items() if given),
            *dict.fromkeys(effects),
        ),
        roi=roi,
        effect_class=_class_number(loaded, effect_class) if effects else 0,
        blur_px=blur_px,
        overwrite=overwrite,
    )
    settings = Settings(dtype=dtype, views=views, tile_px=tile_px, memory_gb=memory_gb)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    photos = find_photos(images, splits=split)
    outcome = predict_photos(photos, Predictor(loaded, settings, device=device), request)
    if as_json:
        echo_json(outcome_json(outcome, out))
    else:
        print_outcome(outcome, out)
    if outcome.failures:
        print_failures(outcome.failures, len(photos))
        sys.exit(1)


def _class_number(loaded: LoadedModel, name: str) -> int:
    return loaded.taxonomy.classes.index(loaded.taxonomy.find(name))


if __name__ == "__main__":
    run(predict)
