"""How reports are written: one console for tables, one way to write numbers, JSON and CSV.

Names of files and classes come from strangers. Whatever is printed goes through :func:`one_line`,
so that no name can break a table or command the terminal.
"""

import csv
import errno
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from mass13k_tools.errors import DatasetError

Number = float | NDArray[np.float64]  # arrays of one number, as means over an axis are

WIDTH = 120  # of tables that go to a file or a pipe
UNITS = ("KiB", "MiB", "GiB", "TiB")
# Commands to a terminal, ends of lines and paragraphs, and what turns the direction of writing
CONTROLS = (*range(32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
ESCAPES = {code: chr(code).encode("unicode_escape").decode() for code in CONTROLS}


class _Console(Console):
    """Prints every string of a table as one line."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(one_line(text), **how)


def console() -> Console:
    """Give a console on stdout that prints names as they are, whatever letters they have."""
    width = None if sys.stdout and sys.stdout.isatty() else WIDTH
    return _Console(width=width, markup=False, emoji=False, highlight=False)


def one_line(text: str) -> str:
    r"""Write control characters as escapes; all letters stay as they are.

    Example:
        >>> print(one_line("two\nlines, \x1b[31mred, São Paulo"))
        two\nlines, \x1b[31mred, São Paulo
    """
    return text.translate(ESCAPES)


@contextmanager
def mistakes_in_one_line() -> Iterator[None]:
    """Turn an error in the user's data, or of the system, into one line and exit 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names may hold bytes that are no text
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except DatasetError as error:
        raise click.ClickException(one_line(str(error))) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader has seen enough; click knows what to do
            raise
        raise click.ClickException(one_line(str(error))) from error


def print_line(text: object, *, err: bool = False) -> None:
    """Print one line on stdout or stderr, whatever the names in it hold."""
    click.echo(one_line(str(text)), err=err)


def print_failures(failures: Sequence[tuple[str, str]], total: int) -> None:
    """List on stderr what failed.

    Args:
        failures: Name and reason of each, at least one.
        total: How many were tried.
    """
    print_line(f"{len(failures)} of {total} failed:", err=True)
    for name, reason in sorted(failures):
        print_line(f"  {name}: {reason}", err=True)


def percent(fraction: Number | None) -> str:
    """Write a fraction of 1 in per cent, blank where there is none.

    Example:
        >>> percent(0.8897), percent(float("nan")), percent(None)
        ('88.97', '', '')
    """
    return "" if fraction is None or not np.isfinite(fraction) else f"{100 * float(fraction):.2f}"


def finite(value: Number) -> float | None:
    """Give None, which JSON can hold, for a value that is not defined."""
    return float(value) if np.isfinite(value) else None


def bytes_text(count: float) -> str:
    """Write a number of bytes for people.

    Example:
        >>> bytes_text(999), bytes_text(12_582_912), bytes_text(4.7e12)
        ('999 B', '12.0 MiB', '4.3 TiB')
    """
    if count < 2**10:
        return f"{count:.0f} B"
    power = min(4, (int(count).bit_length() - 1) // 10)
    return f"{count / 2 ** (10 * power):.1f} {UNITS[power - 1]}"


def json_bytes(content: Any) -> bytes:
    """Write a JSON file; numbers that are not finite must be None already."""
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def toml_value(value: str | float | Sequence[Any]) -> str:
    """Write a value the way TOML has it.

    Args:
        value: A text, a finite number, True or False, or a list of such.

    Example:
        >>> print(toml_value(["São Paulo", 1e-05, True]))
        ["São Paulo", 1e-05, true]
    """
    # JSON's texts and numbers are TOML's but for one character
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


def csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    """Write a CSV file; None and nan are empty cells, names keep bytes that are no text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode(errors="surrogateescape")


def _cell(value: Any) -> Any:
    if isinstance(value, float | np.ndarray):  # scalars of numpy are floats, too
        return float(value) if np.isfinite(value) else ""
    return value
