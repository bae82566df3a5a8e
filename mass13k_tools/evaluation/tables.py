"""An evaluation as tables for people; percentages, blank where undefined."""

from collections.abc import Iterator

import numpy as np
from rich.table import Table

from mass13k_tools.arrays import size_text
from mass13k_tools.classes import MASS13K
from mass13k_tools.evaluation.collect import Evaluation
from mass13k_tools.evaluation.published import TABLE_2, Published
from mass13k_tools.evaluation.report import binary_json, one_or_range
from mass13k_tools.ops.mistakes import KINDS
from mass13k_tools.ops.score_sums import PROTOCOL, TOLERANCES, TOLERANCES_PX, tolerance_text
from mass13k_tools.ops.scores import mean
from mass13k_tools.printing import console, percent

SWALLOWED = 0.5  # of a class: from here on BIoU says little that IoU does not


def print_tables(evaluation: Evaluation, *, compare: bool, top: int, confusion: bool) -> None:
    """Print what a person asked for on stdout."""
    tables = [class_table(evaluation)]
    if evaluation.settings.binary is not None:
        tables.append(binary_table(evaluation))
    others = range(1, len(evaluation.settings.band_ratios))
    tables += [ratio_table(evaluation, row) for row in others]
    tables.append(mistakes_table(evaluation))
    if confusion:
        tables.append(confusion_table(evaluation))
    if top:
        tables += [worst_images_table(evaluation, top), worst_windows_table(evaluation, top)]
    if compare:
        tables.append(paper_table(evaluation))
    printer = console()
    for table in tables:
        printer.print(table)


def class_table(evaluation: Evaluation) -> Table:
    """Lay out one line per class and the means below."""
    scores = evaluation.scores
    width = _px(one_or_range(evaluation.band_widths_px(evaluation.settings.band_ratios[0])))
    images = f"{len(evaluation.images)} images ({', '.join(evaluation.splits)})"
    table = Table(title=f"{evaluation.name}: {images}, protocol {PROTOCOL}", caption=_caption())
    table.add_column("class")
    for column in ("pixels %", "accuracy", "IoU", f"BIoU {width}"):
        table.add_column(column, justify="right")
    for name, pixels in zip(TOLERANCES, evaluation.tolerances_px(), strict=True):
        exact = "" if name in TOLERANCES_PX else f" ({_px(one_or_range(pixels))})"
        table.add_column(f"BF1 {tolerance_text(name)}{exact}", justify="right")
    shares = evaluation.sums.truth / max(1, evaluation.sums.truth.sum())
    columns = (shares, scores.class_accuracy, scores.iou, scores.biou[0], *scores.bf1)
    for k, name in enumerate(evaluation.taxonomy.names.values()):
        table.add_row(name, *(percent(column[k]) for column in columns))
    table.add_section()
    means = (scores.accuracy, mean(scores.iou), mean(scores.biou[0]), *map(mean, scores.bf1))
    table.add_row("mean", "", *map(percent, means))
    per_image = map(mean, scores.bf1_per_image)
    table.add_row("images' mean", "", "", "", "", *map(percent, per_image))
    return table


def _caption() -> str:
    return (
        "%; IoU, BIoU and BF1 of the sums over all images; last row: mean BF1 of the images that "
        "have a boundary of the class; accuracy: right pixels of a class, in the mean of all pixels"
    )


def binary_table(evaluation: Evaluation) -> Table:
    """Lay out HCE and mBA, means over the images."""
    (found,) = binary_json(evaluation).values()
    table = Table(title=f"{found['class']} against everything else, mean of images")
    for column in ("HCE, clicks", "mBA %", "images without mBA"):
        table.add_column(column, justify="right")
    table.add_row(f"{found['hce']:,.1f}", percent(found["mba"]), str(found["mba_undefined"]))
    return table


def ratio_table(evaluation: Evaluation, row: int) -> Table:
    """Lay out BIoU at another ratio, with the share of each class that its band covers."""
    ratio = evaluation.settings.band_ratios[row]
    width = _px(one_or_range(evaluation.band_widths_px(ratio)))
    scores = evaluation.scores
    table = Table(title=f"BIoU at {ratio:g} of the diagonal ({width}), not the protocol's")
    table.add_column("class")
    for column in ("BIoU", "band covers % of the class"):
        table.add_column(column, justify="right")
    names = evaluation.taxonomy.names.values()
    for name, biou, share in zip(names, scores.biou[row], scores.band_share[row], strict=True):
        table.add_row(name, percent(biou), percent(share))
    table.add_section()
    table.add_row("mean", percent(mean(scores.biou[row])), "")
    return table


def band_warnings(evaluation: Evaluation) -> Iterator[str]:
    """Say where a band is so wide that BIoU is hardly different from IoU."""
    names = np.array(list(evaluation.taxonomy.names.values()))
    for ratio, shares in zip(
        evaluation.settings.band_ratios, evaluation.scores.band_share, strict=True
    ):
        swallowed = np.nan_to_num(shares) >= SWALLOWED
        if swallowed.any():
            parts = zip(names[swallowed], shares[swallowed], strict=True)
            listed = ", ".join(f"{name} {share:.0%}" for name, share in parts)
            yield (
                f"at {ratio:g} of the diagonal the boundary band swallows {SWALLOWED:.0%} or more "
                f"of a class: {listed}; there BIoU tells little that IoU does not"
            )


def mistakes_table(evaluation: Evaluation) -> Table:
    """Lay out where the wrong pixels lie."""
    counts, settings = evaluation.mistakes, evaluation.settings
    table = Table(
        title="wrong pixels by place",
        caption=f"thin: no {settings.thin_px} px square fits in; small: components under "
        f"{settings.small_px:,} px; band: within the BIoU width of another class",
    )
    names, rest_id = evaluation.taxonomy.names, evaluation.taxonomy.rest_id
    apart = [] if rest_id is None else [f"of these with {names[rest_id]} %"]
    table.add_column("place")
    for column in ("pixels %", "wrong there %", "of all wrong %", *apart):
        table.add_column(column, justify="right")
    pixels, wrong = counts.pixels.sum(axis=1), counts.wrong.sum(axis=1)
    with_rest = counts.wrong_with_rest.sum(axis=1)
    rows = [*zip(KINDS, pixels, wrong, with_rest, strict=True)]
    rows.append(("all", pixels.sum(), wrong.sum(), with_rest.sum()))
    for name, here, bad, rest in rows:
        if name == "all":
            table.add_section()
        shares = (here, pixels.sum()), (bad, here), (bad, wrong.sum()), (rest, bad)
        cells = [percent(a / b if b else np.nan) for a, b in shares]
        table.add_row(name, *cells[: 3 + len(apart)])
    return table


def confusion_table(evaluation: Evaluation) -> Table:
    """Lay out which class is taken for which, in per cent of the true class."""
    names = list(evaluation.taxonomy.names.values())
    table = Table(title="predicted as (columns), % of the true class (rows)")
    for column in ("truth", *names, "none"):
        table.add_column(column, justify="left" if column == "truth" else "right")
    for name, row in zip(names, evaluation.confusion, strict=True):
        total = row.sum()
        table.add_row(name, *(percent(value / total if total else np.nan) for value in row))
    return table


def worst_images_table(evaluation: Evaluation, most: int) -> Table:
    """Lay out the images with the lowest mIoU."""
    table = Table(title="worst images")
    table.add_column("key")
    table.add_column("split")
    for column in ("mIoU", "BIoU", "accuracy"):
        table.add_column(column, justify="right")
    images = evaluation.scored.images
    ranked = sorted(images, key=lambda image: np.nan_to_num(image.miou, nan=np.inf))
    for image in ranked[:most]:
        values = (image.miou, image.biou, image.accuracy)
        table.add_row(image.key, image.split, *map(percent, values))
    return table


def worst_windows_table(evaluation: Evaluation, most: int) -> Table:
    """Lay out the windows with the most wrong pixels, ready for ``mass13k show --crop``."""
    table = Table(title="worst windows: mass13k show GT KEY --pred PRED --layers error --crop …")
    for column in ("key", "split", "size", "--crop"):
        table.add_column(column)
    table.add_column("wrong %", justify="right")
    for image, window in evaluation.worst_windows()[:most]:
        y, x, height, width, wrong = window
        size = size_text((height, width))
        crop = f"{y},{x},{height},{width}"
        share = percent(wrong / (height * width))
        table.add_row(image.scored.key, image.scored.split, size, crop, share)
    return table


def paper_table(evaluation: Evaluation) -> Table:
    """Lay out the paper's Table 2 with this evaluation as its last row."""
    taxonomy = evaluation.taxonomy.name
    other = "" if taxonomy == MASS13K.name else f", where the classes are those of '{taxonomy}'"
    table = Table(
        title=f"Table 2 of the MaSS13K paper, and here{other}",
        caption="MaSS13K paper (CVPR 2025), Table 2, scores as reprinted by CoordFormer, Table 1a, "
        "which leaves out STDC2, OCRNet and CGRSeg; the printed FLOPs are multiply-adds (MACs), "
        "mostly of 4096x3072; the paper does not state its BF1 tolerance, here it is 0.1 % of the "
        "diagonal",
    )
    table.add_column("method")
    for split in ("val", "test"):
        for name in ("mIoU", "BIoU", "BF1"):
            table.add_column(f"{split} {name}", justify="right")
    table.add_column("parameters M", justify="right")
    table.add_column("GMACs", justify="right")
    for method in TABLE_2:
        name = f"{method.name} {method.backbone}".strip()
        cells = [*_published_cells(method.val), *_published_cells(method.test)]
        table.add_row(name, *cells, f"{method.parameters:g}", f"{method.macs:,}", style="dim")
    table.add_section()
    table.add_row(*_here_cells(evaluation))
    return table


def _here_cells(evaluation: Evaluation) -> list[str]:
    scores = evaluation.scores
    bf1 = float(mean(scores.bf1[TOLERANCES.index("0.1%")]))
    here = _published_cells(Published(float(mean(scores.iou)), float(mean(scores.biou[0])), bf1))
    empty = _published_cells(None)
    cells = [here if evaluation.splits == [split] else empty for split in ("val", "test")]
    name = f"{evaluation.name} (here)"
    if here not in cells:  # neither of the paper's splits: shown under both, and said so
        name, cells = f"{evaluation.name} (here, {', '.join(evaluation.splits)})", [here, here]
    return [name, *cells[0], *cells[1], "", ""]


def _published_cells(published: Published | None) -> list[str]:
    if published is None:
        return ["", "", ""]
    return [percent(published.miou), percent(published.biou), f"{published.bf1:.4f}"]


def _px(value: float | list[float]) -> str:
    """Write pixels, or a range of them where the images have several sizes.

    Example:
        >>> _px(1024), _px([2, 5.12])
        ('1024 px', '2-5.12 px')
    """
    ends = value if isinstance(value, list) else [value]
    return "-".join(f"{end:.2f}".rstrip("0").rstrip(".") for end in ends) + " px"
