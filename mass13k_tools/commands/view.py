"""``mass13k view``."""

from __future__ import annotations

from pathlib import Path

import click

from mass13k_tools.commands.options import FILE, FOLDER
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import LAYOUT_NAMES
from mass13k_tools.printing import print_line
from mass13k_tools.taxonomy_file import read_taxonomy


@click.command()
@click.argument("root", metavar="ROOT")
@click.option(
    "--layout",
    type=click.Choice(LAYOUT_NAMES),
    metavar="NAME",
    help=f"How the files lie: {', '.join(LAYOUT_NAMES)}  [default: recognised]",
)
@click.option("--classes", type=FILE, help="Taxonomy (TOML) in place of the layout's own.")
@click.option("--split", multiple=True, metavar="NAME", help="Only this split; may be repeated.")
@click.option(
    "--pred", multiple=True, type=FOLDER, help="Folder of predicted label maps; may be repeated."
)
@click.option("--scores", type=FILE, help="CSV of numbers by photo, such as scores.csv.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8013, show_default=True, help="0 = a free one."
)
@click.option(
    "--cache-mb",
    type=click.IntRange(min=64),
    default=1024,
    show_default=True,
    help="Most MiB of decoded pictures to keep.",
)
@click.option("--export", "site", type=FOLDER, help="Write the pages to this new folder and end.")
def view(
    root: str,
    layout: str | None,
    classes: Path | None,
    split: tuple[str, ...],
    pred: tuple[Path, ...],
    scores: Path | None,
    host: str,
    port: int,
    cache_mb: int,
    site: Path | None,
) -> None:
    """See photos, label maps and predictions in a browser.

    ROOT is a data set in folders or in shards, on this machine or at an address.

    \b
    Examples:
      mass13k view demo
      mass13k view shards --pred runs/a --pred runs/b --scores runs/a/scores.csv
      mass13k view demo --split val --export site
    """
    from mass13k_tools.pool import cores
    from mass13k_tools.viewer.opening import open_answers, open_photos

    taxonomy = read_taxonomy(classes) if classes else None
    photos = open_photos(root, splits=split, taxonomy=taxonomy, layout=layout)
    answers = open_answers(photos, predictions=pred, scores=scores, cache_mb=cache_mb)
    if site is not None:
        from mass13k_tools.viewer.export import export_site

        count = export_site(answers, site)
        print_line(f"{count} photos; open {site / 'index.html'}")
        return
    try:
        from mass13k_tools.viewer.serving import serve
    except ImportError as error:
        raise DatasetError(
            f"this needs {error.name}, which is not installed: pip install 'mass13k[web]'"
        ) from error
    serve(answers, host=host, port=port, decoders=cores())
