"""``python -m massformer.export``."""

from pathlib import Path

import click

from massformer.program import CHECKPOINT, overwrite_option, program, run

CHECKED_SIZES_HW = ((64, 64), (203, 331))
MOST_LABEL_SHARE = 0.001  # two classes of equal score
MOST_APART = 1e-3


@program("export")
@click.argument("checkpoint", type=CHECKPOINT)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="A .onnx, or a .pt2 that torch.export.load reads.",
)
@click.option("--scores", is_flag=True, help="Also give the scores of all classes.")
@overwrite_option
def export(checkpoint: Path, out: Path, scores: bool, overwrite: bool) -> None:
    """Write the network in CHECKPOINT as one graph for other programs.

    The graph takes uint8 RGB images of any number and any size from 64x64 on, and gives label maps
    of class ids and the probability of edges. It is compared with the network before it is written.

    \b
    Examples:
      python -m massformer.export runs/lite/best-biou --out lite.onnx
      python -m massformer.export runs/lite/best-biou --out lite.pt2 --scores
    """
    from mass13k_tools.errors import DatasetError
    from mass13k_tools.outputs import write_file
    from mass13k_tools.printing import print_line
    from massformer.checkpoint import load_model
    from massformer.deployment import FORMATS, Deployed, check_installed, difference, traced

    if out.suffix not in FORMATS:
        raise DatasetError(f"'{out}' ends in '{out.suffix}', expected {' or '.join(FORMATS)}")
    if out.exists() and not overwrite:
        raise DatasetError(f"'{out}' is there already; pass --overwrite to replace it")
    check_installed(out.suffix)
    to_bytes, to_graph = FORMATS[out.suffix]
    deployed = Deployed(load_model(checkpoint), scores=scores)
    click.echo("writing the graph takes half a minute or more", err=True)
    content = to_bytes(traced(deployed), deployed)
    graph = to_graph(content)
    for height, width in CHECKED_SIZES_HW:
        found = difference(graph, deployed, (height, width))
        apart = "" if found.apart is None else f", edges or scores by {found.apart:.1g} at most"
        said = f"at {height}x{width} {found.label_share:.2%} of the labels differ{apart}"
        if found.label_share > MOST_LABEL_SHARE or not (found.apart or 0) < MOST_APART:
            raise DatasetError(f"the graph is not the network: {said}; nothing was written")
        click.echo(said)
    write_file(out, content, overwrite=overwrite)
    print_line(f"{out}: {len(content) / 2**20:.1f} MiB")


if __name__ == "__main__":
    run(export)
