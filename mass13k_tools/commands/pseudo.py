"""``mass13k pseudo``: a list of commands, each loaded when it is asked for."""

import importlib

import click

COMMANDS = {
    "import": "pseudo_import",
    "generate": "pseudo_generate",
    "refine": "pseudo_refine",
    "merge": "pseudo_merge",
    "undo": "pseudo_undo",
}


class LazyCommands(click.Group):
    """A group whose command NAME is ``mass13k_tools.commands.pseudo_NAME.pseudo_NAME``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mass13k_tools.commands.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, COMMANDS[cmd_name])
        return command


@click.group(cls=LazyCommands)
def pseudo() -> None:
    """Label new classes by SAM and its kin, and merge them into label maps.

    \b
    A new class takes three steps:
      mass13k pseudo generate ROOT --prompt car --out masks   (or import, for results you have)
      mass13k pseudo merge ROOT masks --class car --out merged
      python -m massformer.train ... --set data.root=merged
    """
