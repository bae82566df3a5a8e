"""One file per sample, by many workers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mass13k_tools.boundaries.derived import Written
from mass13k_tools.layouts import Sample
from mass13k_tools.pool import Workers, run


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all samples."""

    samples: int
    known: int
    """Files that were there and up to date."""
    bytes: int
    """Of all files, the known ones too."""
    failures: tuple[tuple[str, str], ...]
    """Label file and reason."""

    @property
    def files(self) -> int:
        """Files that are there now."""
        return self.samples - len(self.failures)


def write_all(
    write: Callable[[Sample], Written],
    samples: Sequence[Sample],
    *,
    workers: Workers,
    title: str,
) -> Outcome:
    """Write the file of every sample.

    Args:
        write: Writes one; picklable.
        samples: Whose files.
        workers: Who writes them.
        title: Of the progress bar.
    """
    known, size, failures = 0, 0, []
    for done in run(write, samples, workers=workers, title=title):
        if done.result is None:
            failures.append((str(done.item.label_path), str(done.failure)))
        else:
            known += done.result.known
            size += done.result.bytes
    return Outcome(len(samples), known, size, tuple(sorted(failures)))
