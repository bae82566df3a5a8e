"""The guide to the loader shows what runs."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image as PillowImage

from mass13k_tools.cli import main
from mass13k_tools.loader.order import epoch_order

PAGE = Path(__file__).parent.parent / "docs" / "loader.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


# webdataset leaves it to Python to close the tars that it opens
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_commands_and_code_of_the_guide_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (commands,) = blocks("sh")
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "mass13k"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}"
    names, printed = {}, []
    for code in blocks("python"):
        exec(compile(code, PAGE.name, "exec"), names)
        printed.append(capsys.readouterr().out)
    keys = sorted(path.stem for path in (tmp_path / "demo" / "images" / "train").iterdir())
    one_call, recipe, device, resumption, whole, parts, plain = printed
    first = [keys[index] for index in epoch_order(len(keys), seed=1, epoch=0)[:2]]
    assert one_call.startswith(
        f"torch.Size([2, 3, 1024, 1024]) torch.Size([2, 1024, 1024]) {first}\n"
    )
    assert recipe == "torch.Size([2, 3, 128, 128])\n"
    assert "'image': torch.float32, 'label': torch.uint8, 'edge': torch.uint8" in device
    assert resumption == f"2 samples seen, {len(keys) - 2} left in epoch 0\n"
    assert len(whole.splitlines()) == len(list((tmp_path / "demo" / "images" / "val").iterdir()))
    assert "(3, 192, 256) (192, 256)" in whole
    assert parts == f"{keys[0]} (128, 128, 3) (2, 3)\n"
    assert [line.split()[0] for line in plain.splitlines()] == keys
    key, labels = names["key"], names["labels"]
    with PillowImage.open(tmp_path / "demo" / "annotations" / "train" / f"{key}.png") as picture:
        np.testing.assert_array_equal(labels, picture)
