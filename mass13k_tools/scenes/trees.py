"""Trees: branches that fork and taper, and leaves in clumps with a sunny and a shady side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.scenes.layers import TREE, Canvas
from mass13k_tools.scenes.light import Light, blend, srgb
from mass13k_tools.scenes.raster import Rows
from mass13k_tools.scenes.view import View

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Species:
    """One row of the table of trees; colours as sRGB codes."""

    bark: str
    leaf: tuple[str, str]
    """Colours between which its leaves vary."""
    spread: float
    """Angle between sister branches, in radians."""
    trunk: float
    """Part of the height that is bare trunk."""
    droop: float
    """How far branches bend down (positive) or up (negative)."""
    leaf_m: float
    layers: float
    """Leaves on top of each other in a clump; 0 = bare."""


SPECIES = {
    "lime": Species("5b4b3c", ("46552f", "7d8450"), 0.62, 0.22, 0.02, 0.13, 1.5),
    "birch": Species("b9b2a6", ("59663a", "9a9658"), 0.50, 0.25, 0.16, 0.08, 0.75),
    "maple": Species("4f4238", ("7d5a34", "a88248"), 0.66, 0.20, 0.02, 0.15, 1.2),
    "plane": Species("8c8270", ("4e5a34", "84844f"), 0.72, 0.26, 0.08, 0.18, 0.9),
    "poplar": Species("6b6152", ("465733", "78804c"), 0.30, 0.12, -0.10, 0.10, 1.4),
    "olive": Species("6f6658", ("6d7760", "9aa08a"), 0.75, 0.16, 0.03, 0.09, 1.0),
    "bare": Species("554a40", ("5b4b3c", "6b5a48"), 0.56, 0.20, -0.02, 0.05, 0.0),
    "bush": Species("54483a", ("3b4a2b", "6c7446"), 0.95, 0.03, 0.05, 0.10, 1.8),
}


@dataclass(frozen=True, slots=True)
class Wood:
    """What grew: branch pieces in units of the tree's height, root at (0, 0), y up."""

    start: Points
    stop: Points
    thick: Points
    """Radius at start and stop, (N, 2)."""
    tips: Points
    """Ends of twigs, (T, 2), where leaves hang."""


def grow(rng: np.random.Generator, species: Species, *, levels: int = 6) -> Wood:
    """Let a tree grow: every branch bends, tapers and forks."""
    start = np.zeros((1, 2))
    angle = np.array([np.pi / 2 + rng.normal(0, 0.05)])
    length, radius = np.array([species.trunk]), np.array([0.022 * rng.uniform(0.8, 1.3)])
    pieces, tips = [], []
    for level in range(levels + 1):
        bends = 3 if level < 4 else 2
        for bend in range(bends):
            upward = np.pi / 2 - angle
            angle = angle + rng.normal(0, 0.16, len(angle)) + (0.10 - species.droop) * upward
            angle = np.clip(angle, -0.35, np.pi + 0.35)
            reach = length[:, None] / bends * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            taper = radius * (1 - 0.12 * (bend + 1) / bends)
            pieces.append((start, start + reach, np.stack([radius, taper], axis=1)))
            start, radius = start + reach, taper
            if level >= levels - 2:
                tips.append(start)
        forks = 3 if level < levels - 1 or rng.uniform() < 0.5 else 2
        lean = (np.arange(forks) - (forks - 1) / 2) * species.spread
        many = np.repeat(np.arange(len(angle)), forks)
        angle = angle[many] + np.tile(lean, len(angle)) + rng.normal(0, 0.28, len(many))
        shrink = rng.uniform(0.62, 0.92, len(many))
        first = 0.27 if level == 0 else 1.0
        length = np.where(level == 0, first, length[many] * 0.82) * shrink
        start, radius = start[many], radius[many] * rng.uniform(0.50, 0.74, len(many))
    joined = [np.concatenate(part) for part in zip(*pieces, strict=True)]
    tall = joined[1][:, 1].max()
    return Wood(joined[0] / tall, joined[1] / tall, joined[2], np.concatenate(tips) / tall)


def paint_tree(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    *,
    at_xz: tuple[float, float],
    height_m: float,
    species: str = "lime",
    foliage: float = 1.0,
    lift_m: float = 0.0,
) -> None:
    """Paint one tree that stands on the ground; ``foliage`` thins or thickens its crown."""
    row = SPECIES[species]
    size_px = height_m * view.scale(at_xz[1])
    wood = grow(rng, row, levels=int(np.clip(np.log2(max(size_px, 8.0) / 12), 2, 6)))
    foot = view.project(at_xz[0], lift_m, at_xz[1])
    smallest = max(
        0.9, 2.2 * view.unit
    )  # finer leaves are drawn as one, so that far crowns stay crowns
    half = max(0.5 * row.leaf_m / height_m, smallest / size_px)
    leaves = _leaves(wood, row, light, rng, half=half, amount=foliage)
    leaves[:, 0:2] = foot + leaves[:, 0:2] * [size_px, -size_px]
    leaves[:, 2:4] *= size_px
    leaves[:, 3] = np.maximum(leaves[:, 3], 0.5 * smallest)
    leaves[:, 5:8] = light.through_air(leaves[:, 5:8], at_xz[1])
    back = rng.uniform(size=len(leaves)) < 0.5
    leaves[back, 5:8] *= 0.62
    canvas.leaves(TREE, leaves[back])
    branches = _branches(wood, foot, size_px, light)
    branches[:, 6:9] = light.through_air(light.on(srgb(row.bark), 0.35), at_xz[1])
    canvas.strokes(TREE, branches)
    canvas.leaves(TREE, leaves[~back])


def _branches(wood: Wood, foot: Points, size_px: float, light: Light) -> Rows:
    rows = np.zeros((len(wood.start), 11), np.float32)
    rows[:, 0:2] = foot + wood.start * [size_px, -size_px]
    rows[:, 3:5] = foot + wood.stop * [size_px, -size_px]
    rows[:, [2, 5]] = np.maximum(wood.thick * size_px, 0.3)
    rows[:, 9] = 0.45 * light.sun_x * min(1.0, float(light.sun.mean()))
    rows[:, 10] = rows[:, 2] > 1.2
    return rows


def _leaves(
    wood: Wood, row: Species, light: Light, rng: np.random.Generator, *, half: float, amount: float
) -> Points:
    """Leaf rows in units of the tree's height, darkest first."""
    tips = wood.tips
    if row.layers == 0:
        return np.zeros((0, 8))
    middle, radius = tips.mean(0), np.maximum(tips.std(0) * 2.0, 1e-3)
    clump = 1.6 * half + 0.035
    lit_area = np.pi * radius[0] * radius[1] * 0.8
    count = int(np.clip(row.layers * amount * lit_area / (1.3 * half * 0.55 * half), 20, 150_000))
    host = rng.integers(len(tips), size=count)
    place = tips[host] + rng.normal(0, clump, (count, 2)) * [1.0, 0.7]
    out = (tips[host] - middle) / radius
    to_sun = np.array([light.sun_x, 0.35 + light.sun_height])
    to_sun /= np.hypot(*to_sun)
    inside = (place - tips[host]) / clump
    facing = 0.42 + 0.38 * (out @ to_sun) + 0.20 * (inside @ to_sun) + rng.normal(0, 0.16, count)
    tint = np.clip(
        0.5 + 0.25 * rng.standard_normal(len(tips))[host] + rng.normal(0, 0.2, count), 0, 1
    )
    albedo = blend(srgb(row.leaf[0]), srgb(row.leaf[1]), tint)
    rows = np.empty((count, 8))
    rows[:, 0:2] = place
    rows[:, 2] = half * rng.uniform(0.7, 1.3, count)
    rows[:, 3] = rows[:, 2] * rng.uniform(0.25, 0.6, count)
    rows[:, 4] = rng.uniform(0, np.pi, count)
    rows[:, 5:8] = light.on(albedo, np.clip(facing, 0, 1.15))
    return rows[np.argsort(facing + rng.normal(0, 0.25, count), kind="stable")]
