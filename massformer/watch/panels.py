"""Some images, their truth, and what a network makes of them, as one picture."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mass13k_tools.arrays import IGNORE, Image, value_counts
from mass13k_tools.classes import Taxonomy
from mass13k_tools.layouts import Sample
from mass13k_tools.loader.sources import Source, whole_box
from mass13k_tools.ops import render
from mass13k_tools.ops.error_map import BOUNDARY, CONFUSED, INVENTED, MISSED
from mass13k_tools.ops.fit import fit_largest
from mass13k_tools.ops.render import LegendRow
from mass13k_tools.ops.score_sums import pair_sums
from mass13k_tools.ops.scores import Scores, mean
from mass13k_tools.panels.layers import draw_layer
from mass13k_tools.panels.look import Look
from mass13k_tools.panels.part import Part
from mass13k_tools.printing import one_line, percent
from massformer.inference.predictor import Predictor, Wanted

SIDE_PX = 480  # of every picture
CLASSES_SHOWN = 30
TEXT_PX = 18
EDGE_STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


def panel_sheet(predictor: Predictor, source: Source, *, images: int, title: str) -> Image | None:
    """Draw samples of a split, always the same ones, one below the other.

    Memory holds one sample in full size, and all others as small as they are shown.

    Args:
        predictor: What is shown.
        source: The split; the samples lie evenly in it.
        images: How many samples, at most.
        title: First line of the legend.

    Returns:
        Shape (h, w, 3), uint8, RGB: image, truth, prediction, errors, and what the edge head says,
        side by side; on the right what the colours mean. None for no images.
    """
    shown = np.linspace(0, len(source) - 1, min(images, len(source))).round().astype(int)
    if not len(shown):
        return None
    present: set[int] = set()
    sheet: Image | None = None
    for index in shown.tolist():
        row = render.side_by_side([*_pictures(predictor, source, index, present)])
        sheet = row if sheet is None else render.above(sheet, row)
    assert sheet is not None
    return render.side_by_side([sheet, _legend(predictor, source.taxonomy, present, title)])


def _pictures(
    predictor: Predictor, source: Source, index: int, present: set[int]
) -> Iterator[Image]:
    """Draw a sample, each picture under its heading; note which classes there are."""
    key, box = source.keys[index], whole_box(source, index)
    image, truth = source.image_region(index, box), source.label_region(index, box)
    made = predictor.predict(image, Wanted(edges=predictor.config.sees_edges))
    sample = Sample(key, "", Path(), Path())  # its files need not lie in folders
    part = Part(sample, source.taxonomy, Look(side_px=SIDE_PX), image, truth, made.label_map)
    for label_map in (truth, made.label_map):
        present |= {*np.flatnonzero(value_counts(label_map)).tolist()}
    scores = Scores(pair_sums(made.label_map, truth, source.taxonomy.ids))
    means = f"mIoU {percent(mean(scores.iou))}  BIoU {percent(mean(scores.biou[0]))}"
    yield _headed(one_line(key), draw_layer("image", part))
    yield _headed("truth", draw_layer("label", part))
    yield _headed(f"prediction  {means}", draw_layer("prediction", part))
    yield _headed(f"wrong  {percent(1 - scores.accuracy)} %", draw_layer("error", part))
    if made.edges is not None:
        probability = np.asarray(made.edges / 255, np.float32)
        yield _headed("edge probability", render.heat_map(fit_largest(probability, SIDE_PX)))
        yield _headed("true edges", draw_layer("edges", part))


def _headed(heading: str, picture: Image) -> Image:
    """Put a picture below a line of text, which is cut where the picture ends."""
    text = render.legend([heading], [], text_px=TEXT_PX)[: 2 * TEXT_PX, render.GAP_PX :]
    return render.above(text[:, : picture.shape[1]], picture)


def _legend(predictor: Predictor, taxonomy: Taxonomy, present: set[int], title: str) -> Image:
    """Say what the colours mean."""
    classes = [row for row in taxonomy.classes if row.id in present]
    rows = [LegendRow(row.colour, one_line(row.name)) for row in classes[:CLASSES_SHOWN]]
    if len(classes) > CLASSES_SHOWN:
        rows.append(LegendRow(None, f"and {len(classes) - CLASSES_SHOWN} more"))
    if IGNORE in present:
        rows.append(LegendRow(tuple(taxonomy.colours[IGNORE].tolist()), "ignore"))
    rows += [LegendRow(None, "wrong"), *_error_rows(taxonomy)]
    if predictor.config.sees_edges:
        colours = render.heat_map(np.array([EDGE_STEPS], np.float32))[0].tolist()
        rows.append(LegendRow(None, "probability of an edge"))
        rows += [
            LegendRow(tuple(colour), f"{step:g}")
            for step, colour in zip(EDGE_STEPS, colours, strict=True)
        ]
    return render.legend([title], rows, text_px=TEXT_PX)


def _error_rows(taxonomy: Taxonomy) -> list[LegendRow]:
    """Say what the colours of errors mean."""
    meanings = {CONFUSED: "one class for another", BOUNDARY: "close to a class change"}
    if taxonomy.rest_id is not None:
        rest = one_line(taxonomy.names[taxonomy.rest_id])
        meanings = {MISSED: f"predicted as {rest}", INVENTED: f"truth is {rest}", **meanings}
    return [LegendRow(kind.colour, f"{kind.name}: {meaning}") for kind, meaning in meanings.items()]
