"""Who watches a run."""

import sys

from mass13k_tools.loader.sources import Source
from massformer.engine import Run
from massformer.run_folder import RunFolder
from massformer.watch.model_card import ModelCard, Trained
from massformer.watch.pictures import Pictures
from massformer.watch.seam import Watch, Watcher
from massformer.watch.tables import Tables, Terminal
from massformer.watch.tensorboard import TensorBoard
from massformer.watch.weights_and_biases import WeightsAndBiases


def watch_run(
    run: Run, folder: RunFolder, source: Source, truth: Source | None, *, wandb: bool = False
) -> Watch:
    """Call everyone who watches a run; on the first rank only.

    Args:
        run: Before its first step, or where it goes on.
        folder: Of the run, which is begun.
        source: What is learned from.
        truth: What is scored during training, if anything.
        wandb: Also send all to Weights & Biases.
    """
    if not run.ranks.first:
        return Watch(())
    config = run.config
    watchers: list[Watcher] = [
        Tables(folder),  # before Pictures, which draw what stands in them
        Terminal(config.train.steps),
        Pictures(folder),
        ModelCard(
            folder,
            Trained(
                config,
                source.taxonomy,
                parameters=sum(each.numel() for each in run.model.parameters()),
                samples=len(source),
                val_samples=0 if truth is None else len(truth),
                batch=config.data.batch_size * config.train.accumulate * run.ranks.count,
            ),
        ),
    ]
    try:
        watchers.append(TensorBoard(folder.path / "tensorboard", done=run.step))
    except ImportError:
        print(
            "no logs for TensorBoard: the package 'tensorboard' is not installed; "
            "pip install 'mass13k[train]'",
            file=sys.stderr,
        )
    if wandb:
        watchers.append(WeightsAndBiases(folder.path, config))
    return Watch(watchers)
