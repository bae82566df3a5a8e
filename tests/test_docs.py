"""The documentation says what is true."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from write_commands_page import PAGE, command_paths, commands_page

from mass13k_tools.checks.problems import KINDS
from mass13k_tools.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "cv2", "matplotlib", "webdataset", "scipy", "skimage", "numba", "distributed")


def all_commands():
    """Give every command by the words that lead to it."""
    commands = {}
    for path in command_paths(main):
        command = main
        for name in path:
            command = command.get_command(click.Context(command), name)
        commands[path] = command
    return commands


def code_blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", all_commands())
def test_every_command_has_help_and_so_has_every_option(path):
    command = all_commands()[path]
    assert command.help
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts}"


def test_the_commands_page_is_generated_from_the_help():
    assert PAGE.read_text() == commands_page(), "run: python scripts/write_commands_page.py"
    for path in all_commands():
        assert f"## {' '.join(('mass13k', *path))}\n" in PAGE.read_text()


def test_commands_and_code_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASS13K_CACHE", str(tmp_path / "cache.sqlite"))
    lines = "".join(code_blocks(ROOT / "README.md", "sh")).splitlines()
    assert len(lines) == 5
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "mass13k"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"{line}\n{result.output}"
    assert {path.name for path in tmp_path.iterdir()} >= {"demo", "statistics", "pictures"}
    (code,) = code_blocks(ROOT / "README.md", "python")
    exec(compile(code, "README.md", "exec"), {})
    assert "(192, 256, 3)" in capsys.readouterr().out


def test_the_readme_names_every_room():
    readme = (ROOT / "README.md").read_text()
    for path in (ROOT / "mass13k_tools").iterdir():
        if path.suffix == ".py" or (path / "__init__.py").is_file():
            if path.name != "__init__.py":
                assert path.name in readme, path.name


def test_links_in_the_readme_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target


def test_help_answers_without_loading_heavy_libraries():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from mass13k_tools.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == "[]"


def test_an_unknown_command_is_refused():
    result = CliRunner().invoke(main, ["stat"])
    assert result.exit_code == 2
    assert "No such command 'stat'" in result.output
    assert set(COMMANDS) == {path[0] for path in all_commands() if path}


def test_the_page_on_checks_lists_every_kind_of_problem():
    page = (ROOT / "docs" / "check.md").read_text()
    for kind, (severity, meaning) in KINDS.items():
        assert f"| `{kind}` | {severity} | {meaning} |" in page
