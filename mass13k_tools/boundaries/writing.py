"""One file per sample, by many workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from mass13k_tools.boundaries.derived import (
    Settings,
    Target,
    Written,
    find_derived,
    write_derived,
)
from mass13k_tools.boundaries.origins import Standing
from mass13k_tools.layouts import Sample
from mass13k_tools.pool import Workers, run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all samples."""

    samples: int
    known: int
    """Files that were there and up to date."""
    damaged: int
    """Files that were there in part, and were written anew."""
    bytes: int
    """Of all files, the known ones too."""
    failures: tuple[tuple[str, str], ...]
    """Label file and reason."""

    @property
    def files(self) -> int:
        """Files that are there now."""
        return self.samples - len(self.failures)


class Work(NamedTuple):
    """What is left to do."""

    new: int
    """Files that are not there."""
    replaced_bytes: tuple[int, ...]
    """Sizes of the files that will be replaced."""

    @property
    def files(self) -> int:
        """Files that will be written."""
        return self.new + len(self.replaced_bytes)


def find_work(
    samples: Sequence[Sample], *, settings: Settings, target: Target, workers: Workers
) -> Work:
    """Count what :func:`write_all` will write; only samples that have a file are read.

    Samples that cannot be read or named do not count.
    """
    there, new = [], 0
    for sample in samples:
        for path in target.paths([sample], settings.suffix):
            if path.exists():
                there.append(sample)
            else:
                new += 1
    look = partial(_look, settings=settings, target=target)
    outcomes = run(look, there, workers=workers, title="look") if there else ()
    found = [done.result for done in outcomes]
    replaced = ("damaged", "other") if target.overwrite else ("damaged",)
    return Work(new, tuple(one.bytes for one in found if one and one.standing in replaced))


class _There(NamedTuple):
    standing: Standing
    bytes: int


def _look(sample: Sample, *, settings: Settings, target: Target) -> _There:
    found = find_derived(sample, settings=settings, target=target)
    return _There(found.standing, found.path.stat().st_size)


def write_all(
    samples: Sequence[Sample],
    *,
    settings: Settings,
    target: Target,
    workers: Workers,
    title: str,
) -> Outcome:
    """Write the file of every sample.

    Args:
        samples: Whose files.
        settings: What is wanted.
        target: Where to.
        workers: Who writes them.
        title: Of the progress bar.
    """
    write = partial(write_derived, settings=settings, target=target)
    written: list[Written] = []
    failures = []
    for done in run(write, samples, workers=workers, title=title):
        if done.result is None:
            failures.append((str(done.item.label_path), str(done.failure)))
        else:
            written.append(done.result)
    return Outcome(
        samples=len(samples),
        known=sum(one.before == "known" for one in written),
        damaged=sum(one.before == "damaged" for one in written),
        bytes=sum(one.bytes for one in written),
        failures=tuple(sorted(failures)),
    )
