"""The option by which programs average over views of an image (test-time augmentation)."""

from typing import TYPE_CHECKING

import click

from mass13k_tools.errors import DatasetError

if TYPE_CHECKING:
    from massformer.inference.views import Views


def _views(context: click.Context, parameter: click.Parameter, text: str) -> "Views":
    from massformer.inference.views import parse_views

    try:
        return parse_views(text)
    except DatasetError as error:
        raise click.BadParameter(str(error)) from error


tta_option = click.option(
    "--tta",
    "views",
    default="",
    callback=_views,
    metavar="VIEWS",
    help="Average over scales and mirror images as well, such as flip,0.75,1.25.",
)
