"""The course of a run as one plot."""

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Table = Sequence[dict[str, str]]  # rows as they stand in a CSV file

SIZE_INCHES = (8, 9)
DOTS_PER_INCH = 120
INK = "0.15"
# Distinct for colour-blind eyes, too (Okabe and Ito)
TERMS = {"class": "#0072b2", "mask": "#d55e00", "dice": "#009e73", "edge": "#cc79a7"}
SCORES = {
    "miou": ("mIoU", "#0072b2"),
    "biou": ("BIoU", "#d55e00"),
    "bf1": ("BF1 within 1 px", "#009e73"),
}


def curves_png(log: Table, validations: Table) -> bytes:
    """Draw loss, learning rate and scores over the steps of a run.

    Args:
        log: Rows of ``log.csv``.
        validations: Rows of ``validation.csv``; without any, there is no plot of scores.

    Returns:
        A PNG file.
    """
    rows = 3 if validations else 2
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    ratios = [3, 1.2, 3][:rows]
    every: list[Axes] = [*figure.subplots(rows, 1, sharex=True, height_ratios=ratios)]
    _draw_loss(every[0], log)
    _line(every[1], log, "lr", color=INK)
    every[1].set(ylabel="learning rate")
    every[1].ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    if validations:
        _draw_scores(every[2], validations)
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9")
    every[-1].set_xlabel("step")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_loss(axes: Axes, log: Table) -> None:
    """Draw the loss, and what each kind of term adds to it."""
    _line(axes, log, "loss", color=INK, label="loss", linewidth=2)
    kinds = dict.fromkeys(
        name.removeprefix("share.") for row in log for name in row if name.startswith("share.")
    )
    for kind in kinds:
        parts = [
            {"step": row["step"], "part": str(float(row["loss"]) * float(row[f"share.{kind}"]))}
            for row in log
            if row.get(f"share.{kind}")
        ]
        _line(axes, parts, "part", color=TERMS.get(kind), label=kind)
    axes.set(ylabel="loss and its terms", ylim=(0, None))
    axes.legend(frameon=False, ncols=5)


def _draw_scores(axes: Axes, validations: Table) -> None:
    """Draw the scores in per cent, the best of each in the legend."""
    for name, (label, colour) in SCORES.items():
        values = [float(row[name]) for row in validations if row.get(name)]
        if not values:
            continue
        label = f"{label}, best {max(values):.1%}"
        _line(axes, validations, name, factor=100, color=colour, label=label, marker="o")
    axes.set(ylabel="validation, %", ylim=(0, None))
    if axes.lines:
        axes.legend(frameon=False, ncols=3)


def _line(axes: Axes, table: Table, name: str, *, factor: float = 1, **style: object) -> None:
    """Draw a column over the steps, cells that are empty left out."""
    rows = [row for row in table if row.get(name)]
    values = [factor * float(row[name]) for row in rows]
    marker = "." if len(rows) == 1 else None  # a line of one point cannot be seen
    axes.plot([int(row["step"]) for row in rows], values, **{"marker": marker, **style})  # type: ignore[arg-type]
