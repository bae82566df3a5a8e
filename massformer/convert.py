"""``python -m massformer.convert``: the released network's checkpoints to ours, and back."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from mass13k_tools.printing import console, print_line
from mass13k_tools.taxonomy_file import read_taxonomy
from massformer.checkpoint import (
    FORMAT,
    LoadedModel,
    check_classes,
    files_of,
    load_model,
    save_model,
    write_checkpoint,
)
from massformer.config import ModelConfig, model_table
from massformer.conversion import read_released, released_table, to_ours
from massformer.program import (
    CHECKPOINT,
    FILE,
    echo_json,
    json_option,
    overwrite_option,
    program,
    run,
)
from massformer.weights import Difference, summary

SHOWN = 20  # rows of a report


@program("convert")
@click.argument("checkpoint", type=CHECKPOINT)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder, or file, to write."
)
@click.option("--classes", type=FILE, help="Taxonomy (TOML) of the network, if not MaSS13K's.")
@click.option(
    "--to",
    "target",
    type=click.Choice(["massformer", "released"]),
    default="massformer",
    show_default=True,
    help="Whose names: ours, in a folder; or the released code's, in a .pth file.",
)
@overwrite_option
@json_option
def convert(
    checkpoint: Path, out: Path, classes: Path | None, target: str, overwrite: bool, as_json: bool
) -> None:
    """Make the authors' CHECKPOINT readable here, or ours readable there.

    Nothing in CHECKPOINT is run. Which network it is, its shapes tell. Tensors that are missing,
    too many or of another shape are all listed, and then nothing is written.

    \b
    Examples:
      python -m massformer.convert massformer_r50.pth --out massformer-r50
      python -m massformer.convert massformer-r50 --to released --out again.pth
    """
    taxonomy = read_taxonomy(classes) if classes else None
    if target == "released":
        if taxonomy:
            raise click.UsageError("--classes: our checkpoints know their classes")
        loaded = load_model(checkpoint)
        if any(
            file.exists() and out.exists() and out.samefile(file) for file in files_of(checkpoint)
        ):
            raise DatasetError(f"'{out}' is the network that is read; choose another name")
        write_checkpoint(out, released_table(loaded), overwrite=overwrite)
        left_out: Sequence[str] = ()
    else:
        released = read_released(checkpoint)
        if released.differences:
            _end_with_differences(released.differences, checkpoint, as_json=as_json)
        left_out = released.left_out
        if not classes:
            _check_default_classes(released.config, checkpoint)
        loaded = to_ours(released, taxonomy or MASS13K, f"'{checkpoint}'")
        save_model(out, loaded, overwrite=overwrite)
    if as_json:
        echo_json(_report(loaded, checkpoint=checkpoint, out=out, left_out=left_out))
    else:
        _print_report(loaded, out, left_out)


def _check_default_classes(config: ModelConfig, checkpoint: Path) -> None:
    try:
        check_classes(config, MASS13K, f"'{checkpoint}'")
    except DatasetError as error:
        raise DatasetError(f"{error}; name its classes by --classes FILE") from error


def _end_with_differences(
    differences: Sequence[Difference], checkpoint: Path, *, as_json: bool
) -> None:
    if as_json:
        rows = [row._asdict() for row in differences]
        echo_json({"checkpoint": str(checkpoint), "out": None, "problems": rows})
    else:
        table = Table("problem", "tensor", "found", "expected", box=None)
        for row in differences[:SHOWN]:
            table.add_row(*row)
        console().print(table)
        if len(differences) > SHOWN:
            print_line(f"… and {len(differences) - SHOWN} more; --json has all of them")
    line = f"'{checkpoint}' is not the released network: {summary(differences)}"
    print_line(f"Error: {line}", err=True)
    sys.exit(1)


def _report(
    loaded: LoadedModel, *, checkpoint: Path, out: Path, left_out: Sequence[str]
) -> dict[str, Any]:
    return {
        "checkpoint": str(checkpoint),
        "out": str(out),
        "format": FORMAT,
        "parameters": _parameters(loaded),
        **model_table(loaded.config),
        "classes": loaded.taxonomy.name,
        "left_out": list(left_out),
        "problems": [],
    }


def _print_report(loaded: LoadedModel, out: Path, left_out: Sequence[str]) -> None:
    model = loaded.config
    print_line(
        f"{_parameters(loaded):,} parameters: {model.backbone}, width {model.width}, "
        f"{model.queries} queries, {model.layers} layers, {model.classes} classes of "
        f"'{loaded.taxonomy.name}'"
    )
    if left_out:
        print_line(f"left out, beside the network: {', '.join(left_out)}")
    print_line(out)


def _parameters(loaded: LoadedModel) -> int:
    return sum(parameter.numel() for parameter in loaded.model.parameters())


if __name__ == "__main__":
    run(convert)
