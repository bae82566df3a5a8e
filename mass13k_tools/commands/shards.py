"""``mass13k shards``: list, verify, extract and compare shards."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mass13k_tools.commands.options import (
    FOLDER,
    echo_json,
    end_with_failures,
    json_option,
    overwrite_option,
    worker_options,
)
from mass13k_tools.layouts import LAYOUT_NAMES
from mass13k_tools.printing import print_line

if TYPE_CHECKING:  # these load OpenCV and numba, so the commands import them when they run
    from mass13k_tools.pool import Workers

LONGEST = 20  # lines of one list on a screen

shards_argument = click.argument("address", metavar="SHARDS")
split_option = click.option(
    "--split", "splits", multiple=True, metavar="NAME", help="Only this split; may be repeated."
)


@click.group()
def shards() -> None:
    """List, verify, extract and compare shards.

    SHARDS is a folder or an address such as s3://bucket/folder that 'mass13k shard' wrote. Most
    commands also take WebDataset tars of other makers: one tar, or a folder of them.
    """


@shards.command()
@shards_argument
@split_option
@click.option("--members", is_flag=True, help="Names of all members, as 'tar tf' gives them.")
@json_option
def ls(address: str, splits: tuple[str, ...], members: bool, as_json: bool) -> None:
    """List the samples of SHARDS.

    \b
    Example:
      mass13k shards ls shards --split val
    """
    from mass13k_tools.sharding.contents import sample_line, sample_row
    from mass13k_tools.shards.reader import ShardSet

    found = ShardSet.open(address, splits=splits)
    if as_json:
        echo_json({"samples": [sample_row(sample) for sample in found.samples]})
        return
    for sample in found.samples:
        if members:
            for ending in sample.members:
                print_line(f"{sample.key}.{ending}")
        else:
            print_line(sample_line(sample))


@shards.command()
@shards_argument
@json_option
def info(address: str, as_json: bool) -> None:
    """Count shards, samples and bytes of SHARDS.

    \b
    Example:
      mass13k shards info s3://bucket/mass13k --json
    """
    from mass13k_tools.sharding.contents import describe, info_lines
    from mass13k_tools.shards.reader import ShardSet

    table = describe(ShardSet.open(address))
    if as_json:
        echo_json(table)
    else:
        for line in info_lines(table):
            print_line(line)


@shards.command()
@shards_argument
@click.option("--deep", is_flag=True, help="Also decode every picture, whole and in rectangles.")
@worker_options
@json_option
def verify(address: str, deep: bool, workers: Workers, as_json: bool) -> None:
    """Compare every byte of SHARDS with what was written.

    \b
    Example:
      mass13k shards verify shards --deep
    """
    from mass13k_tools.sharding.verifying import verify_shards
    from mass13k_tools.shards.places import Place

    report = verify_shards(Place.of(address), deep=deep, workers=workers)
    counts = {"shards": report.shards, "samples": report.samples, "bytes": report.bytes}
    if as_json:
        problems = [asdict(finding) for finding in report.findings]
        echo_json({"ok": report.ok, "deep": deep, **counts, "problems": problems})
    else:
        _echo_some([finding.text() for finding in report.findings])
        outcome = "all as written" if report.ok else f"{len(report.findings)} problems"
        print_line(f"{report.samples} samples in {report.shards} shards: {outcome}")
    if not report.ok:
        sys.exit(1)


@shards.command()
@shards_argument
@click.argument("out", type=FOLDER)
@split_option
@worker_options
@overwrite_option
@json_option
def extract(
    address: str,
    out: Path,
    splits: tuple[str, ...],
    workers: Workers,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the samples of SHARDS as files, in MaSS13K's layout.

    Files are as the shards have them, so pixels are those that were put in. Files that are there
    stay, so a killed run goes on.

    \b
    Example:
      mass13k shards extract shards MaSS13K-again
    """
    from mass13k_tools.printing import bytes_text
    from mass13k_tools.sharding.extracting import extract_shards
    from mass13k_tools.shards.reader import ShardSet

    found = ShardSet.open(address, splits=splits)
    extracted = extract_shards(found, out, overwrite=overwrite, workers=workers)
    if as_json:
        echo_json(
            {
                "out": str(out),
                "samples": extracted.samples,
                "bytes": extracted.bytes,
                "classes": str(extracted.classes) if extracted.classes else None,
                "failures": [{"sample": name, "reason": why} for name, why in extracted.failures],
            }
        )
    else:
        written = extracted.samples - len(extracted.failures)
        print_line(f"{written} samples, {bytes_text(extracted.bytes)}, in {out}")
        if extracted.classes:
            print_line(f"Their classes: --classes {extracted.classes}")
    end_with_failures(extracted.failures, extracted.samples)


@shards.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--layout",
    type=click.Choice(LAYOUT_NAMES),
    metavar="NAME",
    help="How the files of a folder lie  [default: recognised]",
)
@click.option("--lists", type=FOLDER, help="Split lists of a folder, as 'split draw' writes.")
@split_option
@worker_options
@json_option
def diff(
    a: str,
    b: str,
    layout: str | None,
    lists: Path | None,
    splits: tuple[str, ...],
    workers: Workers,
    as_json: bool,
) -> None:
    """Compare A with B, pixel by pixel; each is shards or a data set.

    Label maps are compared by the values in their files.

    \b
    Example:
      mass13k shards diff MaSS13K shards
    """
    from mass13k_tools.sharding.comparing import compare_sides, open_side

    sides = [open_side(each, layout=layout, lists=lists, splits=splits) for each in (a, b)]
    comparison = compare_sides(*sides, workers=workers)
    if as_json:
        differences = [asdict(each) for each in comparison.differences]
        content = {"equal": comparison.equal, "samples": comparison.samples}
        echo_json({**content, "differences": differences})
    else:
        _echo_some([each.text() for each in comparison.differences])
        count = len(comparison.differences)
        outcome = "equal" if comparison.equal else f"{count} differences"
        print_line(f"{comparison.samples} samples in both: {outcome}")
    if not comparison.equal:
        sys.exit(1)


def _echo_some(lines: list[str]) -> None:
    """Print no more than a screen holds."""
    for line in lines[:LONGEST]:
        print_line(line)
    if len(lines) > LONGEST:
        print_line(f"… {len(lines) - LONGEST} more; --json lists all")
