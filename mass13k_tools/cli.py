"""The command ``mass13k``: a list of commands, each loaded when it is asked for."""

import importlib
from typing import Any

import click

from mass13k_tools import __version__
from mass13k_tools.printing import mistakes_in_one_line

COMMANDS = (
    *("sample", "check", "split", "stats", "edges", "weights"),
    *("shard", "shards", "evaluate", "compare", "show", "view", "report", "pseudo"),
)


class LazyGroup(click.Group):
    """A group whose commands live in ``mass13k_tools.commands.NAME`` as ``NAME``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mass13k_tools.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error in the user's data is one line and exit 1."""
        with mistakes_in_one_line():
            return super().invoke(ctx)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mass13k")
def main() -> None:
    """Tools for matting-level semantic segmentation data sets: MaSS13K and folders like it.

    \b
    Start with:
      mass13k sample demo              a small data set of our own making
      mass13k check demo               is every pair sound?
      mass13k stats demo               how large, how complex, which classes?
    """
