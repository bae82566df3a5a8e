"""Nothing waits for a pipe, whatever a user names as input."""

import os

import pytest
from click.testing import CliRunner

from mass13k_tools.cli import main
from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import check_ordinary, read_bytes


def test_ordinary_files_are_read_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"\0content")
    assert read_bytes(tmp_path / "a") == b"\0content"


def test_messages_name_the_kind_of_file_and_the_reason(tmp_path):
    with pytest.raises(DatasetError, match=r"cannot read taxonomy '.*gone': No such file"):
        read_bytes(tmp_path / "gone", kind="taxonomy")
    with pytest.raises(DatasetError, match=r"cannot read '.*': it is no ordinary file"):
        check_ordinary(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(
    "arguments",
    [
        ["stats", "--classes", "PIPE"],
        ["split", "draw", "--stats", "PIPE"],
        ["split", "list", "--lists", "FOLDER"],
    ],
)
def test_no_command_waits_for_a_pipe(tiny_dataset, tmp_path, arguments):
    folder = tmp_path / "lists"
    folder.mkdir()
    os.mkfifo(folder / "train.txt")
    names = {"PIPE": str(folder / "train.txt"), "FOLDER": str(folder)}
    result = CliRunner().invoke(
        main, [*(names.get(argument, argument) for argument in arguments), str(tiny_dataset)]
    )
    assert result.exit_code == 1
    assert "it is no ordinary file" in result.stderr
