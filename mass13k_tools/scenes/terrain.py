"""Ground: level planes with a material, lawns with blades of grass, and far hills."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mass13k_tools.classes import SemanticClass
from mass13k_tools.scenes.layers import GROUND, TREE, polygon_box
from mass13k_tools.scenes.light import blend, srgb
from mass13k_tools.scenes.noise import Field, fractal, plane_fractal
from mass13k_tools.scenes.setting import Setting
from mass13k_tools.scenes.view import View

FARTHEST_M = 900.0  # level ground ends here, where the hills begin


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
    "asphalt": Material(GROUND, "6c6c6e", "58585c", 0.24, 0.03, stretch=0.7),
    "paving": Material(GROUND, "a39c92", "8d8780", 0.16, 0.08, joint_m=0.6),
    "cobbles": Material(GROUND, "857c74", "6d6660", 0.25, 0.06, joint_m=0.22),
    "sand": Material(GROUND, "cdb98f", "b8a27a", 0.20, 0.03, stretch=0.8),
    "soil": Material(GROUND, "8a6e50", "6f5a44", 0.45, 0.06, stretch=0.5),
    "gravel": Material(GROUND, "a09a8e", "8c8371", 0.45, 0.03, stretch=0.6),
    # Too bare for grass, yet greenish
    "dry": Material(GROUND, "93925a", "7d7347", 0.40, 0.06, stretch=0.5),
    "lawn": Material(TREE, "5d6b3c", "777a45", 0.35, 0.05, stretch=0.6),
    "meadow": Material(TREE, "6b6d40", "8f8552", 0.50, 0.10, stretch=0.6),
}


def paint_plane(setting: Setting, material: str, outline_xz: ArrayLike | None = None) -> None:
    """Paint level ground below the horizon, or inside an outline (N, 2) of X, Z in metres."""
    view, row = setting.view, MATERIALS[material]
    height, width = view.size_hw
    top = view.ground_row(FARTHEST_M)
    corners = np.array([[0.0, top], [width, top], [width, height], [0, height]])
    if outline_xz is not None:
        corners = view.ground(outline_xz)
    found = polygon_box(corners, view.size_hw)
    if found is None:
        return
    (top, left), coverage = found
    colour = _ground_colour(setting, row, (top, top + len(coverage)))
    colour = colour[:, left : left + coverage.shape[1]]
    setting.canvas.field(row.kind, coverage, colour, corner_yx=(top, left))


def _ground_colour(setting: Setting, row: Material, rows: tuple[int, int]) -> Field:
    _, view, light, rng = setting
    width = view.size_hw[1]
    waves = [[row.grain_m * 2.0**k, 0.75**k, row.stretch] for k in (0, 1, 2, 3, 5)]
    fine = plane_fractal(rows, width, view.lens, np.array(waves), rng)
    broad = np.array([[2.3, 0.7, 1.6], [7.0, 0.7, 1.6], [31.0, 0.6, 1.6]])
    patch = plane_fractal(rows, width, view.lens, broad, rng)
    relief = 1 + np.float32(row.contrast) * fine
    if row.joint_m:
        relief *= 1 - np.float32(0.45) * _joints(view, row.joint_m, rows)
    colour = blend(srgb(row.base), srgb(row.patch), np.clip(0.5 + 1.1 * patch, 0, 1))
    colour *= np.maximum(relief, 0.15)[..., None]
    colour *= light.on(np.ones(3), light.on_ground)
    clear = np.exp(-_depth(view, rows) / light.visibility_m).astype(np.float32)[:, None, None]
    colour *= clear
    colour += light.haze * (1 - clear)
    return colour


def _depth(view: View, rows: tuple[int, int]) -> NDArray[np.float64]:
    below = np.maximum(np.arange(*rows) + 0.5 - view.horizon, 0.3)
    return np.asarray(view.focal_px * view.eye_m / below, np.float64)


def _joints(view: View, slab_m: float, rows: tuple[int, int]) -> Field:
    """Part of each pixel that is joint: running bond, 12 mm wide, fading in the distance."""
    depth = _depth(view, rows)[:, None].astype(np.float32)
    column = (np.arange(view.size_hw[1], dtype=np.float32) + 0.5 - view.size_hw[1] / 2)[None]
    course = np.floor(depth / slab_m)
    x = column * depth / view.focal_px / slab_m + 0.5 * (course % 2)
    joint, deep = 0.012 / slab_m, depth / slab_m
    tall = depth * depth / (view.focal_px * view.eye_m) / slab_m
    wide = depth / view.focal_px / slab_m
    along = np.clip((joint + wide - np.abs(x - np.round(x)) * 2) / (2 * wide), 0, 1)
    across = np.clip((joint + tall - np.abs(deep - np.round(deep)) * 2) / (2 * tall), 0, 1)
    along *= np.minimum(1, joint / wide)
    across *= np.minimum(1, joint / tall)
    joints = np.maximum(along * (tall < 0.5), across * (tall < 0.4))
    return np.asarray(joints, np.float32)


def paint_blades(setting: Setting, roots_xy: ArrayLike, tall_px: ArrayLike) -> None:
    """Paint blades of grass that stand on points (N, 2), each with its own height."""
    canvas, view, light, rng = setting
    roots = np.asarray(roots_xy, np.float64)
    count = len(roots)
    tall = np.asarray(tall_px) * rng.uniform(0.35, 1.0, count)
    lean = rng.normal(0.1 * np.sign(light.sun_x), 0.45, count)
    tips = roots + np.stack([lean * tall, -tall], axis=1)
    knees = roots + np.stack([lean * tall * 0.3, -0.55 * tall], axis=1)
    green = blend(srgb("4c5832"), srgb("948f58"), rng.beta(2, 3, count))
    tone = rng.uniform(0.5, 1.2, (count, 1)).astype(np.float32)
    colour = light.on(green * tone, light.on_ground * rng.uniform(0.4, 1.0, count))
    radius = np.maximum(0.4, np.minimum(0.02 * tall, 3.5 * view.unit))[:, None]
    thin, flat = np.full((count, 1), 0.15), np.zeros((count, 2))
    lower = np.concatenate([roots, radius, knees, 0.8 * radius, colour, flat], axis=1)
    upper = np.concatenate([knees, 0.8 * radius, tips, thin, colour, flat], axis=1)
    canvas.strokes(TREE, np.stack([lower, upper], axis=1).reshape(-1, 11))


def paint_turf(setting: Setting, *, blade_m: float = 0.07) -> None:
    """Let grass stand up from the lawns near the camera, also over the rim of paths and water."""
    canvas, view, _, rng = setting
    height, width = view.size_hw
    top = view.horizon + view.focal_px * view.eye_m / 22.0  # from 22 m on it is only texture
    if top >= height:
        return
    count = int(0.004 * width * (height - top) / max(view.unit, 0.25) ** 1.5)
    x, y = rng.uniform(0, width, count), np.sort(rng.uniform(top, height, count))
    grassy = canvas.covers(TREE, x, y)
    roots = np.stack([x, y], axis=1)[grassy]
    tall = blade_m * (roots[:, 1] - view.horizon) / view.eye_m
    paint_blades(setting, roots, tall)


def paint_tufts(setting: Setting, at_xz: tuple[float, float], *, wide_m: float) -> None:
    """Let grass grow around the foot of something that stands on a lawn."""
    canvas, view, _, rng = setting
    scale = view.scale(at_xz[1])
    foot = view.project(at_xz[0], 0.0, at_xz[1]) + np.array([wide_m * scale, 0.0])
    if canvas.covers(TREE, foot[:1], foot[1:]).all():
        count = int(np.clip(0.9 * wide_m * scale, 4, 400))
        away = rng.normal(0, 0.5 * wide_m * scale, count)
        down = np.sort(rng.uniform(-0.02, 0.05, count)) * wide_m * scale
        roots = view.project(at_xz[0], 0.0, at_xz[1]) + np.stack([away, down], axis=1)
        paint_blades(setting, roots, 0.16 * scale)


def paint_hills(
    setting: Setting, *, distance_m: float, height_m: float, kind: SemanticClass = TREE
) -> None:
    """Paint a ridge: wooded, with tree tops as its outline, or bare."""
    canvas, view, light, rng = setting
    height, width = view.size_hw
    scale = view.scale(distance_m)
    broad = fractal((1, width), rng, wavelength_px=(0.6 * width, 1.0), octaves=4)[0]
    ragged = fractal((1, width), rng, wavelength_px=(max(3.0, 9 * scale), 1.0), octaves=5)[0]
    bumps = (3.5 if kind is TREE else 0.8) * scale
    crest = view.horizon - scale * height_m * (0.55 + 0.6 * broad) - bumps * np.abs(ragged)
    top = int(np.clip(crest.min() - 1, 0, height - 1))
    stop = int(np.clip(view.ground_row(FARTHEST_M) + 3 * view.unit + 2, top + 1, height))
    rows = np.arange(top, stop)[:, None]
    coverage = np.clip(rows + 1 - crest[None], 0, 1).astype(np.float32)
    clump = max(3.0, 7 * scale)
    texture = fractal(coverage.shape, rng, wavelength_px=(clump, 0.6 * clump), octaves=4)
    slope = fractal(coverage.shape, rng, wavelength_px=(0.25 * width, 0.12 * width), octaves=4)
    palette = ("3d4c34", "6a6c48") if kind is TREE else ("8d7c66", "7c7a5c")
    albedo = blend(srgb(palette[0]), srgb(palette[1]), np.clip(0.5 + slope, 0, 1))
    facing = np.clip(0.5 + 1.2 * texture + 0.8 * slope, 0.05, 1.2)
    colour = light.through_air(light.on(albedo, facing * 0.9), distance_m)
    canvas.field(kind, coverage, colour, corner_yx=(top, 0))


def cast_shadow(setting: Setting, at_xz: tuple[float, float], size_m: tuple[float, float]) -> None:
    """Darken the ground away from the sun; ``size_m`` is width and height of the object."""
    canvas, view, light, _ = setting
    reach = size_m[1] * min(2.5, 0.5 / (light.sun_height + 0.1)) * light.sun_x
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x = at_xz[0] - 0.5 * reach + (0.5 * abs(reach) + 0.5 * size_m[0]) * np.cos(turn)
    z = at_xz[1] + 0.4 * size_m[0] * np.sin(turn) - 0.15 * reach * light.sun_x * np.cos(turn)
    corners = view.ground(np.stack([x, np.maximum(z, 0.5 * at_xz[1])], axis=1))
    soft = 0.06 * size_m[0] * view.scale(at_xz[1])
    canvas.shade(corners, 1 - 0.85 * light.shadow_depth, soft_px=min(soft, 60 * view.unit))
