"""Commands run within a test, and what lies in folders before and after them."""

import json

from click.testing import CliRunner

from mass13k_tools.classes import MASS13K
from mass13k_tools.cli import main
from mass13k_tools.images import read_label_map
from mass13k_tools.layouts import find_dataset


def mass13k(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def mass13k_json(*arguments, code=0):
    result = mass13k(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def files(folder):
    """Give the path of every file in a folder by its place below it."""
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def bytes_of(folder):
    return {name: path.read_bytes() for name, path in files(folder).items()}


def label_maps(root):
    """Give the label map of every sample by its place below an output folder."""
    return {
        f"{sample.split}/{sample.key}": read_label_map(sample.label_path, MASS13K)
        for sample in find_dataset(root).samples
    }
