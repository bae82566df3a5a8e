"""Statistics as plots, each a PNG file's bytes."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mass13k_tools.classes import Taxonomy
from mass13k_tools.stats.collect import Statistics
from mass13k_tools.stats.summary import ClassSummary, mean_std

SIZE_INCHES = (7, 4)
DOTS_PER_INCH = 150
BAR = "#3b6ea5"
LINE = "#c0392b"
MOST_CLASSES = 30  # rows that a plot has room for


def figures(statistics: Statistics) -> dict[str, bytes]:
    """Draw what the statistics hold.

    Returns:
        File name -> PNG: ``size_histogram.png``, and with mIPQ also ``mipq_histogram.png``,
        ``class_share.png`` and ``class_ipq.png``.
    """
    if not statistics.images:
        return {}
    drawn = {"size_histogram.png": _size_histogram(statistics)}
    if statistics.mipq.size:
        drawn["mipq_histogram.png"] = _mipq_histogram(statistics)
        drawn["class_share.png"] = _class_share(statistics)
        drawn["class_ipq.png"] = _class_ipq(statistics)
    return drawn


def _size_histogram(statistics: Statistics) -> bytes:
    figure, axes = _canvas("Image size", "diagonal, pixels", "images")
    diagonals = np.array([image.diagonal for image in statistics.images])
    reach = (0.95 * diagonals.min(), 1.05 * diagonals.max())  # one size alone is a bar, not a line
    axes.hist(diagonals, bins=min(40, max(20, diagonals.size // 5)), range=reach, color=BAR)
    _mark_mean(axes, diagonals)
    return _png(figure)


def _mipq_histogram(statistics: Statistics) -> bytes:
    label = f"mIPQ of an image ({statistics.definition})"
    figure, axes = _canvas("Mask complexity", label, "images")
    values = statistics.mipq
    number = min(40, max(6, values.size // 4))
    if values.min() > 0:
        bins = np.geomspace(values.min(), values.max() * 1.01, number)
        axes.set_xscale("log")
    else:
        bins = np.linspace(0, values.max() + 1, number)
    axes.hist(values, bins=bins.tolist(), color=BAR)
    _mark_mean(axes, values)
    return _png(figure)


def _class_share(statistics: Statistics) -> bytes:
    rows = sorted(statistics.classes, key=lambda row: row.pixels)[-MOST_CLASSES:]
    figure, axes = _canvas("Share of pixels", "%", "")
    shares = [100 * (row.pixel_share or 0) for row in rows]
    bars = axes.barh(_names(rows), shares, color=_colours(rows, statistics.taxonomy))
    for bar in bars:
        bar.set_edgecolor("0.3")
    axes.bar_label(bars, labels=[f"{share:.2g}" for share in shares], padding=3, fontsize=8)
    axes.margins(x=0.1)
    return _png(figure)


def _class_ipq(statistics: Statistics) -> bytes:
    label = f"IPQ of a class in an image ({statistics.definition})"
    figure, axes = _canvas("Complexity by class", label, "")
    rows = [row for row in statistics.classes if np.isfinite(row.ipq.mean)]
    rows = sorted(rows, key=lambda row: row.ipq.mean)[-MOST_CLASSES:]
    values = []
    for row in rows:
        ipq = [image.complexity.ipq[row.id] for image in statistics.images if image.complexity]
        values.append([value for value in ipq if np.isfinite(value)])
    boxes = axes.boxplot(
        values, orientation="horizontal", tick_labels=_names(rows), patch_artist=True
    )
    for box, colour in zip(boxes["boxes"], _colours(rows, statistics.taxonomy), strict=True):
        box.set_facecolor(colour)
    for median in boxes["medians"]:
        median.set_color("0.8")
    if min(map(min, values)) > 0:
        axes.set_xscale("log")
    return _png(figure)


def _canvas(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=x_label, ylabel=y_label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _mark_mean(axes: Axes, values: NDArray[np.float64]) -> None:
    mean, std = mean_std(values)
    axes.axvline(mean, color=LINE, label=f"mean {mean:,.0f} ± {std:,.0f}, n = {values.size:,}")
    axes.legend(frameon=False)


def _colours(rows: Sequence[ClassSummary], taxonomy: Taxonomy) -> list[tuple[float, float, float]]:
    colours = taxonomy.colours / 255
    return [tuple(colours[row.id]) for row in rows]


def _names(rows: Sequence[ClassSummary]) -> list[str]:
    return [row.name.replace("$", r"\$") for row in rows]  # Matplotlib would read mathematics


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
