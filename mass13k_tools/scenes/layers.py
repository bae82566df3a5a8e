"""The canvas: colours and class shares that every object is painted onto, back to front."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mass13k_tools.arrays import LabelMap
from mass13k_tools.classes import MASS13K, SemanticClass
from mass13k_tools.scenes import raster
from mass13k_tools.scenes.raster import Pixels, Rows, Shares

# What the painters paint; the names are looked up once, the ids stay in the taxonomy
OTHERS = MASS13K.find("background")
PERSON = MASS13K.find("person")
BUILDING = MASS13K.find("building")
TREE = MASS13K.find("tree")
GROUND = MASS13K.find("ground")
SKY = MASS13K.find("sky")
WATER = MASS13K.find("water")

_PLACE = {row: number for number, row in enumerate(MASS13K.classes)}


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture in the making."""

    rgb: Pixels
    """(H, W, 3) float32, linear light."""
    shares: Shares
    """(H, W, classes) uint16, the part of each pixel that a class covers; 65535 in all."""

    @classmethod
    def blank(cls, size_hw: tuple[int, int]) -> Self:
        """Make a black canvas that is all background."""
        shares = np.zeros((*size_hw, len(MASS13K.classes)), np.uint16)
        shares[..., _PLACE[OTHERS]] = raster.WHOLE
        return cls(np.zeros((*size_hw, 3), np.float32), shares)

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    def field(
        self,
        kind: SemanticClass,
        coverage: NDArray[np.float32],
        colour: ArrayLike,
        *,
        corner_yx: tuple[int, int] = (0, 0),
    ) -> None:
        """Paint a box of coverage (h, w), 0..1, in one colour or in colours (h, w, 3)."""
        colours = np.broadcast_to(np.asarray(colour, np.float32), (*coverage.shape, 3))
        raster.paint_field(
            self.rgb,
            self.shares,
            _PLACE[kind],
            corner_yx,
            np.ascontiguousarray(coverage, np.float32),
            np.ascontiguousarray(colours),
        )

    def polygon(self, kind: SemanticClass, points_xy: ArrayLike, colour: ArrayLike) -> None:
        """Paint a polygon (N, 2) in one colour, or in two (2, 3): at its top and at its bottom."""
        box = polygon_box(points_xy, self.size_hw)
        if box is None:
            return
        (top, left), coverage = box
        colours = np.asarray(colour, np.float32)
        if colours.ndim == 2:
            reach = np.asarray(points_xy)[:, 1]
            rows = np.arange(top, top + len(coverage), dtype=np.float32)
            down = (rows - reach.min()) / max(float(np.ptp(reach)), 1.0)
            colours = (colours[0] + (colours[1] - colours[0]) * down[:, None])[:, None]
        self.field(kind, coverage, colours, corner_yx=(top, left))

    def shade(self, points_xy: ArrayLike, factor: float, *, soft_px: float = 0.0) -> None:
        """Darken a polygon, such as a shadow on the ground; no class changes."""
        box = polygon_box(points_xy, self.size_hw, margin_px=int(3 * soft_px) + 1)
        if box is None:
            return
        (top, left), coverage = box
        if soft_px > 0.5:
            coverage = cv2.GaussianBlur(coverage, (0, 0), soft_px).astype(np.float32)
        under = self.rgb[top : top + coverage.shape[0], left : left + coverage.shape[1]]
        under *= (1.0 - (1.0 - factor) * coverage)[..., None]

    def texture(
        self, kind: SemanticClass, corner_yx: tuple[int, int], relief: NDArray[np.float32]
    ) -> None:
        """Lighten and darken one class inside a box by ``1 + relief``; no class changes."""
        top, left = corner_yx
        box = np.s_[top : top + relief.shape[0], left : left + relief.shape[1]]
        part = self.shares[box][..., _PLACE[kind]].astype(np.float32) / np.float32(raster.WHOLE)
        self.rgb[box] *= np.maximum(0, 1 + relief * part)[..., None]

    def strokes(self, kind: SemanticClass, rows: Rows) -> None:
        """Paint tapered lines, rows of :func:`raster.paint_strokes`."""
        table = np.ascontiguousarray(rows, np.float32)
        raster.paint_strokes(self.rgb, self.shares, _PLACE[kind], table)

    def leaves(self, kind: SemanticClass, rows: Rows) -> None:
        """Paint leaves, rows of :func:`raster.paint_leaves`."""
        table = np.ascontiguousarray(rows, np.float32)
        raster.paint_leaves(self.rgb, self.shares, _PLACE[kind], table)

    def defocus(self, sigma_px: float) -> None:
        """Blur what is painted so far, colours and class shares alike, as a lens would."""
        if sigma_px < 0.3:
            return
        self.rgb[:] = cv2.GaussianBlur(self.rgb, (0, 0), sigma_px)
        for which in range(self.shares.shape[2]):
            blurred = cv2.GaussianBlur(self.shares[..., which], (0, 0), sigma_px)
            self.shares[..., which] = blurred

    def covers(
        self, kind: SemanticClass, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Tell at which points a class covers most of the pixel."""
        rows = np.clip(y.astype(int), 0, self.size_hw[0] - 1)
        columns = np.clip(x.astype(int), 0, self.size_hw[1] - 1)
        return np.asarray(self.shares[rows, columns, _PLACE[kind]] > raster.WHOLE // 2)

    def label_map(self) -> LabelMap:
        """Label each pixel with the class that covers most of it."""
        return raster.largest_share(self.shares, np.array(MASS13K.ids, np.uint8))


def polygon_box(
    points_xy: ArrayLike, size_hw: tuple[int, int], *, margin_px: int = 0
) -> tuple[tuple[int, int], NDArray[np.float32]] | None:
    """Rasterise a polygon.

    Args:
        points_xy: Corners, shape (N, 2), may lie outside the picture.
        size_hw: The picture that the box is cut to.
        margin_px: Empty border around the polygon.

    Returns:
        The box's top left pixel (y, x) and its coverage (h, w), 0..1; None if nothing is inside.
    """
    points = np.asarray(points_xy, np.float32)
    low = np.maximum(np.floor(points.min(0)) - margin_px, 0).astype(int)
    high = np.minimum(np.ceil(points.max(0)) + margin_px, (size_hw[1], size_hw[0])).astype(int)
    if (high <= low).any():
        return None
    coverage = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
    raster.fill_polygon(points - low.astype(np.float32), coverage)
    return (int(low[1]), int(low[0])), coverage


def stroke_rows(
    path_xy: ArrayLike,
    radius_px: ArrayLike,
    colour: ArrayLike,
    *,
    roundness: float = 0.0,
    cap: bool = True,
) -> Rows:
    """Make the rows of a tapered line through points.

    Args:
        path_xy: Points, shape (N, 2) with N >= 2.
        radius_px: One radius, or one per point.
        colour: Linear RGB.
        roundness: Shading across the line, positive = lit from the right.
        cap: Round ends and joints.
    """
    path = np.asarray(path_xy, np.float32)
    radius = np.broadcast_to(np.asarray(radius_px, np.float32), len(path))
    rows = np.empty((len(path) - 1, 11), np.float32)
    rows[:, 0:2], rows[:, 2] = path[:-1], radius[:-1]
    rows[:, 3:5], rows[:, 5] = path[1:], radius[1:]
    rows[:, 6:9] = colour
    rows[:, 9], rows[:, 10] = roundness, cap
    return rows
