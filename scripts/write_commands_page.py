"""Write docs/commands.md from the commands' own help.

Usage: python scripts/write_commands_page.py
"""

from collections.abc import Iterator
from pathlib import Path

import click

from mass13k_tools.cli import main

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
WIDTH = 96


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Give the full name and the help of a command and of all commands below it."""
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from walk(below, click.Context(below, info_name=name, parent=context))


def commands_page() -> str:
    """Put the help of every command under a heading of its own."""
    context = click.Context(
        main, info_name="mass13k", max_content_width=WIDTH, terminal_width=WIDTH
    )
    sections = [f"## {name}\n\n```text\n{text}\n```\n" for name, text in walk(main, context)]
    return "\n".join(["# Commands\n", *sections])


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
