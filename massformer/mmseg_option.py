"""The option by which programs know networks of mmsegmentation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from massformer.program import FILE


def mmseg_option(*, expose_value: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Offer networks of mmsegmentation; the parameter ``mmseg`` is the name of the one named."""

    def known(context: click.Context, parameter: click.Parameter, path: Path | None) -> str | None:
        from massformer.mmseg_peers import add_mmseg

        return None if path is None else add_mmseg(path)

    return click.option(
        "--mmseg",
        type=FILE,
        metavar="CONFIG.py",
        callback=known,
        expose_value=expose_value,
        help="Network of mmsegmentation, by its config file; that is Python and is run.",
    )
