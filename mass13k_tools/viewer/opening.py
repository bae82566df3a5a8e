"""From what the command line names to what is shown."""

from collections.abc import Sequence
from pathlib import Path

from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import check_splits, find_dataset, find_predictions
from mass13k_tools.shards.reader import ShardSet
from mass13k_tools.shards.remote_root import root_at
from mass13k_tools.shards.shard_files import holds_shards
from mass13k_tools.viewer.answers import Answers
from mass13k_tools.viewer.cache import Cache
from mass13k_tools.viewer.layers import Layers
from mass13k_tools.viewer.measuring import Measuring
from mass13k_tools.viewer.photos import FolderPhotos, Photos, ShardPhotos
from mass13k_tools.viewer.score_table import ScoreTable, read_score_table


def open_photos(
    address: str,
    *,
    splits: Sequence[str] = (),
    taxonomy: Taxonomy | None = None,
    layout: str | None = None,
) -> Photos:
    """Find the photos of a data set in folders or shards, near or far.

    Raises:
        DatasetError: There is neither, or no such split.
    """
    if holds_shards(address):
        return ShardPhotos(ShardSet.open(address, splits=splits, taxonomy=taxonomy))
    dataset = find_dataset(root_at(address), layout=layout, taxonomy=taxonomy)
    check_splits(splits, (sample.split for sample in dataset.samples), place=address)
    return FolderPhotos(dataset, splits)


def open_answers(
    photos: Photos,
    *,
    predictions: Sequence[Path] = (),
    scores: Path | None = None,
    cache_mb: int = 1024,
) -> Answers:
    """Make the answers about some photos.

    Args:
        photos: What is shown.
        predictions: Folders of predicted label maps.
        scores: A table of numbers by photo.
        cache_mb: Most MiB of decoded pictures and tiles to keep.

    Raises:
        DatasetError: A folder holds no prediction of these photos, or the table is none.
    """
    found = [find_predictions(folder, photos.samples) for folder in predictions]
    for each in found:
        if not each.paths:
            sample = photos.samples[0]
            raise DatasetError(
                f"'{each.folder}' has no prediction of a photo of '{photos.name}', expected such "
                f"as '{sample.split}/{sample.key}.png' or '{sample.key}.png'"
            )
    layers = Layers(photos, found, Cache(cache_mb * 2**20))
    return Answers(layers, Measuring(layers), read_score_table(scores) if scores else ScoreTable())
