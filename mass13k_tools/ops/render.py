"""Pictures of label maps: exact colours, drawings over photos, legends, sheets."""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from mass13k_tools.arrays import Image, LabelMap, Mask, check_image, check_label_map
from mass13k_tools.ops.edges import edge_map

Colours = NDArray[np.uint8]  # (256, 3) RGB by label value, see Taxonomy.colours

RGB = tuple[int, int, int]

PAPER = (255, 255, 255)
INK = (30, 30, 30)
GAP_PX = 12
HATCH_PX, HATCH_GREYS = 5, (85, 115)


class LegendRow(NamedTuple):
    """One line of a legend."""

    colour: RGB | None
    """None for a heading."""
    text: str


class Marks(NamedTuple):
    """Where something is drawn over a picture."""

    strength: NDArray[np.float32]
    """0..1, shape (H, W)."""
    colour: RGB


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


def draw_marks(image: Image, marks: Sequence[Marks]) -> Image:
    """Draw marks over a picture; where several meet, the strongest gives the colour.

    Colours are not mixed with each other, so each stays the one in the legend; the strengths add up
    to the opacity.

    Args:
        image: Shape (H, W, 3), uint8, RGB.
        marks: At least one, all of the image's size.
    """
    strengths = np.stack([mark.strength for mark in marks])
    colours = np.array([mark.colour for mark in marks], dtype=np.float32)
    opacity = np.minimum(strengths.sum(axis=0), 1)[..., None]
    drawn = check_image(image) * (1 - opacity) + colours[strengths.argmax(axis=0)] * opacity
    return np.asarray(np.rint(drawn), dtype=np.uint8)


def dimmed_grey(image: Image, *, darkest: int, lightest: int) -> Image:
    """Turn an image to grey between two values, as a ground for marks.

    Args:
        image: Shape (H, W, 3), uint8, RGB.
        darkest: What black becomes, 0..255.
        lightest: What white becomes, 0..255.
    """
    grey = cv2.cvtColor(check_image(image), cv2.COLOR_RGB2GRAY)
    ground = np.rint(darkest + grey * ((lightest - darkest) / 255)).astype(np.uint8)
    return np.repeat(ground[:, :, None], 3, axis=2)


def hatched(image: Image, where: Mask) -> Image:
    """Cover a part of a picture with grey diagonal stripes, as nothing in a photo looks."""
    rows, columns = np.arange(where.shape[0])[:, None], np.arange(where.shape[1])
    stripes = np.where((rows + columns) // HATCH_PX % 2, *HATCH_GREYS).astype(np.uint8)
    return np.where(where[..., None], stripes[..., None], check_image(image))


def heat_map(values: NDArray[np.float32]) -> Image:
    """Paint 0..1 from black over red to light yellow.

    Args:
        values: Shape (H, W), float32; the scale is fixed, so pictures can be compared.

    Returns:
        Shape (H, W, 3), uint8, RGB.
    """
    bytes_ = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(bytes_, cv2.COLORMAP_INFERNO)[:, :, ::-1], dtype=np.uint8)


def legend(title: Sequence[str], rows: Sequence[LegendRow], *, text_px: int = 20) -> Image:
    """Draw lines of text, then one line per row with its colour.

    Args:
        title: Lines above the rows.
        rows: What there is, with headings in between.
        text_px: Height of the letters.

    Returns:
        As large as the text needs, uint8, RGB.
    """
    font = ImageFont.load_default(text_px)
    line = round(1.5 * text_px)
    indent = text_px + GAP_PX
    widths = [font.getlength(text) for text in title]
    widths += [indent * (row.colour is not None) + font.getlength(row.text) for row in rows]
    headings = sum(row.colour is None for row in rows)
    height = line * (len(title) + len(rows)) + headings * line // 2 + 2 * GAP_PX
    width = ceil(max(widths, default=1)) + 2 * GAP_PX
    sheet = PillowImage.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    top = GAP_PX
    for text in title:
        draw.text((GAP_PX, top), text, INK, font)
        top += line
    for row in rows:
        left = GAP_PX
        if row.colour is None:
            top += line // 2
        else:
            draw.rectangle((left, top, left + text_px, top + text_px), row.colour, INK)
            left += indent
        draw.text((left, top), row.text, INK, font)
        top += line
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
