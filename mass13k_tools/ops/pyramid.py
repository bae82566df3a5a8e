"""Pictures at halved sizes, cut into tiles.

Level 0 is the whole picture; each further level halves both sides, rounded up, until one tile
holds everything. Photos are averaged. Numbers are not: of class ids every 2^level-th pixel is
taken, and of marks the largest of a block, so that a line of one pixel stays a line.
"""

from math import ceil
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.errors import DatasetError

TILE_PX = 512
Kind = Literal["photo", "ids", "marks"]
Pixels = NDArray[np.uint8]


def level_count(size_hw: tuple[int, int]) -> int:
    """Count the levels of a picture.

    Example:
        >>> level_count((3072, 4096)), level_count((512, 512)), level_count((513, 1))
        (4, 1, 2)
    """
    levels = 1
    while max(level_size(size_hw, levels - 1)) > TILE_PX:
        levels += 1
    return levels


def level_size(size_hw: tuple[int, int], level: int) -> tuple[int, int]:
    """Give the size (H, W) of a level.

    Example:
        >>> level_size((3072, 4095), 3)
        (384, 512)
    """
    return ceil(size_hw[0] / 2**level), ceil(size_hw[1] / 2**level)


def at_level(pixels: Pixels, level: int, kind: Kind) -> Pixels:
    """Give a picture at a level.

    Args:
        pixels: Shape (H, W) or (H, W, 3), uint8.
        level: 0 for the picture itself.
        kind: How pixels become one: averaged, picked, or the largest of them.
    """
    if level == 0:
        return pixels
    step = 2**level
    if kind == "ids":
        return pixels[::step, ::step]
    if kind == "marks":
        rows = np.maximum.reduceat(pixels, np.arange(0, pixels.shape[0], step), axis=0)
        return np.maximum.reduceat(rows, np.arange(0, pixels.shape[1], step), axis=1)
    height, width = level_size((pixels.shape[0], pixels.shape[1]), level)
    shrunk = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, dtype=np.uint8)


def tile_of(pixels: Pixels, row: int, column: int) -> Pixels:
    """Cut a tile out of a level; those at the far ends are smaller.

    Raises:
        DatasetError: There is no such tile.
    """
    y, x = row * TILE_PX, column * TILE_PX
    if min(row, column) < 0 or y >= pixels.shape[0] or x >= pixels.shape[1]:
        raise DatasetError(f"no tile {row}, {column} in a picture of {pixels.shape[:2]}")
    return pixels[y : y + TILE_PX, x : x + TILE_PX]
