"""One sample with a label map of almost all classes, and a prediction that is half wrong."""

import numpy as np
from click.testing import CliRunner
from PIL import Image as PillowImage

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.images import read_label_map


def show(*arguments):
    return CliRunner().invoke(main, ["show", *map(str, arguments)])


def draw_truth(sample):
    """Change the first sample's label map: all classes but one occur, and ignore."""
    label_map = read_label_map(sample.label_path, MASS13K)
    label_map[10:40, 70:90] = 0
    PillowImage.fromarray(label_map).save(sample.label_path)
    return label_map


def half_wrong(truth):
    """Predict the left half right, and the right half mostly as one class."""
    prediction = truth.copy()
    prediction[:, 48:] = np.where(prediction[:, 48:] == 0, 3, 0)
    prediction[:20, 60:] = 1
    return prediction


def write_prediction(folder, sample, predicted):
    """Write a prediction of this sample alone into a folder of predictions."""
    path = folder / sample.split / f"{sample.key}.png"
    path.parent.mkdir(parents=True)
    PillowImage.fromarray(predicted).save(path)
    return folder
