"""Options that mean the same in every command."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from mass13k_tools.cli import main


@pytest.mark.parametrize(
    "arguments",
    [
        *(["edges", "ROOT", "--out", ""], ["weights", "ROOT", "--out", ""], ["sample", ""]),
        *(["show", "ROOT", "KEY", "--out", ""], ["show", "ROOT", "KEY", "--pred", ""]),
        *(["stats", "ROOT", "--out", ""], ["stats", "ROOT", "--cache", ""], ["check", ""]),
        *(["split", "draw", "ROOT", "--out", ""], ["check", "ROOT", "--classes", ""]),
        *(["check", "ROOT", "--lists", ""], ["evaluate", "", "ROOT"], ["evaluate", "ROOT", ""]),
        ["evaluate", "ROOT", "ROOT", "--out", ""],
    ],
    ids=" ".join,
)
def test_an_empty_name_is_not_taken_for_the_current_folder(tiny_dataset, monkeypatch, arguments):
    (tiny_dataset.parent / "here").mkdir()
    monkeypatch.chdir(tiny_dataset.parent / "here")
    arguments = [str(tiny_dataset) if word == "ROOT" else word for word in arguments]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "an empty name; '.' is the current folder" in result.stderr
    assert list(Path().iterdir()) == []
