"""The command ``mass13k``: a list of commands, each loaded when it is asked for."""

import errno
import importlib
import io
import sys
from typing import Any

import click

from mass13k_tools import __version__
from mass13k_tools.errors import DatasetError
from mass13k_tools.printing import one_line

COMMANDS = (
    *("sample", "check", "split", "stats", "edges", "weights"),
    *("shard", "shards", "evaluate", "compare", "show"),
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
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # file names may hold bytes that are no text
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except DatasetError as error:
            raise click.ClickException(one_line(str(error))) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader has seen enough; click knows what to do
                raise
            raise click.ClickException(one_line(str(error))) from error


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
