"""Mistakes with the class for all else, as ``mass13k evaluate`` tells them apart."""

import json
from inspect import signature

import numpy as np
import pytest
from click.testing import CliRunner

from mass13k_tools.cli import main
from mass13k_tools.commands.evaluate import evaluate as evaluate_command
from mass13k_tools.evaluation.image import Settings
from mass13k_tools.images import png_bytes
from mass13k_tools.ops.census import THIN_PX
from mass13k_tools.ops.mistakes import SMALL_PX, mistakes


def evaluate(folder, *arguments):
    command = ["evaluate", folder / "pred", folder / "gt", "--jobs", 1, *arguments]
    result = CliRunner().invoke(main, [*map(str, command)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def folder(tmp_path):
    """One prediction with 300 pixels of class 7 and 100 of class 0 taken for class 3."""
    truth = np.full((100, 120), 3, np.uint8)
    truth[:30, :10], truth[50:60, :10] = 7, 0
    for name, label_map in (("gt", truth), ("pred", np.full_like(truth, 3))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(png_bytes(label_map))
    return tmp_path


def classes(folder, names):
    rows = [f'[[classes]]\nid = {i}\nname = "{name}"\n' for i, name in names.items()]
    (folder / "classes.toml").write_text("".join(rows))
    return "--classes", folder / "classes.toml"


def test_the_class_for_all_else_may_have_any_id_and_its_name_heads_a_column(folder):
    asked = classes(folder, {0: "road", 3: "wall", 7: "others"})
    found = json.loads(evaluate(folder, *asked, "--json"))["mistakes"]
    assert found["small"] == {"pixels": 400, "wrong": 400, "wrong_with_rest": 300}
    assert "of these with others %" in " ".join(evaluate(folder, *asked).split())


def test_the_sizes_are_those_of_the_library():
    defaults = {option.name: option.default for option in evaluate_command.params}
    assert (defaults["thin_px"], defaults["small_px"]) == (THIN_PX, SMALL_PX)
    of_mistakes = signature(mistakes).parameters
    for name in ("thin_px", "small_px"):
        assert defaults[name] == getattr(Settings(), name) == of_mistakes[name].default


def test_where_every_class_is_something_named_nothing_is_told_apart(folder):
    asked = classes(folder, {0: "road", 3: "wall", 7: "car"})
    found = json.loads(evaluate(folder, *asked, "--json"))["mistakes"]
    assert found["small"] == {"pixels": 400, "wrong": 400, "wrong_with_rest": None}
    assert "of these with" not in evaluate(folder, *asked)
