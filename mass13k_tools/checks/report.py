"""Problems as JSON, and as a list for people."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mass13k_tools.checks.problems import KINDS, Problem, file_name


def problems_json(problems: Sequence[Problem], *, images: int, root: Path) -> dict[str, Any]:
    """Write problems as the JSON object that ``mass13k check --json`` promises."""
    return {
        "images": images,
        "problems": [
            {
                "key": problem.key,
                "file": file_name(problem.path, root),
                "kind": problem.kind,
                "found": problem.found,
                "expected": problem.expected,
                "hint": problem.hint,
                "severity": problem.severity,
                "split": problem.split or None,
            }
            for problem in problems
        ],
    }


def report_lines(
    problems: Sequence[Problem], *, images: int, root: Path, most: int
) -> Iterator[str]:
    """Write problems for people, one paragraph a kind and a last line that sums up.

    Args:
        problems: In the order in which they are listed.
        images: How many samples were checked.
        root: Files are named relative to it.
        most: Lines per kind.
    """
    for kind, (_, meaning) in KINDS.items():
        some = [problem for problem in problems if problem.kind == kind]
        if some:
            yield f"{kind}: {_counts(some)}: {meaning}"
        for problem in some[:most]:
            name = file_name(problem.path, root)
            yield f"  {name}: {problem.found}; expected {problem.expected}; {problem.hint}"
        if len(some) > most:
            yield f"  and {len(some) - most} more (--json lists all)"
    yield f"checked {images} images with label maps: {_counts(problems) or 'nothing is wrong'}"


def _counts(problems: Sequence[Problem]) -> str:
    """Count by severity.

    Example:
        >>> _counts([])
        ''
    """
    counts = Counter(problem.severity for problem in problems)
    return ", ".join(
        f"{counts[severity]} {severity}{'s' if counts[severity] > 1 else ''}"
        for severity in ("error", "warning")
        if counts[severity]
    )
