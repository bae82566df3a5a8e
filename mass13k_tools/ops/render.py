"""Pictures of label maps: exact colours, no smoothing of labels, readable legends."""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from mass13k_tools.arrays import Image, LabelMap, check_image, check_label_map
from mass13k_tools.ops.edges import edge_map

Colours = NDArray[np.uint8]  # (256, 3) RGB by label value, see Taxonomy.colours

PAPER = (255, 255, 255)
INK = (30, 30, 30)
GAP_PX = 12


class LegendRow(NamedTuple):
    """One line of a legend."""

    colour: tuple[int, int, int]
    text: str


def colour_map(label_map: LabelMap, colours: Colours) -> Image:
    """Paint every pixel in the colour of its class.

    Args:
        label_map: Class ids, shape (H, W), uint8.
        colours: RGB by id, shape (256, 3), uint8.

    Returns:
        Shape (H, W, 3), uint8, RGB.

    Example:
        >>> colours = np.zeros((256, 3), np.uint8)
        >>> colours[5] = 0, 0, 255
        >>> colour_map(np.array([[5]], np.uint8), colours)[0, 0]
        array([  0,   0, 255], dtype=uint8)
    """
    return colours[check_label_map(label_map)]


def overlay(image: Image, label_map: LabelMap, colours: Colours, *, opacity: float = 0.5) -> Image:
    """Lay class colours over the image.

    Args:
        image: Shape (H, W, 3), uint8, RGB.
        label_map: Class ids, shape (H, W), uint8.
        colours: RGB by id, shape (256, 3), uint8.
        opacity: 0 shows the image, 1 the colours.
    """
    colour = colour_map(label_map, colours)
    mixed = cv2.addWeighted(check_image(image), 1 - opacity, colour, opacity, 0)
    return np.asarray(mixed, dtype=np.uint8)


def outlines(image: Image, label_map: LabelMap, colours: Colours) -> Image:
    """Draw the class changes over the image, each side in the colour of its class."""
    edges = edge_map(label_map)
    drawn = check_image(image).copy()
    drawn[edges] = colours[label_map[edges]]
    return drawn


def fit_image(image: Image, side_px: int) -> Image:
    """Bring the longer side to ``side_px`` or just below: shrink by area, enlarge by repetition.

    Args:
        image: Shape (H, W, 3), uint8.
        side_px: Wanted length of the longer side; 0 leaves the image alone.
    """
    return _fit(image, side_px, cv2.INTER_AREA)


def fit_label_map(label_map: LabelMap, side_px: int) -> LabelMap:
    """Bring the longer side to ``side_px`` or just below, without mixing labels.

    An enlarged label pixel is a square of one value; a shrunk map picks pixels.

    Example:
        >>> fit_label_map(np.array([[1, 2]], np.uint8), 5)
        array([[1, 1, 2, 2],
               [1, 1, 2, 2]], dtype=uint8)
    """
    return _fit(label_map, side_px, cv2.INTER_NEAREST)


def _fit(pixels: NDArray[np.uint8], side_px: int, shrinking: int) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    longer = max(height, width)
    if side_px == 0 or longer == side_px:
        return pixels
    if longer < side_px:
        factor = max(1, side_px // longer)
        return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    scale = side_px / longer
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=shrinking), dtype=np.uint8)


def legend(title: Sequence[str], rows: Sequence[LegendRow], *, text_px: int = 20) -> Image:
    """Draw lines of text, then one line per class with its colour.

    Args:
        title: Lines above the classes.
        rows: The classes.
        text_px: Height of the letters.

    Returns:
        As large as the text needs, uint8, RGB.
    """
    font = ImageFont.load_default(text_px)
    line = round(1.5 * text_px)
    indent = text_px + GAP_PX
    widths = [font.getlength(text) for text in title]
    widths += [indent + font.getlength(row.text) for row in rows]
    size = (ceil(max(widths, default=1)) + 2 * GAP_PX, line * (len(title) + len(rows)) + 2 * GAP_PX)
    sheet = PillowImage.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, text in enumerate(title):
        draw.text((GAP_PX, GAP_PX + number * line), text, INK, font)
    for number, row in enumerate(rows, start=len(title)):
        top = GAP_PX + number * line
        draw.rectangle((GAP_PX, top, GAP_PX + text_px, top + text_px), row.colour, INK)
        draw.text((GAP_PX + indent, top), row.text, INK, font)
    return np.array(sheet)


def side_by_side(pictures: Sequence[Image]) -> Image:
    """Put pictures into one row on white, aligned at the top, pixels unchanged."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + GAP_PX * (len(pictures) + 1)
    sheet = np.full((height + 2 * GAP_PX, width, 3), PAPER, dtype=np.uint8)
    left = GAP_PX
    for picture in pictures:
        sheet[GAP_PX : GAP_PX + picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + GAP_PX
    return sheet


def contact_sheet(pictures: Sequence[Image]) -> Image:
    """Put pictures into a grid about as wide as high, each in a cell of the largest one's size."""
    cell_height = max(picture.shape[0] for picture in pictures) + GAP_PX
    cell_width = max(picture.shape[1] for picture in pictures) + GAP_PX
    columns = min(len(pictures), ceil(sqrt(len(pictures) * cell_height / cell_width)))
    rows = ceil(len(pictures) / columns)
    shape = (rows * cell_height + GAP_PX, columns * cell_width + GAP_PX, 3)
    sheet = np.full(shape, PAPER, dtype=np.uint8)
    for number, picture in enumerate(pictures):
        top = GAP_PX + number // columns * cell_height
        left = GAP_PX + number % columns * cell_width
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def above(picture: Image, below: Image) -> Image:
    """Put one picture on top of another on white, aligned at the left."""
    width = max(picture.shape[1], below.shape[1])
    parts = []
    for part in (picture, below):
        sheet = np.full((part.shape[0], width, 3), PAPER, dtype=np.uint8)
        sheet[:, : part.shape[1]] = part
        parts.append(sheet)
    return np.concatenate(parts)
