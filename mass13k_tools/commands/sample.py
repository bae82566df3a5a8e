"""``mass13k sample``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mass13k_tools.commands.options import (
    FOLDER,
    echo_json,
    end_with_failures,
    json_option,
    overwrite_option,
    worker_options,
)

if TYPE_CHECKING:  # loads processes and progress bars, so the command imports it when it runs
    from mass13k_tools.pool import Workers

FULL, TINY = (24, "3072x4096"), (8, "192x256")  # images and their size


@click.command()
@click.argument("out", type=FOLDER)
@click.option(
    "--images", type=click.IntRange(1, 1_000_000), help="How many  [default: 24; tiny: 8]"
)
@click.option("--size", metavar="HxW", help="Height and width  [default: 3072x4096; tiny: 192x256]")
@click.option("--tiny", is_flag=True, help="Few and small ones, in seconds.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another gives others."
)
@worker_options
@overwrite_option
@json_option
def sample(
    out: Path, images: int | None, size: str | None, tiny: bool, seed: int, workers: Workers,
    overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write a procedural sample data set, splits included.

    Scenes of places with exact labels in MaSS13K's layout; the same seed gives the same bytes.

    \b
    Example:
      mass13k sample sample/ --images 24 --jobs 4
    """
    from mass13k_tools.pool import run
    from mass13k_tools.printing import bytes_text, print_line
    from mass13k_tools.scenes.writing import SampleRequest, start_sample, write_scene

    default_images, default_size = TINY if tiny else FULL
    height, _, width = (size or default_size).lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise click.BadParameter(f"'{size}', expected such as 3072x4096", param_hint="--size")
    count, size_hw = images or default_images, (int(height), int(width))
    request = SampleRequest(out, count, seed, size_hw, overwrite)
    start_sample(request)
    paint = partial(write_scene, request=request)
    done = list(run(paint, range(count), workers=workers, title="paint"))
    failures = [(f"scene {scene.item}", scene.failure) for scene in done if scene.failure]
    written, total = count - len(failures), sum(scene.result or 0 for scene in done)
    if as_json:
        content = {"out": str(out), "images": written, "bytes": total, "seed": seed}
        echo_json(content | {"size": size_hw, "failures": dict(failures)})
    else:
        print_line(f"{written} images with label maps, {bytes_text(total)}, in {out}")
    end_with_failures(failures, count)
    if not as_json:
        print_line(f"Next: mass13k stats {out} --metric mipq")
