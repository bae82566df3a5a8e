"""Hides a class of a fully labelled data set, as if it had never been labelled by hand.

Usage: python scripts/hide_class.py ROOT OUT CLASS

Writes, for the splits train and val:

- OUT/hidden: the data set with the class gone into the class for all else;
- OUT/bare: the same with every class gone into it, for training without accurate labels;
- OUT/masks: its pseudo-labels, for ``mass13k pseudo merge``: true masks, damaged the way SAM
  does it, one for each region;
- OUT/damaged: label maps of these masks alone, to be scored as predictions.

The damage, by the image's diagonal: regions are smoothed with a disc of 0.3 % (opened, which loses
what is thinner, and closed, which fills holes and gaps), then grow by 0.1 %; what is then smaller
than the disc is lost.
"""

import os
import sys
from dataclasses import replace
from math import hypot
from pathlib import Path

import cv2
import numpy as np

from mass13k_tools.arrays import IGNORE, LabelMap, Mask
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import png_bytes, read_label_map
from mass13k_tools.layouts import Sample, find_dataset
from mass13k_tools.outputs import write_file
from mass13k_tools.pseudo.masks import ImageMasks, PseudoMask, pseudo_mask
from mass13k_tools.pseudo.stored import masks_path, write_masks
from mass13k_tools.taxonomy_file import taxonomy_toml

SPLITS = ("train", "val")
SMOOTHED, GROWN = 0.003, 0.001  # radii of discs, as shares of the diagonal


def main() -> None:
    """Write the four folders."""
    root, out, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    dataset = find_dataset(Path(root))
    taxonomy, rest_id = dataset.taxonomy, dataset.taxonomy.rest_id
    hidden = taxonomy.find(name)
    if rest_id is None or hidden.id == rest_id:
        raise DatasetError(f"'{name}' cannot go into a class for all else, expected another class")
    others = {row.id for row in taxonomy.classes}
    for folder, gone in (("hidden", {hidden.id}), ("bare", others)):
        write_taxonomy(out / folder, taxonomy, kept=others - gone | {rest_id})
    for sample in dataset.samples:
        if sample.split not in SPLITS:
            continue
        label_map = read_label_map(sample.label_path, taxonomy)
        damaged = damaged_mask(label_map == hidden.id)
        write_sample(out / "hidden", sample, np.where(label_map == hidden.id, rest_id, label_map))
        write_sample(out / "bare", sample, np.where(label_map == IGNORE, IGNORE, rest_id))
        path = masks_path(out / "masks", sample)
        masks = regions(damaged, hidden.name)
        write_masks(path, ImageMasks(sample.key, damaged.shape, masks), overwrite=True)
        path = out / "damaged" / sample.split / f"{sample.key}.png"
        write_file(path, png_bytes(np.where(damaged, hidden.id, rest_id).astype(np.uint8)))


def damaged_mask(mask: Mask) -> Mask:
    """Damage a mask, shape (H, W), bool, as a segmenter would that sees it at low resolution."""
    diagonal = hypot(*mask.shape)
    smoothing = disc(round(SMOOTHED * diagonal))
    growing = disc(round(GROWN * diagonal))
    pixels = np.asarray(mask, dtype=np.uint8)
    for step, shape in (
        (cv2.MORPH_OPEN, smoothing),
        (cv2.MORPH_CLOSE, smoothing),
        (cv2.MORPH_DILATE, growing),
    ):
        pixels = np.asarray(cv2.morphologyEx(pixels, step, shape), dtype=np.uint8)
    return pixels.astype(np.bool_)


def disc(radius_px: int) -> LabelMap:
    """Give a disc as a kernel of at least three pixels."""
    side = 2 * max(1, radius_px) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)


def regions(mask: Mask, class_name: str) -> tuple[PseudoMask, ...]:
    """Cut a mask into its connected regions, as a detector finds objects."""
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    found = []
    for number in range(1, count):
        x, y, width, height = (int(value) for value in boxes[number, :4])
        part = numbers[y : y + height, x : x + width] == number
        about = {"class_name": class_name, "source": "damaged truth"}
        found.append(pseudo_mask(part, corner_yx=(y, x), **about))
    return tuple(found)


def write_taxonomy(root: Path, taxonomy: Taxonomy, *, kept: set[int]) -> None:
    """Write the classes of a data set whose other classes are gone."""
    rows = tuple(row for row in taxonomy.classes if row.id in kept)
    own = replace(taxonomy, classes=rows, lookup=())
    write_file(root / "classes.toml", taxonomy_toml(own).encode())


def write_sample(root: Path, sample: Sample, label_map: LabelMap) -> None:
    """Write a label map and link its photo."""
    path = root / "annotations" / sample.split / f"{sample.key}.png"
    write_file(path, png_bytes(label_map.astype(np.uint8)))
    photo = root / "images" / sample.split / sample.image_path.name
    photo.parent.mkdir(parents=True, exist_ok=True)
    if not photo.is_symlink():
        photo.symlink_to(os.path.relpath(sample.image_path.resolve(), photo.parent))


if __name__ == "__main__":
    main()
