"""Trees: branches that fork down to fine twigs, and leaves along them, sunny and in the shade."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.scenes.growth import Habit, Points, Wood, grow, unit
from mass13k_tools.scenes.layers import TREE
from mass13k_tools.scenes.light import Light, blend, srgb
from mass13k_tools.scenes.raster import Rows
from mass13k_tools.scenes.setting import Setting

MOST_LEAVES, MOST_TWIGS = 120_000, 9_000


@dataclass(frozen=True, slots=True)
class Species:
    """One row of the table of trees; colours as sRGB codes."""

    bark: str
    leaf: tuple[str, str]
    """Colours between which its leaves vary."""
    leaf_m: float
    layers: float
    """Leaves on top of each other in a crown; 0 = bare."""
    habit: Habit
    """Trunk, base, width, leader, limbs, spread, lowest, rise, droop."""


SPECIES = {
    "lime": Species(
        "5b4b3c",
        ("46552f", "7d8450"),
        0.11,
        3.4,
        Habit(0.20, 0.12, 0.36, 0.75, 15, 0.85, 0.1, 0.5, 0.2),
    ),
    "birch": Species(
        "b9b2a6",
        ("59663a", "9a9658"),
        0.07,
        2.0,
        Habit(0.18, 0.08, 0.25, 0.92, 18, 0.75, 0.3, 0.2, 0.9),
    ),
    "maple": Species(
        "4f4238",
        ("7d5a34", "a88248"),
        0.12,
        2.9,
        Habit(0.18, 0.10, 0.42, 0.50, 13, 0.85, 0.2, 0.6, 0.2),
    ),
    "plane": Species(
        "8c8270",
        ("4e5a34", "84844f"),
        0.14,
        2.4,
        Habit(0.24, 0.16, 0.42, 0.55, 11, 0.90, 0.1, 0.5, 0.4),
    ),
    "poplar": Species(
        "6b6152",
        ("465733", "78804c"),
        0.08,
        3.4,
        Habit(0.08, 0.02, 0.13, 0.92, 24, 0.42, 0.8, 0.6, -0.3),
    ),
    "olive": Species(
        "6f6658",
        ("6d7760", "9aa08a"),
        0.08,
        2.4,
        Habit(0.16, 0.10, 0.48, 0.30, 9, 0.95, 0.1, 0.5, 0.3),
    ),
    "bare": Species(
        "554a40",
        ("5b4b3c", "6b5a48"),
        0.05,
        0.0,
        Habit(0.20, 0.12, 0.36, 0.65, 13, 0.80, 0.2, 0.5, -0.1),
    ),
    "bush": Species(
        "54483a",
        ("3b4a2b", "6c7446"),
        0.06,
        4.0,
        Habit(0.02, -0.40, 0.55, 0.12, 14, 0.95, 0.3, 0.4, 0.0),
    ),
}


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
    foot = view.project(at_xz[0], 0.0, at_xz[1])
    smallest = max(0.9, 2.2 * view.unit)  # finer leaves are drawn as one: far crowns stay crowns
    half = max(0.5 * row.leaf_m / height_m, smallest / size_px)
    crown = np.pi * row.habit.wide * (0.5 - 0.5 * row.habit.base)
    count = row.layers * crown / (0.9 * half**2)
    twigs = count / 4 if row.layers else crown * (size_px / max(8.0, 16 * view.unit)) ** 2
    wood = grow(rng, row.habit, twigs=int(np.clip(twigs, 12, MOST_TWIGS)))
    branches = _branches(wood, row, light, size_px=size_px, rng=rng)
    branches[:, [0, 3]] += foot[0]
    branches[:, [1, 4]] += foot[1]
    branches[:, 6:9] = light.through_air(branches[:, 6:9], at_xz[1])
    leaves, front = _leaves(
        wood, row, light, rng, half=half, count=min(count * foliage, MOST_LEAVES)
    )
    leaves[:, 0:2] = foot + leaves[:, 0:2] * [size_px, -size_px]
    leaves[:, 2:4] *= size_px
    leaves[:, 3] = np.maximum(leaves[:, 3], 0.4 * smallest)
    leaves[:, 4] *= -1  # rows count downwards
    leaves[:, 5:8] = light.through_air(leaves[:, 5:8], at_xz[1])
    canvas.leaves(TREE, leaves[~front].astype(np.float32))
    canvas.strokes(TREE, branches)
    canvas.leaves(TREE, leaves[front].astype(np.float32))


def _branches(
    wood: Wood, row: Species, light: Light, *, size_px: float, rng: np.random.Generator
) -> Rows:
    """Pieces of branches and the furrows on them, the farthest branch first, root at (0, 0)."""
    parts, shoots_z = [], []
    for shoots in wood.generations:
        ends = np.concatenate([shoots.nodes, shoots.thick[..., None]], axis=2)
        parts.append(np.concatenate([ends[:, :-1], ends[:, 1:]], axis=2).reshape(-1, 8))
        shoots_z.append(np.repeat(shoots.nodes[..., 2].mean(1), ends.shape[1] - 1))
    pieces, z = np.concatenate(parts), np.concatenate(shoots_z)
    rows = np.zeros((len(pieces), 11), np.float32)
    rows[:, 0:2] = pieces[:, 0:2] * [size_px, -size_px]
    rows[:, 3:5] = pieces[:, 4:6] * [size_px, -size_px]
    rows[:, [2, 5]] = np.maximum(pieces[:, [3, 7]] * size_px, 0.3)
    shade = np.clip(0.85 + 0.5 * z / wood.crown.radius[2], 0.5, 1.1)[:, None]
    rows[:, 6:9] = light.on(srgb(row.bark), 0.35) * shade
    rows[:, 9] = 0.5 * light.sun_x * min(1.0, float(light.sun.mean()))
    rows[:, 10] = rows[:, 2] > 1.2
    rows[0, 10] = 0  # the root ends on the ground, not in a ball
    owner, furrows = _furrows(rows, rng)
    order = np.argsort(np.concatenate([z, z[owner]]), kind="stable")
    return np.concatenate([rows, furrows])[order]


def _furrows(branches: Rows, rng: np.random.Generator) -> tuple[NDArray[np.intp], Rows]:
    """Thin dark and light lines where a branch is thick enough to show bark, and its row."""
    thick = np.nonzero(branches[:, 2] > 5)[0]
    owner = np.repeat(thick, np.clip(2 * branches[thick, 2], 8, 90).astype(int))
    lines = branches[owner]
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
    return owner, lines


def _leaves(
    wood: Wood, row: Species, light: Light, rng: np.random.Generator, *, half: float, count: float
) -> tuple[Points, NDArray[np.bool_]]:
    """Leaf rows in units of the tree's height, darkest first, and which are nearer than the trunk.

    Every leaf sits with its base on a twig, and those of one twig take turns left and right.
    """
    twigs = wood.generations[-1]
    if row.layers == 0:
        return np.zeros((0, 8)), np.zeros(0, bool)
    slots = max(4, int(np.ceil(1.5 * count / len(twigs.nodes))))
    shape = (len(twigs.nodes), slots)
    along = np.clip((np.arange(slots) + rng.uniform(0.2, 1.3, shape)) / slots, 0, 1)
    along[:, -1] = 1
    base, heading, _ = twigs.at(along)
    lush = np.repeat(rng.uniform(0.6, 1.4, -(-shape[0] // wood.sisters)), wood.sisters)[: shape[0]]
    lush = lush * np.clip(twigs.long / twigs.long.mean(), 0.2, 1.8)  # short twigs carry fewer
    kept = rng.uniform(size=shape) < count / along.size * lush[:, None]
    twig, slot = np.nonzero(kept)
    base, heading = base[kept], heading[kept]
    turn = np.pi * (slot % 2) + rng.normal(0, 0.6, len(slot)) + twig
    flat = unit(np.cross(heading, [0.0, 1.0, 0.3]))
    side = np.cos(turn)[:, None] * flat + np.sin(turn)[:, None] * np.cross(heading, flat)
    away = np.where(slot == slots - 1, 0.2, rng.uniform(0.7, 1.5, len(slot)))[:, None]
    pose = unit(heading + away * side - [0, 0.25, 0])
    long = half * rng.uniform(0.7, 1.25, len(slot)) * np.maximum(np.hypot(*pose[:, :2].T), 0.45)
    rows = np.empty((len(slot), 8))
    flat_pose = unit(pose[:, :2])
    rows[:, 0:2] = base[:, :2] + flat_pose * long[:, None] * 1.02
    rows[:, 2] = long
    rows[:, 3] = np.minimum(half * rng.uniform(0.3, 0.55, len(slot)), 0.6 * long)
    rows[:, 4] = np.arctan2(flat_pose[:, 1], flat_pose[:, 0])
    cluster = twig // wood.sisters
    facing, tint = _leaf_light(wood, light, rng, base, cluster)
    albedo = blend(srgb(row.leaf[0]), srgb(row.leaf[1]), tint)
    rows[:, 5:8] = light.on(albedo, np.clip(facing, 0, 1.15))
    rows[:, 5:8] *= np.clip(0.75 + 0.5 * facing, 0.45, 1.1)[:, None]  # less sky deep in the crown
    deep = base[:, 2] / wood.crown.radius[2]
    order = np.argsort(facing + 0.5 * deep + rng.normal(0, 0.25, len(slot)), kind="stable")
    return rows[order], (deep + rng.normal(0, 0.2, len(slot)) > 0)[order]


def _leaf_light(
    wood: Wood, light: Light, rng: np.random.Generator, place: Points, cluster: NDArray[np.intp]
) -> tuple[Points, Points]:
    """How squarely the sun hits each leaf, and its colour 0..1 between those of its species."""
    to_sun = unit(np.array([light.sun_x, 0.35 + light.sun_height, 0.35]))
    many = np.maximum(np.bincount(cluster), 1)
    centre = np.stack([np.bincount(cluster, place[:, axis]) / many for axis in range(3)], axis=1)
    out = (place - wood.crown.middle) / wood.crown.radius
    inside = (place - centre[cluster]) / (0.2 * wood.crown.radius)
    facing = 0.30 + 0.40 * (out @ to_sun) + 0.22 * (inside @ to_sun)
    facing += 0.12 * rng.standard_normal(len(many))[cluster] + rng.normal(0, 0.14, len(place))
    tint = 0.5 + 0.22 * rng.standard_normal(len(many))[cluster] + rng.normal(0, 0.2, len(place))
    return facing, np.clip(tint, 0, 1)
