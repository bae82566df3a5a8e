"""No name, however odd, breaks a table or commands the terminal."""

import sys

import pytest
from click.testing import CliRunner
from rich.table import Table

from mass13k_tools.cli import main
from mass13k_tools.layouts import find_dataset
from mass13k_tools.printing import console, one_line

ODD = "0\x1b[2J\nb\tc\x9b\u202e"
ESCAPED = r"0\x1b[2J\nb\tc\x9b\u202e"
linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def odd_dataset(tiny_dataset):
    sample = find_dataset(tiny_dataset).samples[0]
    sample.image_path.rename(sample.image_path.with_name(f"{ODD}.jpg"))
    sample.label_path.rename(sample.label_path.with_name(f"{ODD}.png"))
    return tiny_dataset


def test_one_line_escapes_what_is_no_letter_and_nothing_else():
    assert one_line(ODD) == ESCAPED
    letters = r"São Paulo, 東京\u3000, می‌خواهم, C:\new, \udcff, 👩‍🌾"
    assert one_line(letters) == letters


def test_every_text_of_a_table_is_one_line(capsys):
    table = Table(title=f"title {ODD}", caption=f"caption {ODD}")
    table.add_column(f"column {ODD}")
    table.add_row(f"cell {ODD}")
    console().print(table)
    printed = capsys.readouterr().out
    for place in ("title", "caption", "column", "cell"):
        assert f"{place} {ESCAPED}" in printed
    assert not set(printed) & {"\x1b", "\t", "\x9b", "\u202e"}


@linux
def test_odd_keys_are_escaped_wherever_they_are_printed(odd_dataset, tmp_path):
    label_path = find_dataset(odd_dataset).samples[-1].label_path  # of another sample
    (odd_dataset / "images" / "train" / f"alone{ODD}.jpg").write_bytes(b"")
    commands = [
        ("check", odd_dataset),
        ("split", "list", odd_dataset, "--keys"),
        ("stats", odd_dataset, "--top", 9, "--jobs", 1),
        ("show", odd_dataset, ODD, "--out", tmp_path / "panels", "--side", 50),
        ("show", odd_dataset),
        ("edges", odd_dataset, "--out", label_path.with_name(f"{ODD}.png"), "--jobs", 1),
    ]
    for arguments in commands:
        result = run(*arguments)
        assert ESCAPED in result.output, arguments
        assert not set(result.output) & {"\x1b", "\t", "\x9b", "\u202e"}, arguments


@linux
def test_odd_names_are_escaped_by_the_commands_of_shards(tiny_dataset, tmp_path):
    rows = "".join(f'[[classes]]\nid = {i}\nname = "c{i}"\n' for i in range(7))
    classes = tmp_path / "classes.toml"
    classes.write_text(f'name = "odd \\u001b[2J"\n{rows}')
    out, again = tmp_path / f"shards {ODD}", tmp_path / f"again {ODD}"
    tar = tmp_path / f"{ODD}.tar"
    for arguments in (
        ("shard", tiny_dataset, out, "--classes", classes, "--jobs", 1),
        ("shards", "info", out),
        ("shards", "extract", out, again, "--jobs", 1),
        ("shards", "diff", out, again, "--split", "dev"),
        ("shards", "ls", tar),
    ):
        if tar in arguments:
            (out / "tiny-val-000000.tar").rename(tar)
        result = run(*arguments)
        assert ESCAPED in result.output, arguments
        assert not set(result.output) & {"\x1b", "\t", "\x9b", "\u202e"}, arguments


@linux
def test_odd_keys_are_escaped_in_the_list_of_what_failed(odd_dataset, tmp_path):
    odd = next(one for one in find_dataset(odd_dataset).samples if one.key == ODD)
    odd.label_path.write_bytes(b"no png")
    result = run("edges", odd_dataset, "--out", tmp_path / "out", "--jobs", 1)
    failed = result.stderr[result.stderr.index("1 of 6 failed:") :].splitlines()
    assert len(failed) == 2
    assert f"{ESCAPED}.png: " in failed[1]


def test_odd_names_in_errors_are_escaped(tmp_path):
    result = run("check", tmp_path / f"missing {ODD}")
    assert result.exit_code == 1
    assert f"missing {ESCAPED}'" in result.stderr
    assert result.stderr.count("\n") == 1
