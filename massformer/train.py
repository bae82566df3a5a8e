"""``python -m massformer.train``."""

from pathlib import Path

import click

from massformer.program import FOLDER, program, run


@program("train")
@click.argument("preset")
@click.option("--out", type=FOLDER, help="Folder of the run.")
@click.option(
    "--model", metavar="NAME", help="Train a network of others, such as peer:mask2former-r50."
)
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Change a setting.")
@click.option("--resume", type=click.Choice(["auto"]), help="Go on where a run in OUT stopped.")
@click.option("--wandb", is_flag=True, help="Send logs to Weights & Biases, too.")
@click.option("--device", help="Such as cuda:0  [default: a GPU if there is one]")
@click.option("--print-config", is_flag=True, help="Print all settings and end.")
def train(
    preset: str,
    out: Path | None,
    model: str | None,
    overrides: tuple[str, ...],
    resume: str | None,
    wandb: bool,
    device: str | None,
    print_config: bool,
) -> None:
    """Train a network with the settings of PRESET.

    PRESET is the name of one, or a TOML file. torchrun trains on several GPUs.

    \b
    Examples:
      python -m massformer.train tiny --set data.root=MaSS13K --out runs/tiny
      torchrun --nproc-per-node 4 -m massformer.train massformer --set data.root=shards --out runs/a
    """
    from massformer.config import config_table, load_config, settings_toml
    from massformer.ranks import joined
    from massformer.training import train as train_network

    config = load_config(preset, overrides, model)
    if print_config:
        click.echo(settings_toml(config_table(config)), nl=False)
        return
    if out is None:
        raise click.UsageError("--out is missing: the folder of the run")
    with joined(device) as ranks:
        train_network(config, out, ranks, resume=resume is not None, wandb=wandb)


if __name__ == "__main__":
    run(train)
