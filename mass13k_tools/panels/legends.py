"""What the colours of a panel mean, and how much there is of each."""

import numpy as np

from mass13k_tools.arrays import IGNORE, Image, value_counts
from mass13k_tools.ops import render
from mass13k_tools.ops.complexity import Complexity, class_areas, complexity
from mass13k_tools.ops.error_map import BOUNDARY, CONFUSED, ERROR_KINDS, INVENTED, MISSED
from mass13k_tools.ops.render import LegendRow
from mass13k_tools.panels.look import source_colour
from mass13k_tools.panels.part import Part

CLASSES_SHOWN = 30
SOURCE_LETTERS = 40  # of what a source calls itself
WEIGHTS_SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)


def panel_legend(part: Part, *, text_px: int) -> Image:
    """Draw the legend of a panel: sample, classes, and what its layers need."""
    measured = complexity(part.label_map)
    rows = class_rows(part, measured)
    if "weights" in part.look.layers:
        rows += weight_rows()
    if "provenance" in part.look.layers:
        rows += source_rows(part)
    if "error" in part.look.layers:
        rows += error_rows(part)
    sample = part.sample
    title = [sample.key, f"{sample.split}, {part.size}", f"{_mipq_text(measured)} (contour)"]
    return render.legend(title, rows, text_px=text_px)


def caption(part: Part) -> Image:
    """Draw the lines below a cell of a contact sheet."""
    lines = [part.sample.key, f"{part.sample.split}, {_mipq_text(complexity(part.label_map))}"]
    if part.look.layers[0] == "error":
        lines.append(_wrong_text(part))
    return render.legend(lines, [])


def class_rows(part: Part, measured: Complexity) -> list[LegendRow]:
    """Give share and IPQ of every class present, the largest first, and the ignored share."""
    label_map, taxonomy = part.label_map, part.taxonomy
    areas = class_areas(label_map)
    present = sorted((row for row in taxonomy.classes if areas[row.id]), key=lambda r: -areas[r.id])
    rows = [
        LegendRow(
            row.colour,
            f"{row.name}  {areas[row.id] / label_map.size:.1%}  IPQ {measured.ipq[row.id]:,.1f}",
        )
        for row in present[:CLASSES_SHOWN]
    ]
    if len(present) > CLASSES_SHOWN:
        rows.append(LegendRow(render.PAPER, f"and {len(present) - CLASSES_SHOWN} more"))
    ignored = label_map.size - int(areas.sum())
    if ignored:
        grey = tuple(taxonomy.colours[IGNORE].tolist())
        rows.append(LegendRow(grey, f"ignore  {ignored / label_map.size:.1%}"))
    return rows


def weight_rows() -> list[LegendRow]:
    """Give the colours of a heat map."""
    scale = render.heat_map(np.array([WEIGHTS_SHOWN], dtype=np.float32))[0]
    return [
        LegendRow(None, "boundary weight"),
        *(
            LegendRow(tuple(colour.tolist()), f"{weight:g}")
            for weight, colour in zip(WEIGHTS_SHOWN, scale, strict=True)
        ),
    ]


def source_rows(part: Part) -> list[LegendRow]:
    """Give every source that wrote pixels of the part, and the share that became ignore."""
    ignored = part.label_map == IGNORE
    counts = value_counts(part.provenance * ~ignored)
    total = part.label_map.size
    names = part.taxonomy.names | {IGNORE: "ignore"}
    rows = [
        LegendRow(
            source_colour(one.number),
            f"{one.name} over {names.get(one.was, one.was)}  {counts[one.number] / total:.2%}"
            f"  {one.source[:SOURCE_LETTERS]}",
        )
        for one in part.sources
        if counts[one.number]
    ]
    lost = np.count_nonzero(part.provenance[ignored])
    original = f"original  {np.count_nonzero(part.provenance == 0) / total:.2%}"
    striped = [LegendRow(None, f"striped: made ignore  {lost / total:.2%}")] if lost else []
    return [LegendRow(None, original), *rows[:CLASSES_SHOWN], *striped]


def error_rows(part: Part) -> list[LegendRow]:
    """Give every kind of error that can occur, and its share of the labelled pixels."""
    one_class, rest_id = part.look.one_class, part.taxonomy.rest_id
    band = f"within {part.band_px} px of a class change"
    if one_class is not None:
        name, outline = one_class.name, f"within {part.band_px} px of its outline"
        shown = {MISSED: name, INVENTED: name, BOUNDARY: outline}
    elif rest_id is not None:
        rest = part.taxonomy.names[rest_id]
        shown = {
            MISSED: f"predicted as {rest} or ignore",
            INVENTED: f"truth is {rest}",
            CONFUSED: "one class for another",
            BOUNDARY: band,
        }
    else:
        shown = {MISSED: "predicted as ignore", CONFUSED: "one class for another", BOUNDARY: band}
    counts = value_counts(part.errors)
    labelled = max(1, counts[:IGNORE].sum())
    return [
        LegendRow(None, _wrong_text(part)),
        *(
            LegendRow(kind.colour, f"{kind.name}  {counts[kind.value] / labelled:.2%}  {meaning}")
            for kind, meaning in shown.items()
        ),
    ]


def _wrong_text(part: Part) -> str:
    counts = value_counts(part.errors)
    labelled = counts[:IGNORE].sum()
    if not labelled:
        return "nothing labelled"
    wrong = sum(counts[kind.value] for kind in ERROR_KINDS)
    about = f" about {part.look.one_class.name}" if part.look.one_class else ""
    return f"wrong{about}  {wrong / labelled:.2%}"


def _mipq_text(measured: Complexity) -> str:
    return f"mIPQ {measured.mipq:,.1f}" if np.isfinite(measured.mipq) else "no mIPQ"
