"""Draws one training batch as a picture: every crop with its labels laid over it.

Usage: python scripts/draw_batch.py SOURCE PICTURE.png

SOURCE is a data set or its shards, as for the loader. Colours are not distorted, so that the crops
look like the photos.
"""

import sys
from pathlib import Path

import numpy as np

from mass13k_tools.classes import MASS13K
from mass13k_tools.images import png_bytes
from mass13k_tools.loader.loader import CropLoader
from mass13k_tools.loader.open_source import open_source
from mass13k_tools.ops import render
from mass13k_tools.ops.fit import fit_image, fit_label_map
from mass13k_tools.outputs import write_file

CROPS = 8
SIDE_PX = 384


def main() -> None:
    """Write the picture and name it."""
    address, picture = sys.argv[1], Path(sys.argv[2])
    source = open_source(address, split="train")
    crops = min(CROPS, len(source))
    # Left to the device, the distortion of colours is drawn and not done
    with CropLoader(source, batch_size=crops, seed=0, photometrics="device") as loader:
        batch = next(iter(loader))
    cells = []
    for image, label, key in zip(batch["image"], batch["label"], batch["key"], strict=True):
        pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        shown = fit_image(pixels, SIDE_PX)
        labels = fit_label_map(label.numpy(), SIDE_PX)
        pair = render.side_by_side([shown, render.overlay(shown, labels, MASS13K.colours)])
        cells.append(render.above(pair, render.legend([key], [])))
    write_file(picture, png_bytes(render.contact_sheet(cells)), overwrite=True)
    print(picture)


if __name__ == "__main__":
    main()
