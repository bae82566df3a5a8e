"""``python -m massformer.info``."""

import time
from pathlib import Path
from typing import Any

import click

from massformer.program import echo_json, json_option, program, run

SIZES_HW = ((3072, 4096), (4096, 4096))
MEASURED_HW = SIZES_HW[0]
LEAST_PX, MOST_PX = 64, 2**15  # of each side of an image
PAPER_GMACS = {"massformer": 2036, "massformer-lite": 771}  # Table 2, printed as FLOPs


@program("info")
@click.argument("network")
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Change a setting.")
@click.option("--size", metavar="WxH", help="Count for images of this size, too.")
@click.option(
    "--measure",
    is_flag=True,
    help="Also predict an image of --size: time and memory  [default: 4096x3072]",
)
@json_option
def info(
    network: str, overrides: tuple[str, ...], size: str | None, measure: bool, as_json: bool
) -> None:
    """Show what a network takes: parameters and multiply-adds.

    NETWORK is a preset, a TOML file or a checkpoint. Multiply-adds are those of convolutions,
    linear layers and matrix products; kernels of deformable convolutions and products of attention
    stand apart. The paper prints them as FLOPs.

    \b
    Examples:
      python -m massformer.info massformer
      python -m massformer.info massformer-lite --size 1024x768 --measure --json
    """
    from massformer.checkpoint import load_model, unfilled_model
    from massformer.config import load_config
    from massformer.macs import count_macs

    if Path(network).is_dir() or network.endswith(".pt"):
        if overrides:
            raise click.UsageError("--set: the settings of a checkpoint are those of its weights")
        config = load_model(Path(network)).config
    else:
        config = load_config(network, overrides).model
    asked = _size(size) if size else None
    sizes = dict.fromkeys([*SIZES_HW, *([asked] if asked else [])])
    model = unfilled_model(config)
    found: dict[str, Any] = {
        "parameters": sum(each.numel() for each in model.parameters()),
        "trainable": sum(each.numel() for each in model.parameters() if each.requires_grad),
        "macs": {f"{w}x{h}": _table(count_macs(config, (h, w))) for h, w in sizes},
        "paper_gmacs": PAPER_GMACS.get(network) if not overrides else None,
    }
    if measure:
        found["measured"] = _measured(config, asked or MEASURED_HW)
    if as_json:
        echo_json(found)
    else:
        _print(found)


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is not WIDTHxHEIGHT in whole pixels") from error
    if min(width, height) < LEAST_PX or max(width, height) > MOST_PX:
        raise click.BadParameter(f"'{text}' is not {LEAST_PX} to {MOST_PX} pixels each way")
    return height, width


def _table(blocks: dict[str, Any]) -> dict[str, Any]:
    from massformer.macs import added

    everything = added(*blocks.values())
    return {
        "total": everything.total,
        "without_deformable": everything.total - everything.deformable,
        "without_deformable_and_attention": everything.plain,
        "blocks": {name: macs._asdict() for name, macs in blocks.items()},
    }


def _measured(config: Any, size_hw: tuple[int, int]) -> dict[str, Any]:
    """Predict one image of noise on the CPU with fresh weights, as the program ``predict`` does."""
    import torch

    from mass13k_tools.classes import MASS13K
    from massformer.checkpoint import LoadedModel
    from massformer.inference.budget import peak_bytes
    from massformer.inference.predictor import Predictor
    from massformer.peers import build_network

    predictor = Predictor(LoadedModel(build_network(config), config, MASS13K))  # no ids are asked
    image = torch.randint(0, 256, (*size_hw, 3), dtype=torch.uint8).numpy()
    started = time.perf_counter()
    for _ in predictor.strips(image):
        pass
    return {
        "size": f"{size_hw[1]}x{size_hw[0]}",
        "seconds": time.perf_counter() - started,
        "peak_memory_bytes": peak_bytes(),
    }


def _print(found: dict[str, Any]) -> None:
    from rich.table import Table

    from mass13k_tools.printing import console

    click.echo(f"parameters {found['parameters']:,}, trained {found['trainable']:,}")
    for size, counts in found["macs"].items():
        table = Table("block", "plain", "deformable", "attention", title=f"G multiply-adds, {size}")
        for name, macs in counts["blocks"].items():
            table.add_row(name, *(f"{value / 1e9:,.1f}" for value in macs.values()))
        table.add_section()
        table.add_row("all", f"{counts['total'] / 1e9:,.1f}")
        table.add_row("without deformable", f"{counts['without_deformable'] / 1e9:,.1f}")
        console().print(table)
    if found["paper_gmacs"]:
        click.echo(f"the paper prints {found['paper_gmacs']:,} G")
    if measured := found.get("measured"):
        memory = measured["peak_memory_bytes"]
        held = f" and {memory / 2**30:.1f} GiB at most" if memory is not None else ""
        click.echo(f"one image of {measured['size']} took {measured['seconds']:.1f} s{held}")


if __name__ == "__main__":
    run(info)
