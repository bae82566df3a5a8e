"""Write docs/commands.md from the commands' own help.

Usage: python scripts/write_commands_page.py
"""

from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from mass13k_tools.cli import main

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
WIDTH = 96


def command_paths(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the words that lead to a command and to all commands below it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from command_paths(below, (*path, name))


def commands_page() -> str:
    """Put the help of every command under a heading of its own."""
    page = "# Commands\n"
    for path in command_paths(main):
        help_text = CliRunner().invoke(
            main,
            [*path, "--help"],
            prog_name="mass13k",
            terminal_width=WIDTH,
            max_content_width=WIDTH,
        )
        page += f"\n## {' '.join(('mass13k', *path))}\n\n```text\n{help_text.output}```\n"
    return page


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
