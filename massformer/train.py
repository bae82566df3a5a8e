"""``python -m massformer.train``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from massformer.mmseg_option import mmseg_option
from massformer.program import FOLDER, echo_json, json_option, program, run

if TYPE_CHECKING:
    from massformer.config import Config
    from massformer.ranks import Ranks


@program("train")
@click.argument("preset")
@click.option("--out", type=FOLDER, help="Folder of the run.")
@click.option(
    "--model", metavar="NAME", help="Train a network of others, such as peer:mask2former-r50."
)
@mmseg_option(expose_value=True)
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Change a setting.")
@click.option("--resume", type=click.Choice(["auto"]), help="Go on where a run in OUT stopped.")
@click.option("--wandb", is_flag=True, help="Send logs to Weights & Biases, too.")
@click.option("--device", help="Such as cuda:0  [default: a GPU if there is one]")
@click.option("--print-config", is_flag=True, help="Print all settings and end.")
@click.option("--dry-run", "dry", is_flag=True, help="Try all in small, say what it takes and end.")
@json_option
def train(
    preset: str,
    out: Path | None,
    model: str | None,
    mmseg: str | None,
    overrides: tuple[str, ...],
    resume: str | None,
    wandb: bool,
    device: str | None,
    print_config: bool,
    dry: bool,
    as_json: bool,
) -> None:
    """Train a network with the settings of PRESET.

    PRESET is the name of one, or a TOML file. torchrun trains on several GPUs. A dry run writes
    nothing and needs no folder; --json is for it.

    \b
    Examples:
      python -m massformer.train tiny --set data.root=MaSS13K --out runs/tiny
      python -m massformer.train single-gpu --set data.root=shards --dry-run
      python -m massformer.train tiny --model peer:mask2former-r18 --set data.root=MaSS13K --out b
      torchrun --nproc-per-node 4 -m massformer.train massformer --set data.root=shards --out runs/a
    """
    from massformer.config import config_table, load_config, settings_toml
    from massformer.loop import train as train_network
    from massformer.ranks import joined

    chosen = () if mmseg is None else (f"model.network={mmseg}",)
    config = load_config(preset, (*chosen, *overrides), model)
    if print_config:
        click.echo(settings_toml(config_table(config)), nl=False)
        return
    if as_json and not dry:
        raise click.UsageError("--json is for --dry-run")
    if out is None and not dry:
        raise click.UsageError("--out is missing: the folder of the run")
    with joined(device) as ranks:
        if out is None or dry:
            _try(config, ranks, as_json=as_json)
            return
        train_network(config, out, ranks, resume=resume is not None, wandb=wandb)


def _try(config: "Config", ranks: "Ranks", *, as_json: bool) -> None:
    from massformer.dry_run import dry_run, report, report_json

    found = dry_run(config, ranks)
    if not ranks.first:
        return
    if as_json:
        echo_json(report_json(found))
    else:
        click.echo("\n".join(report(found)))


if __name__ == "__main__":
    run(train)
