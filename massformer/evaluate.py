"""``python -m massformer.evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from massformer.mmseg_option import mmseg_option
from massformer.program import (
    CHECKPOINT,
    FOLDER,
    echo_json,
    json_option,
    overwrite_option,
    program,
    run,
)
from massformer.tta_option import tta_option

if TYPE_CHECKING:
    from mass13k_tools.loader.sources import Source
    from massformer.inference.views import Views


@program("evaluate")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("root")
@click.option("--split", default="val", show_default=True, help="What is scored.")
@click.option("--compare", type=click.Choice(["paper"]), help="Show published rows beside it.")
@click.option("--predictions", type=FOLDER, help="Keep the label maps in this folder.")
@click.option("--out", type=FOLDER, help="Write scores.json and scores.csv into this folder.")
@click.option("--device", help="Such as cuda:0  [default: a GPU if there is one]")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bf16", "fp16"]),
    default="float32",
    show_default=True,
    help="Of the arithmetic.",
)
@click.option("--memory-gb", type=click.FloatRange(min=0, min_open=True), help="GiB to use.")
@click.option("--workers", type=click.IntRange(min=0), default=2, show_default=True)
@tta_option
@mmseg_option(expose_value=False)
@overwrite_option
@json_option
def evaluate(  # noqa: PLR0913  # as many as options
    checkpoint: Path,
    root: str,
    split: str,
    compare: str | None,
    predictions: Path | None,
    out: Path | None,
    device: str | None,
    dtype: str,
    memory_gb: float | None,
    workers: int,
    views: "Views",
    overwrite: bool,
    as_json: bool,
) -> None:
    """Score the network in CHECKPOINT on whole images of ROOT.

    ROOT is a data set in folders, or shards. Scores and tables are those of mass13k evaluate;
    torchrun shares the images among processes.

    \b
    Examples:
      python -m massformer.evaluate runs/lite/best-biou MaSS13K --split test --out scores
      torchrun --nproc-per-node 4 -m massformer.evaluate runs/lite/best-biou shards
    """
    from mass13k_tools.evaluation.image import Settings
    from mass13k_tools.evaluation.report import evaluation_json, report_files
    from mass13k_tools.evaluation.tables import print_tables
    from mass13k_tools.images import png_bytes
    from mass13k_tools.loader.open_source import open_source
    from mass13k_tools.outputs import write_file, write_files
    from massformer.checkpoint import load_model
    from massformer.inference.predictor import Predictor
    from massformer.inference.predictor import Settings as HowToPredict
    from massformer.inference.products import raw_values
    from massformer.ranks import joined
    from massformer.validation import evaluation_of, predicted, score_predicted

    settings = Settings()
    with joined(device) as ranks:
        loaded = load_model(checkpoint)
        how = HowToPredict(dtype=dtype, memory_gb=memory_gb, views=views)  # type: ignore[arg-type]
        predictor = Predictor(loaded, how, device=str(ranks.device))
        source = open_source(root, split=split)
        if predictions:
            _refuse_own_files(predictions, source)
        outcomes = []
        for each in predicted(predictor, source, ranks, workers=workers):
            outcomes.append(score_predicted(each, predictor, split=split, settings=settings))
            if predictions:
                content = png_bytes(raw_values(predictor.taxonomy)[each.label_map])
                write_file(predictions / f"{each.key}.png", content, overwrite=overwrite)
        gathered = ranks.gathered(outcomes)
        if not ranks.first:
            return
    together = [outcome for part in gathered for outcome in part]
    name = checkpoint.resolve().name + (f" --tta {views.words}" if views.words else "")
    evaluation = evaluation_of(name, together, predictor, settings)
    if as_json:
        echo_json(evaluation_json(evaluation))
    else:
        print_tables(evaluation, compare=compare is not None, top=5, confusion=False)
    if out:  # last of all: scores that cannot be written are shown
        files = {out / name: content for name, content in report_files(evaluation).items()}
        write_files(files, overwrite=overwrite)


def _refuse_own_files(predictions: Path, source: "Source") -> None:
    """Make sure that no label map takes the place of a file of the data set."""
    from mass13k_tools.loader.folder_source import FolderSource
    from mass13k_tools.outputs import refuse_own_files

    if isinstance(source, FolderSource):
        targets = [predictions / f"{key}.png" for key in source.keys]
        own = [path for each in source.samples for path in (each.image_path, each.label_path)]
        refuse_own_files(targets, own)


if __name__ == "__main__":
    run(evaluate)
