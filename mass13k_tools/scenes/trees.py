"""Trees: branches that fork and taper, and leaves in clumps with a sunny and a shady side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.scenes.layers import TREE
from mass13k_tools.scenes.light import Light, blend, srgb
from mass13k_tools.scenes.noise import fractal
from mass13k_tools.scenes.raster import Rows
from mass13k_tools.scenes.setting import Setting

Points = NDArray[np.float64]
MOST_LEAVES = 160_000


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
    lowest: float
    """Angle above the horizon below which no branch grows; negative lets them hang."""
    leaf_m: float
    layers: float
    """Leaves on top of each other in a clump; 0 = bare."""


SPECIES = {
    "lime": Species("5b4b3c", ("46552f", "7d8450"), 0.62, 0.22, -0.2, 0.11, 2.0),
    "birch": Species("b9b2a6", ("59663a", "9a9658"), 0.50, 0.25, -0.5, 0.06, 1.1),
    "maple": Species("4f4238", ("7d5a34", "a88248"), 0.66, 0.20, -0.1, 0.12, 1.6),
    "plane": Species("8c8270", ("4e5a34", "84844f"), 0.72, 0.26, -0.3, 0.14, 1.3),
    "poplar": Species("6b6152", ("465733", "78804c"), 0.28, 0.12, 0.9, 0.08, 2.0),
    "olive": Species("6f6658", ("6d7760", "9aa08a"), 0.75, 0.16, -0.2, 0.07, 1.4),
    "bare": Species("554a40", ("5b4b3c", "6b5a48"), 0.56, 0.20, -0.1, 0.05, 0.0),
    "bush": Species("54483a", ("3b4a2b", "6c7446"), 0.70, 0.06, 0.25, 0.06, 2.6),
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
    angle = np.array([np.pi / 2])
    length, radius = np.array([species.trunk]), np.array([0.020 * rng.uniform(0.8, 1.3)])
    pieces, tips = [], []
    for level in range(levels + 1):
        bends = 6 if level < 3 else 3
        for bend in range(bends):
            wobble = 0.05 * (bend > 0) if level == 0 else 0.13  # a trunk leaves the ground upright
            angle = angle + rng.normal(0, wobble, len(angle)) + 0.04 * (np.pi / 2 - angle)
            angle = np.clip(angle, species.lowest, np.pi - species.lowest)
            reach = length[:, None] / bends * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            taper = radius * (1 - 0.16 * (bend + 1) / bends)
            flare = 1.3 if level == bend == 0 else 1.0  # of the roots
            pieces.append((start, start + reach, np.stack([radius * flare, taper], axis=1)))
            start, radius = start + reach, taper
            if level >= levels - 2:
                tips.append(start)
        forks = 3 if level < levels - 1 or rng.uniform() < 0.5 else 2
        lean = (np.arange(forks) - (forks - 1) / 2) * species.spread
        many = np.repeat(np.arange(len(angle)), forks)
        angle = angle[many] + np.tile(lean, len(angle)) + rng.normal(0, 0.26, len(many))
        shrink = rng.uniform(0.40, 0.98, len(many))  # uneven, or leaves would hang in a shell
        length = (0.27 if level == 0 else length[many] * 0.82) * shrink
        start, radius = start[many], radius[many] * rng.uniform(0.50, 0.74, len(many))
    joined = [np.concatenate(part) for part in zip(*pieces, strict=True)]
    tall = joined[1][:, 1].max()
    return Wood(joined[0] / tall, joined[1] / tall, joined[2], np.concatenate(tips) / tall)


def paint_tree(
    setting: Setting,
    at_xz: tuple[float, float],
    *,
    height_m: float,
    species: str = "lime",
    foliage: float = 1.0,
) -> None:
    """Paint one tree that stands on the ground; ``foliage`` thins or thickens its crown."""
    canvas, view, light, rng = setting
    row = SPECIES[species]
    size_px = height_m * view.scale(at_xz[1])
    wood = grow(rng, row, levels=int(np.clip(np.log2(max(size_px, 8.0) / 12), 2, 6)))
    foot = view.project(at_xz[0], 0.0, at_xz[1])
    smallest = max(0.9, 2.2 * view.unit)  # finer leaves are drawn as one: far crowns stay crowns
    half = max(0.5 * row.leaf_m / height_m, smallest / size_px)
    leaves = _leaves(wood, row, light, rng, half=half, amount=foliage)
    leaves[:, 0:2] = foot + leaves[:, 0:2] * [size_px, -size_px]
    leaves[:, 2:4] *= size_px
    leaves[:, 3] = np.maximum(leaves[:, 3], 0.5 * smallest)
    leaves[:, 5:8] = light.through_air(leaves[:, 5:8], at_xz[1])
    seen = (leaves[:, 0:2] > -leaves[:, 2:3]) & (
        leaves[:, 0:2] < view.size_hw[::-1] + leaves[:, 2:3]
    )
    leaves = leaves[seen.all(axis=1)]
    back = rng.uniform(size=len(leaves)) < 0.5
    leaves[back, 5:8] *= 0.6
    canvas.leaves(TREE, leaves[back].astype(np.float32))
    branches = _branches(wood, row, light, size_px=size_px, rng=rng)
    branches[:, [0, 3]] += foot[0]
    branches[:, [1, 4]] += foot[1]
    branches[:, 6:9] = light.through_air(branches[:, 6:9], at_xz[1])
    canvas.strokes(TREE, branches)
    canvas.strokes(TREE, _furrows(branches, rng))
    canvas.leaves(TREE, leaves[~back].astype(np.float32))


def _branches(
    wood: Wood, row: Species, light: Light, *, size_px: float, rng: np.random.Generator
) -> Rows:
    rows = np.zeros((len(wood.start), 11), np.float32)
    rows[:, 0:2] = wood.start * [size_px, -size_px]
    rows[:, 3:5] = wood.stop * [size_px, -size_px]
    rows[:, [2, 5]] = np.maximum(wood.thick * size_px, 0.3)
    shade = rng.uniform(0.94, 1.06, (len(rows), 1)).astype(np.float32)
    rows[:, 6:9] = light.on(srgb(row.bark), 0.35) * shade
    rows[:, 9] = 0.5 * light.sun_x * min(1.0, float(light.sun.mean()))
    rows[:, 10] = rows[:, 2] > 1.2
    rows[0, 10] = 0  # the root ends on the ground, not in a ball
    return rows


def _furrows(branches: Rows, rng: np.random.Generator) -> Rows:
    """Thin dark and light lines along the branches that are thick enough to show their bark."""
    thick = branches[branches[:, 2] > 5]
    lines = np.repeat(thick, np.clip(2 * thick[:, 2], 8, 90).astype(int), axis=0)
    count = len(lines)
    along = lines[:, 3:5] - lines[:, 0:2]
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(*along.T), 1e-3)[:, None]
    side = np.sin(rng.uniform(-1.45, 1.45, count))[:, None]  # crowded towards the rims
    part = np.sort(rng.uniform(0, 1, (count, 2)), axis=1)
    root, radius = lines[:, 0:2].copy(), lines[:, [2, 5]].copy()
    for end in (0, 1):
        at = part[:, end : end + 1]
        wide = radius[:, :1] + (radius[:, 1:] - radius[:, :1]) * at
        sway = rng.normal(0, 0.04, (count, 1))
        place = root + along * at + normal * wide * (0.9 * side + sway)
        lines[:, 3 * end : 3 * end + 2] = place
    lines[:, [2, 5]] = np.minimum(0.018 * radius[:, :1] + 0.4, 2.5) * rng.uniform(
        0.5, 1.2, (count, 2)
    )
    lines[:, 6:9] *= (1 + lines[:, 9:10] * side) * rng.uniform(0.6, 1.2, (count, 1))
    lines[:, 9], lines[:, 10] = 0, 0
    return lines


def _leaves(
    wood: Wood, row: Species, light: Light, rng: np.random.Generator, *, half: float, amount: float
) -> Points:
    """Leaf rows in units of the tree's height, darkest first."""
    tips = wood.tips
    if row.layers == 0:
        return np.zeros((0, 8))
    middle, radius = tips.mean(0), np.maximum(tips.std(0) * 2.0, 1e-3)
    clump = 1.2 * half + 0.028
    crown = np.pi * radius[0] * radius[1] * 0.8
    count = int(np.clip(row.layers * amount * crown / (0.56 * half**2), 20, MOST_LEAVES))
    host = rng.integers(len(tips), size=count)
    inside = rng.normal(0, 1, (count, 2))
    place = tips[host] + inside * [clump, 0.7 * clump]
    to_sun = np.array([light.sun_x, 0.35 + light.sun_height])
    to_sun /= np.hypot(*to_sun)
    out = (tips[host] - middle) / radius
    clumps = _clump_light(rng, place, radius[0])
    facing = 0.34 + 0.34 * (out @ to_sun) + 0.16 * (inside @ to_sun) + 0.55 * clumps
    facing += rng.normal(0, 0.14, count)
    tint = 0.5 + 0.25 * rng.standard_normal(len(tips))[host] + rng.normal(0, 0.2, count)
    albedo = blend(srgb(row.leaf[0]), srgb(row.leaf[1]), np.clip(tint, 0, 1))
    rows = np.empty((count, 8))
    rows[:, 0:2] = place
    rows[:, 2] = half * rng.uniform(0.7, 1.3, count)
    rows[:, 3] = rows[:, 2] * rng.uniform(0.25, 0.6, count)
    rows[:, 4] = rng.uniform(0, np.pi, count)
    rows[:, 5:8] = light.on(albedo, np.clip(facing, 0, 1.15))
    rows[:, 5:8] *= np.clip(0.75 + 0.5 * facing, 0.5, 1.1)[:, None]  # less sky deep in the crown
    return rows[np.argsort(facing + rng.normal(0, 0.25, count), kind="stable")]


def _clump_light(rng: np.random.Generator, place: Points, size: float) -> NDArray[np.float32]:
    """Light and dark masses of foliage, -1..1 for each place."""
    pattern = fractal((128, 128), rng, wavelength_px=22.0, octaves=3)
    at = (place / size * 32).astype(int) % 128
    return np.asarray(pattern[at[:, 1], at[:, 0]], np.float32)
