"""Where the files of a data set lie: from a root folder to samples.

``table`` has the facts, one row per way in which a data set lies on disk; ``listing`` lists one
folder; ``pairs`` finds the folders of a row; ``dataset`` recognises a root and pairs its files;
``predictions`` finds the predicted label maps of its samples in another folder; ``split_names``
orders and checks names of splits; ``own_files`` finds classes and provenance maps in a data set.
"""

from mass13k_tools.layouts.dataset import (
    Dataset,
    PairingFault,
    Sample,
    UnknownLayoutError,
    find_dataset,
    find_label_maps,
)
from mass13k_tools.layouts.own_files import CLASSES, PROVENANCE
from mass13k_tools.layouts.predictions import Predictions, find_predictions
from mass13k_tools.layouts.split_names import check_splits, listed_splits, split_rank
from mass13k_tools.layouts.table import LAYOUT_NAMES

__all__ = [
    "CLASSES",
    "LAYOUT_NAMES",
    "PROVENANCE",
    "Dataset",
    "PairingFault",
    "Predictions",
    "Sample",
    "UnknownLayoutError",
    "check_splits",
    "find_dataset",
    "find_label_maps",
    "find_predictions",
    "listed_splits",
    "split_rank",
]
