"""Ground: level planes with a material, lawns with blades of grass, and far hills."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mass13k_tools.classes import SemanticClass
from mass13k_tools.scenes.layers import GROUND, TREE, Canvas
from mass13k_tools.scenes.light import Light, blend, srgb
from mass13k_tools.scenes.noise import Field, fractal, plane_fractal
from mass13k_tools.scenes.view import View


@dataclass(frozen=True, slots=True)
class Material:
    """One row of the table of grounds; colours as sRGB codes, lengths in metres."""

    kind: SemanticClass
    base: str
    patch: str
    """Colour of large patches."""
    contrast: float
    grain_m: float
    stretch: float = 1.0
    joint_m: float = 0.0
    """Distance of the joints between slabs, 0 = none."""


MATERIALS = {
    "asphalt": Material(GROUND, "6c6c6e", "58585c", 0.22, 0.05),
    "paving": Material(GROUND, "a39c92", "8d8780", 0.16, 0.08, joint_m=0.6),
    "cobbles": Material(GROUND, "857c74", "6d6660", 0.25, 0.06, joint_m=0.22),
    "sand": Material(GROUND, "cdb98f", "b8a27a", 0.13, 0.25, stretch=2.0),
    "soil": Material(GROUND, "8a6e50", "6f5a44", 0.40, 0.12),
    "gravel": Material(GROUND, "a09a8e", "8c8371", 0.42, 0.04),
    "dry": Material(
        GROUND, "93925a", "7d7347", 0.35, 0.10
    ),  # hardly any blade left: ground, yet greenish
    "lawn": Material(TREE, "5d6b3c", "777a45", 0.35, 0.05, stretch=0.6),
    "meadow": Material(TREE, "6b6d40", "8f8552", 0.50, 0.10, stretch=0.6),
}


def paint_plane(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    material: str,
    outline_xz: ArrayLike | None = None,
) -> None:
    """Paint level ground: all of it below the horizon, or inside an outline (N, 2) of X, Z in metres."""
    row = MATERIALS[material]
    height, width = view.size_hw
    if outline_xz is None:
        top = max(0, int(np.floor(view.horizon)))
        corners = np.array([[0, view.horizon], [width, view.horizon], [width, height], [0, height]])
    else:
        corners = view.ground(outline_xz)
        top = int(np.clip(np.floor(corners[:, 1].min()), 0, height))
    stop = int(np.clip(np.ceil(corners[:, 1].max()), 0, height))
    if stop <= top:
        return
    colour = np.zeros((height, width, 3), np.float32)
    colour[top:stop] = _ground_colour(view, light, rng, row, (top, stop))
    canvas.polygon(row.kind, corners, colour)


def _ground_colour(
    view: View, light: Light, rng: np.random.Generator, row: Material, rows: tuple[int, int]
) -> NDArray[np.float32]:
    grain = row.grain_m
    waves = np.array([[grain * 2.0**k, 0.75**k, row.stretch] for k in (0, 1, 2, 3, 5)])
    width = view.size_hw[1]
    fine = plane_fractal(rows, width, view.lens, waves, rng)
    broad = np.array([[2.3, 0.7, 1.6], [7.0, 0.7, 1.6], [31.0, 0.6, 1.6]])
    patch = plane_fractal(rows, width, view.lens, broad, rng)
    colour = blend(srgb(row.base), srgb(row.patch), np.clip(0.5 + 1.1 * patch, 0, 1))
    relief = 1 + row.contrast * fine
    if row.joint_m:
        relief *= 1 - 0.45 * _joints(view, row.joint_m, rows)
    depth = _depth(view, rows)
    lit = light.on(colour * np.maximum(relief, 0.15)[..., None], light.on_ground)
    return light.through_air(lit, depth[:, None]).astype(np.float32)


def _depth(view: View, rows: tuple[int, int]) -> NDArray[np.float64]:
    below = np.maximum(np.arange(*rows) + 0.5 - view.horizon, 0.3)
    return view.focal_px * view.eye_m / below


def _joints(view: View, slab_m: float, rows: tuple[int, int]) -> Field:
    """How much of each pixel is joint: running bond, 12 mm wide, fading where finer than a pixel."""
    depth = _depth(view, rows)[:, None]
    column = (np.arange(view.size_hw[1]) + 0.5 - view.size_hw[1] / 2)[None]
    course = np.floor(depth / slab_m)
    x = column * depth / view.focal_px / slab_m + 0.5 * (course % 2)
    joint, deep = 0.012 / slab_m, depth / slab_m
    tall = depth * depth / (view.focal_px * view.eye_m) / slab_m
    wide = depth / view.focal_px / slab_m
    along = np.clip((joint + wide - np.abs(x - np.round(x)) * 2) / (2 * wide), 0, 1)
    across = np.clip((joint + tall - np.abs(deep - np.round(deep)) * 2) / (2 * tall), 0, 1)
    along *= np.minimum(1, joint / wide)
    across *= np.minimum(1, joint / tall)
    return np.maximum(along * (tall < 0.5), across * (tall < 0.4)).astype(np.float32)


def paint_blades(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    edge_xy: ArrayLike,
    *,
    tall_px: float,
) -> None:
    """Paint tufts of grass that stand on the points (N, 2) of a line or area."""
    roots = np.asarray(edge_xy, np.float64)
    count = len(roots)
    lean = rng.normal(0.1 * np.sign(light.sun_x), 0.45, count)
    tall = tall_px * rng.uniform(0.35, 1.0, count)
    tips = roots + np.stack([lean * tall, -tall], axis=1)
    knees = roots + np.stack([lean * tall * 0.3, -0.55 * tall], axis=1)
    green = blend(srgb("4e6a2a"), srgb("a3a05a"), rng.beta(2, 3, count))
    colour = light.on(green * rng.uniform(0.55, 1.25, (count, 1)), light.on_ground)
    radius = np.maximum(0.45, view.unit * rng.uniform(1.0, 2.4, count) * tall_px / (60 * view.unit))
    lower = np.concatenate([roots, radius[:, None], knees, 0.8 * radius[:, None]], axis=1)
    upper = np.concatenate([knees, 0.8 * radius[:, None], tips, np.full((count, 1), 0.15)], axis=1)
    flat = np.zeros((count, 2))
    rows = np.stack(
        [np.concatenate([part, colour, flat], axis=1) for part in (lower, upper)], axis=1
    )
    canvas.strokes(TREE, rows.reshape(-1, 11))


def paint_hills(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    *,
    distance_m: float,
    height_m: float,
    kind: SemanticClass = TREE,
) -> None:
    """Paint a ridge: wooded, with tree tops as its outline, or bare."""
    height, width = view.size_hw
    scale = view.scale(distance_m)
    broad = fractal((1, width), rng, wavelength_px=(0.6 * width, 1.0), octaves=4)[0]
    ragged = fractal((1, width), rng, wavelength_px=(max(3.0, 9 * scale), 1.0), octaves=5)[0]
    bumps = (3.5 if kind is TREE else 0.8) * scale
    crest = view.horizon - scale * height_m * (0.55 + 0.6 * broad) - bumps * np.abs(ragged)
    top = int(np.clip(crest.min() - 1, 0, height - 1))
    stop = int(np.clip(view.horizon + 3 * view.unit + 2, top + 1, height))
    rows = np.arange(top, stop)[:, None]
    coverage = np.clip(rows + 1 - crest[None], 0, 1)
    clump = max(3.0, 7 * scale)
    texture = fractal(coverage.shape, rng, wavelength_px=(clump, 0.6 * clump), octaves=4)
    slope = fractal(coverage.shape, rng, wavelength_px=(0.25 * width, 0.12 * width), octaves=4)
    palette = ("3d5530", "6a7340") if kind is TREE else ("8d7c66", "7c7a5c")
    albedo = blend(srgb(palette[0]), srgb(palette[1]), np.clip(0.5 + slope, 0, 1))
    facing = np.clip(0.5 + 1.2 * texture + 0.8 * slope, 0.05, 1.2)
    colour = light.through_air(light.on(albedo, facing * 0.9), distance_m)
    canvas.field(kind, coverage.astype(np.float32), colour, corner_yx=(top, 0))


def cast_shadow(
    canvas: Canvas,
    view: View,
    light: Light,
    *,
    at_xz: tuple[float, float],
    size_m: tuple[float, float],
) -> None:
    """Darken the ground on the side away from the sun; ``size_m`` is width and height of the object."""
    strength = float(np.clip(light.sun.mean() / (light.sun.mean() + light.ambient.mean()), 0, 1))
    reach = size_m[1] * min(2.5, 0.5 / (light.sun_height + 0.1)) * light.sun_x
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x = at_xz[0] - 0.5 * reach + (0.5 * abs(reach) + 0.5 * size_m[0]) * np.cos(turn)
    z = at_xz[1] + 0.4 * size_m[0] * np.sin(turn) - 0.15 * reach * light.sun_x * np.cos(turn)
    corners = view.ground(np.stack([x, np.maximum(z, 0.5 * at_xz[1])], axis=1))
    soft = 0.06 * size_m[0] * view.scale(at_xz[1])
    canvas.shade(corners, 1 - 0.85 * strength, soft_px=soft)
