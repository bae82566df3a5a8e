"""Buildings: boxes in perspective with facades, roofs and what stands on roofs."""

from dataclasses import dataclass

import cv2
import numpy as np

from mass13k_tools.scenes.facades import STYLES, Wall, facade
from mass13k_tools.scenes.layers import BUILDING, polygon_box, stroke_rows
from mass13k_tools.scenes.light import Rgb, srgb
from mass13k_tools.scenes.noise import fractal
from mass13k_tools.scenes.setting import Setting
from mass13k_tools.scenes.view import Points

LARGEST_TEXTURE_PX = 2600
TILES = ("8a5c48", "6e5248", "5c5f63", "7a6454", "4d5247")


@dataclass(frozen=True, slots=True)
class Box:
    """A house's place in the world, in metres: left, right, near, far, height."""

    x0: float
    x1: float
    z0: float
    z1: float
    tall: float
    style: str = "town"

    @property
    def shown_x(self) -> float | None:
        """Where the side wall is that the camera sees, if any."""
        return self.x0 if self.x0 > 0 else self.x1 if self.x1 < 0 else None

    @property
    def shown_normal(self) -> float:
        """Which way that side wall faces, -1 = left."""
        return -1.0 if self.x0 > 0 else 1.0


def paint_building(setting: Setting, box: Box) -> None:
    """Paint the visible walls, the roof and its clutter."""
    canvas, view, light, rng = setting
    style, y1 = STYLES[box.style], box.tall
    paint = srgb(str(rng.choice(style.walls))) * np.float32(rng.uniform(0.8, 1.15))
    if style.pitched:
        _paint_roof(setting, box, paint)
    else:
        _paint_clutter(setting, box)
        if view.eye_m > y1:
            across, away = [box.x0, box.x1, box.x1, box.x0], [box.z0, box.z0, box.z1, box.z1]
            colour = light.through_air(light.on(srgb("8a8780"), light.on_ground), box.z0)
            canvas.polygon(BUILDING, view.project(across, y1, away), colour)
    heights = [y1, y1, 0.0, 0.0]
    if box.shown_x is not None:
        ends = (box.z0, box.z1) if box.x1 < 0 else (box.z1, box.z0)
        corners = view.project(box.shown_x, heights, [*ends, *ends[::-1]])
        facing = light.on_wall(box.shown_normal)
        _paint_wall(
            setting, box, corners, Wall((box.z1 - box.z0, y1), (1, 1), facing, box.z0, paint)
        )
    corners = view.project([box.x0, box.x1, box.x1, box.x0], heights, box.z0)
    facing = light.on_wall(0.0)
    _paint_wall(setting, box, corners, Wall((box.x1 - box.x0, y1), (1, 1), facing, box.z0, paint))


def _paint_wall(setting: Setting, box: Box, corners: Points, wall: Wall) -> None:
    """Warp a facade into its corners: top left, top right, bottom right, bottom left."""
    canvas, _, light, rng = setting
    found = polygon_box(corners, canvas.size_hw)
    across = float(np.ptp(corners[:, 0]))
    if found is None or across < 0.3:
        return
    (top, left), coverage = found
    most = LARGEST_TEXTURE_PX / max(wall.size_m)
    sides = np.abs(corners[[0, 1], 1] - corners[[3, 2], 1])
    up = min(float(sides.max()) / wall.size_m[1], most)
    slant = float(sides.max() / max(sides.min(), 1.0))  # the near end is seen in more detail
    over = min(min(3.0, slant) * across / wall.size_m[0], most)
    fine = wall._replace(px_per_m=(max(over, 0.5), max(up, 0.5)))
    picture = facade(STYLES[box.style], light, rng, fine)
    height, width = picture.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, (corners - [left, top]).astype(np.float32))
    size = (coverage.shape[1], coverage.shape[0])
    warped = cv2.warpPerspective(
        picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    colour = light.through_air(warped, wall.distance_m)
    canvas.field(BUILDING, coverage, colour, corner_yx=(top, left))


def _paint_roof(setting: Setting, box: Box, paint: Rgb) -> None:
    """A slope with rows of tiles, its ridge parallel to the front, and the gable at the side."""
    canvas, view, light, rng = setting
    y1, middle, eave = box.tall, 0.5 * (box.z0 + box.z1), 0.3
    ridge = y1 + 0.32 * min(box.x1 - box.x0, box.z1 - box.z0)
    for _ in range(int(rng.integers(1, 3))):
        _paint_chimney(setting, box, ridge)
    if box.shown_x is not None:
        ends = [box.z0, middle, box.z1]
        gable = view.project(box.shown_x, [y1 - 0.1, ridge, y1 - 0.1], ends)
        wall = light.on(paint, light.on_wall(box.shown_normal))
        canvas.polygon(BUILDING, gable, light.through_air(wall, box.z0))
    outline = view.project(
        [box.x0 - eave, box.x0 - eave, box.x1 + eave, box.x1 + eave],
        [y1 - 0.1, ridge, ridge, y1 - 0.1],
        [box.z0 - eave, middle, middle, box.z0 - eave],
    )
    found = polygon_box(outline, canvas.size_hw)
    if found is None:
        return
    (top, left), coverage = found
    course = max(2.0, 0.22 * view.scale(box.z0))
    texture = fractal(coverage.shape, rng, wavelength_px=(3 * course, course), octaves=4)
    rows = 1 + 0.14 * np.sin(np.arange(coverage.shape[0]) / course * 2 * np.pi)[:, None]
    albedo = srgb(str(rng.choice(TILES))) * (rows * (1 + 0.5 * texture))[..., None]
    colour = light.through_air(light.on(albedo, 0.45 + 0.5 * light.sun_height), box.z0)
    canvas.field(BUILDING, coverage, colour, corner_yx=(top, left))


def _paint_chimney(setting: Setting, box: Box, ridge: float) -> None:
    canvas, view, light, rng = setting
    middle = 0.5 * (box.z0 + box.z1)
    x = rng.uniform(box.x0 + 0.8, box.x1 - 0.8)
    top = ridge + rng.uniform(0.8, 1.6)
    corners = view.project(
        [x - 0.4, x + 0.4, x + 0.4, x - 0.4], [top, top, box.tall, box.tall], middle
    )
    brick = light.on(srgb("7d6253"), light.on_wall(0.0))
    canvas.polygon(BUILDING, corners, light.through_air(brick, box.z0))


def _paint_clutter(setting: Setting, box: Box) -> None:
    """Plant rooms, tanks and antennas of a flat roof; all of it counts as building."""
    canvas, view, light, rng = setting
    y1, wide = box.tall, box.x1 - box.x0
    shade = light.through_air(light.on(srgb("8f8d88"), light.on_wall(0.0)), box.z0)
    for _ in range(int(rng.integers(2, 7))):
        x = rng.uniform(box.x0 + 0.1 * wide, box.x0 + 0.8 * wide)
        size = rng.uniform(0.06, 0.22) * min(wide, 25.0)
        y2, z = y1 + rng.uniform(0.25, 0.8) * size, rng.uniform(box.z0, box.z1)
        corners = view.project([x, x, x + size, x + size], [y1 - 0.5, y2, y2, y1 - 0.5], z)
        canvas.polygon(BUILDING, corners, shade * rng.uniform(0.55, 1.2))
    for _ in range(int(rng.integers(1, 6))):
        x, z = rng.uniform(box.x0, box.x1), rng.uniform(box.z0, box.z1)
        tall = rng.uniform(1.5, 5.0) * min(1.0, y1 / 10)
        mast = view.project(x, [y1 - 0.5, y1 + tall], z)
        radius = max(0.35, 0.04 * view.scale(z))
        canvas.strokes(BUILDING, stroke_rows(mast, [radius, 0.7 * radius], shade * 0.4))
        for part in (0.65, 0.8, 0.92):
            half = 0.16 * tall * rng.uniform(0.6, 1.4)
            arm = view.project([x - half, x + half], y1 + part * tall, z)
            canvas.strokes(BUILDING, stroke_rows(arm, 0.7 * radius, shade * 0.4))
