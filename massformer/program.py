"""What the programs ``python -m massformer.NAME`` have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mass13k_tools.printing import json_bytes, mistakes_in_one_line

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
CHECKPOINT = click.Path(exists=True, path_type=Path)  # a folder or a file

overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that are there.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")


class Program(click.Command):
    """A command whose user's mistakes are one line and exit 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with mistakes_in_one_line():
            return super().invoke(ctx)


def program(name: str) -> Callable[[Callable[..., Any]], Program]:
    """Make a program of a function; its name is that of its module."""
    settings = {"help_option_names": ["-h", "--help"]}
    return click.command(f"python -m massformer.{name}", cls=Program, context_settings=settings)


def run(command: Program) -> None:
    """Run a program as its module does when Python is started with it."""
    command(prog_name=command.name)


def echo_json(content: Any) -> None:
    """Print one JSON object on stdout; numbers that are not finite must be null already."""
    click.echo(json_bytes(content), nl=False)
