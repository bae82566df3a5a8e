"""Buildings: boxes in perspective with facades, roofs and what stands on roofs."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mass13k_tools.scenes.facades import STYLES, Style, facade
from mass13k_tools.scenes.layers import BUILDING, Canvas, polygon_box, stroke_rows
from mass13k_tools.scenes.light import Light, srgb
from mass13k_tools.scenes.noise import fractal
from mass13k_tools.scenes.view import Points, View

LARGEST_TEXTURE_PX = 2600


@dataclass(frozen=True, slots=True)
class Box:
    """A house's place in the world, in metres: left, right, near, far, height."""

    x0: float
    x1: float
    z0: float
    z1: float
    tall: float
    style: str = "town"
    base: float = 0.0
    """Height of its foot above the ground plane."""


def paint_building(
    canvas: Canvas, view: View, light: Light, rng: np.random.Generator, box: Box
) -> None:
    """Paint the visible walls, the roof and its clutter."""
    style = STYLES[box.style]
    y0, y1 = box.base, box.base + box.tall
    ridge = 0.32 * min(box.x1 - box.x0, box.z1 - box.z0) if style.pitched else 0.0
    if ridge:
        _paint_roof(canvas, view, light, rng, box, ridge)
    else:
        _paint_clutter(canvas, view, light, rng, box)
    if view.eye_m > y1 and not ridge:
        top = view.project([box.x0, box.x1, box.x1, box.x0], y1, [box.z0, box.z0, box.z1, box.z1])
        colour = light.through_air(light.on(srgb("8a8780"), light.on_ground), box.z0)
        canvas.polygon(BUILDING, top, colour)
    if box.x0 > 0 or box.x1 < 0:
        x = box.x0 if box.x0 > 0 else box.x1
        facing = light.on_wall(-1.0 if box.x0 > 0 else 1.0)
        ends = (box.z0, box.z1) if box.x1 < 0 else (box.z1, box.z0)
        corners = view.project(x, [y1, y1, y0, y0], [ends[0], ends[1], ends[1], ends[0]])
        size = (box.z1 - box.z0, box.tall)
        _paint_wall(canvas, light, rng, style, corners, _Wall(size, facing, box.z0))
    corners = view.project([box.x0, box.x1, box.x1, box.x0], [y1, y1, y0, y0], box.z0)
    size = (box.x1 - box.x0, box.tall)
    _paint_wall(canvas, light, rng, style, corners, _Wall(size, light.on_wall(0.0), box.z0))


@dataclass(frozen=True, slots=True)
class _Wall:
    size_m: tuple[float, float]
    facing: float
    distance_m: float


def _paint_wall(
    canvas: Canvas,
    light: Light,
    rng: np.random.Generator,
    style: Style,
    corners: Points,
    wall: _Wall,
) -> None:
    """Warp a facade into the quadrilateral of its corners (top left, top right, bottom right, …)."""
    found = polygon_box(corners, canvas.size_hw)
    if found is None or np.ptp(corners[:, 0]) < 0.3:
        return
    (top, left), coverage = found
    sides = np.hypot(*(corners[[1, 2]] - corners[[2, 3]]).T)
    resolution = min(
        max(sides[0] / wall.size_m[1], np.hypot(*(corners[3] - corners[0])) / wall.size_m[1]),
        LARGEST_TEXTURE_PX / max(wall.size_m),
    )
    picture = facade(
        style, light, rng, size_m=wall.size_m, px_per_m=max(resolution, 0.5), facing=wall.facing
    )
    across = np.ptp(corners[:, 0])
    if picture.shape[1] > 1.5 * across:  # foreshortened: shrink first, the warp does not average
        size = (max(2, int(1.2 * across)), picture.shape[0])
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    height, width = picture.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    place = (corners - [left, top]).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(flat, place)
    warped = cv2.warpPerspective(
        picture,
        matrix,
        (coverage.shape[1], coverage.shape[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    colour = light.through_air(warped, wall.distance_m)
    canvas.field(BUILDING, coverage, colour, corner_yx=(top, left))


def _paint_roof(
    canvas: Canvas, view: View, light: Light, rng: np.random.Generator, box: Box, ridge_m: float
) -> None:
    """Two slopes with the ridge parallel to the front, rows of tiles and chimneys behind it."""
    y1, middle = box.base + box.tall, 0.5 * (box.z0 + box.z1)
    tiles = srgb(str(rng.choice(["8a4a34", "6e4a3e", "5c5f63", "7a5a48", "4d5247"])))
    for _ in range(int(rng.integers(1, 3))):
        x = rng.uniform(box.x0 + 0.8, box.x1 - 0.8)
        stack = view.project([x - 0.4, x + 0.4, x + 0.4, x - 0.4], 0, middle)
        foot, head = view.project(x, [y1, y1 + ridge_m + rng.uniform(0.8, 1.6)], middle)[:, 1]
        stack[:, 1] = [head, head, foot, foot]
        brick = light.through_air(light.on(srgb("7d5647"), light.on_wall(0.0)), box.z0)
        canvas.polygon(BUILDING, stack, brick)
    eave = 0.3
    outline = view.project(
        [box.x0 - eave, box.x0 - eave, box.x1 + eave, box.x1 + eave],
        [y1 - 0.1, y1 + ridge_m, y1 + ridge_m, y1 - 0.1],
        [box.z0 - eave, middle, middle, box.z0 - eave],
    )
    found = polygon_box(outline, canvas.size_hw)
    if found is None:
        return
    (top, left), coverage = found
    course = max(2.0, 0.22 * view.scale(box.z0))
    texture = fractal(coverage.shape, rng, wavelength_px=(3 * course, course), octaves=4)
    rows = 1 + 0.14 * np.sin(np.arange(coverage.shape[0]) / course * 2 * np.pi)[:, None]
    albedo = tiles * (rows * (1 + 0.5 * texture))[..., None]
    facing = 0.45 + 0.5 * light.sun_height
    colour = light.through_air(light.on(albedo, facing), box.z0)
    canvas.field(BUILDING, coverage, colour, corner_yx=(top, left))
    if box.x0 > 0 or box.x1 < 0:
        x = box.x0 if box.x0 > 0 else box.x1
        gable = view.project(x, [y1 - 0.1, y1 + ridge_m, y1 - 0.1], [box.z0, middle, box.z1])
        facing = light.on_wall(-1.0 if box.x0 > 0 else 1.0)
        wall = light.on(srgb(STYLES[box.style].walls[0]) * 0.9, facing)
        canvas.polygon(BUILDING, gable, light.through_air(wall, box.z0))


def _paint_clutter(
    canvas: Canvas, view: View, light: Light, rng: np.random.Generator, box: Box
) -> None:
    """Parapets, plant rooms, tanks and antennas of a flat roof; all of it counts as building."""
    y1 = box.base + box.tall
    shade = light.through_air(light.on(srgb("8f8d88"), light.on_wall(0.0)), box.z0)
    wide = box.x1 - box.x0
    for _ in range(int(rng.integers(2, 7))):
        x = rng.uniform(box.x0 + 0.1 * wide, box.x0 + 0.8 * wide)
        size = rng.uniform(0.06, 0.22) * min(wide, 25.0)
        tall, z = rng.uniform(0.25, 0.8) * size, rng.uniform(box.z0, box.z1)
        low, high = view.project([x, x + size], [y1 - 0.5, y1 + tall], z)
        canvas.polygon(BUILDING, _upright(low, high), shade * rng.uniform(0.55, 1.2))
    for _ in range(int(rng.integers(1, 6))):
        x, z = rng.uniform(box.x0, box.x1), rng.uniform(box.z0, box.z1)
        tall = rng.uniform(1.5, 5.0)
        mast = view.project(x, [y1 - 0.5, y1 + tall], z)
        radius = max(0.35, 0.04 * view.scale(z))
        canvas.strokes(BUILDING, stroke_rows(mast, [radius, 0.7 * radius], shade * 0.4))
        for part in (0.65, 0.8, 0.92):
            half = rng.uniform(0.3, 0.8)
            arm = view.project([x - half, x + half], y1 + part * tall, z)
            canvas.strokes(BUILDING, stroke_rows(arm, 0.7 * radius, shade * 0.4))


def _upright(low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    (x0, y0), (x1, y1) = np.asarray(low), np.asarray(high)
    return np.array([[x0, y0], [x0, y1], [x1, y1], [x1, y0]])
