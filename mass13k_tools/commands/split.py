"""``mass13k split``: draw splits, verify them, list them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mass13k_tools.commands.options import (
    FILE,
    FOLDER,
    dataset_options,
    echo_json,
    json_option,
    overwrite_option,
)
from mass13k_tools.layouts import Dataset
from mass13k_tools.printing import print_line
from mass13k_tools.splits.draw import FRACTIONS

if TYPE_CHECKING:
    from mass13k_tools.splits.leaks import SplitProblem

group_by_option = click.option(
    "--group-by", metavar="REGEX", help="Names a key's capture  [default: batch, date and city]"
)


@click.group()
def split() -> None:
    """Draw, verify and list splits."""


@split.command()
@dataset_options
@click.option("--out", type=FOLDER, help="Write the lists here; without it the draw is only shown.")
@click.option("--seed", default=0, show_default=True, help="Another seed gives another draw.")
@click.option(
    "--fractions",
    default=",".join(map(str, FRACTIONS.values())),
    show_default=True,
    help="Shares of train, val and test.",
)
@click.option("--stats", type=FILE, help="Output of 'stats --json': balance classes and mIPQ.")
@click.option("--keep", type=FOLDER, help="Lists whose keys stay  [default: those in --out]")
@click.option("--fresh", is_flag=True, help="Keep nothing, draw every key anew.")
@group_by_option
@overwrite_option
@json_option
def draw(
    dataset: Dataset,
    out: Path | None,
    seed: int,
    fractions: str,
    stats: Path | None,
    keep: Path | None,
    fresh: bool,
    group_by: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw train, val and test; no capture is in two of them.

    \b
    Example:
      mass13k split draw photos --out photos-splits --seed 3
    """
    from mass13k_tools.splits.draw import draw_splits, parse_fractions, read_statistics, strata_of
    from mass13k_tools.splits.lists import captures_of, check_unique_keys, read_lists, write_lists

    check_unique_keys(dataset.samples)
    shares = parse_fractions(fractions)
    captures = {sample.key: name for sample, name in captures_of(dataset, pattern=group_by).items()}
    if keep and fresh:
        raise click.UsageError("--keep and --fresh exclude each other")
    if keep is None and not fresh and out and any(out.glob("*.txt")):
        keep = out
    kept = {key: name for name, keys in (read_lists(keep) if keep else {}).items() for key in keys}
    strata = strata_of(read_statistics(stats), captures) if stats else None
    lists = draw_splits(captures, fractions=shares, seed=seed, strata=strata, kept=kept)
    rule = "balanced" if stats else "hash"
    staying = len(kept.keys() & captures.keys())
    record = {"seed": seed, "rule": rule, "fractions": shares, "group_by": group_by}
    record["kept"] = staying  # these were drawn before, perhaps by another rule
    if out and not (keep == out and staying == len(kept) == len(captures)):  # nothing new
        write_lists(out, lists, record, overwrite=overwrite)
    if keep:
        hint = "; --fresh draws them anew" if keep == out else ""
        print_line(f"{staying} of {len(captures)} samples stay as in '{keep}'{hint}", err=True)
    counts = {name: len(keys) for name, keys in lists.items()}
    for name, share in shares.items():
        if share > 0 and not counts[name]:
            hint = "captures are too few or too large; try --fractions, --seed or --stats"
            print_line(f"warning: the split '{name}' is empty: {hint}", err=True)
    summary = {**record, "captures": len(set(captures.values()))}
    _echo(counts, summary if out else {**summary, "keys": lists}, as_json=as_json)


@split.command()
@dataset_options
@click.option("--official", is_flag=True, help="Expect MaSS13K's own counts.")
@click.option("--strict", is_flag=True, help="A capture in two splits is an error.")
@group_by_option
@json_option
def verify(
    dataset: Dataset, official: bool, strict: bool, group_by: str | None, as_json: bool
) -> None:
    """Look for keys, images and captures in two splits.

    \b
    Example:
      mass13k split verify photos --lists photos-splits
    """
    from mass13k_tools.splits.leaks import is_official, split_counts, verify_splits

    counts = split_counts(dataset.samples)
    problems = verify_splits(dataset, pattern=group_by, official=official, strict=strict)
    errors = sum(problem.severity == "error" for problem in problems)
    content = {
        "ok": not errors,
        "official": is_official(counts),
        "problems": [asdict(problem) for problem in problems],
    }
    _echo(counts, content, as_json=as_json)
    if not as_json:
        _echo_problems(problems)
        if is_official(counts):
            print_line("official MaSS13K split")
    if errors:
        sys.exit(1)


@split.command("list")
@dataset_options
@click.option("--keys", is_flag=True, help="Print the keys as well.")
@json_option
def list_splits(dataset: Dataset, keys: bool, as_json: bool) -> None:
    """Count the samples of every split.

    \b
    Example:
      mass13k split list photos --lists photos-splits --keys
    """
    from mass13k_tools.splits.leaks import is_official
    from mass13k_tools.splits.lists import lists_of

    lists = lists_of(dataset.samples)
    counts = {name: len(listed) for name, listed in lists.items()}
    official = is_official(counts)
    content = {"official": official, **({"keys": lists} if keys else {})}
    _echo(counts, content, as_json=as_json)
    if official and not as_json:
        print_line("official MaSS13K split")
    if keys and not as_json:
        for name, listed in lists.items():
            for key in listed:
                print_line(f"{name} {key}")


def _echo(counts: Mapping[str, int], content: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        echo_json({"splits": counts, **content})
    else:
        for name, count in counts.items():
            print_line(f"{name}: {count:,}")


def _echo_problems(problems: Sequence["SplitProblem"], *, longest: int = 20) -> None:
    """Print problems, errors first, and of each kind no more than a screen holds."""
    for severity in ("error", "warning"):
        some = [problem for problem in problems if problem.severity == severity]
        for problem in some[:longest]:
            counts = ", ".join(f"{name} {count:,}" for name, count in problem.counts.items())
            where = f" ({counts})" if counts else ""
            print_line(f"{severity}: {problem.kind}: {problem.found}{where}")
        if len(some) > longest:
            print_line(f"{severity}: {len(some) - longest} more; --json lists all")
