"""Numbers for the terminal and for CSV files."""

import sys
from collections.abc import Iterator

from mass13k_tools.ops.scores import mean
from mass13k_tools.printing import one_line, percent
from massformer.run_folder import RunFolder
from massformer.watch.progress import Row, duration
from massformer.watch.seam import Line, Validation, Watcher


class Tables(Watcher):
    """Keeps ``log.csv`` and ``validation.csv``."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def logged(self, line: Line) -> None:
        """Add a line to the log."""
        self.folder.log("log", _cells(line.row, "{:.6g}"), step=line.step)

    def validated(self, validation: Validation) -> None:
        """Add the scores, means first, then class by class."""
        row = _cells(validation.row(), "{:.6f}")
        self.folder.log("validation", row, step=validation.step)


class Terminal(Watcher):
    """Tells people how far the run is, on stderr."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def logged(self, line: Line) -> None:
        """Print a line."""
        print(progress_line(line, self.steps), file=sys.stderr, flush=True)

    def validated(self, validation: Validation) -> None:
        """Print a table of the classes."""
        print("\n".join(class_table(validation)), file=sys.stderr, flush=True)


def progress_line(line: Line, steps: int) -> str:
    """Say in a line how far a run of some steps is."""
    row = line.row
    parts = [
        f"step {line.step}/{steps}",
        f"loss {row['loss']:.3f}",
        f"lr {row['lr']:.2e}",
        f"{row['images_per_s']:.2f} images/s",
        f"waiting {row['waiting_s']:.2f} s, computing {row['computing_s']:.2f} s a step",
    ]
    if row["peak_memory_gib"] is not None:
        parts.append(f"{row['peak_memory_gib']:.1f} GiB")
    return "  ".join([*parts, f"left {duration(line.left_s)}"])


def class_table(validation: Validation) -> Iterator[str]:
    """Lay out the scores of the classes and their means, line by line, in per cent."""
    columns = validation.columns()
    names = [one_line(name) for name in validation.taxonomy.names.values()]
    head = f"step {validation.step}, %"
    widest = max(map(len, [head, *names]))
    yield f"{head:<{widest}}  {'IoU':>6}  {'BIoU':>6}  {'BF1 1 px':>8}"
    rows = [*zip(names, *columns.values(), strict=True)]
    rows.append(("mean", *map(mean, columns.values())))
    for name, iou, biou, bf1 in rows:
        yield f"{name:<{widest}}  {percent(iou):>6}  {percent(biou):>6}  {percent(bf1):>8}".rstrip()


def _cells(row: Row, form: str) -> dict[str, str]:
    return {name: "" if value is None else form.format(value) for name, value in row.items()}
