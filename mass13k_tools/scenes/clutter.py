"""What is none of the six named classes: cranes, poles and wires, lamps, railings."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from mass13k_tools.scenes.layers import OTHERS, stroke_rows
from mass13k_tools.scenes.light import srgb
from mass13k_tools.scenes.setting import Setting
from mass13k_tools.scenes.view import Points


def _line(setting: Setting, path_xyz: ArrayLike, radius_m: float, colour: ArrayLike) -> None:
    """Paint a round bar through world points (N, 3); thin ones stay visible as hairlines."""
    canvas, view, _, _ = setting
    path = np.asarray(path_xyz, np.float64)
    radius = np.maximum(radius_m * view.focal_px / path[:, 2], max(0.4, 0.55 * view.unit))
    points = view.project(path[:, 0], path[:, 1], path[:, 2])
    thick = bool(radius.max() > 1.5) and len(path) > 2
    canvas.strokes(OTHERS, stroke_rows(points, radius, colour, roundness=0.3, cap=thick))


def _lattice(
    setting: Setting, ends_xyz: tuple[Points, Points], wide_m: float, colour: ArrayLike
) -> None:
    """Paint a lattice beam: two chords, and diagonals between them."""
    start, stop = ends_xyz
    long = float(np.linalg.norm(stop - start))
    along = (stop - start) / long
    across = np.array([-along[1], along[0], 0.0]) * 0.5 * wide_m
    panels = max(2, int(long / wide_m))
    nodes = start + (stop - start) * np.linspace(0, 1, panels + 1)[:, None]
    for side in (-1.0, 1.0):
        _line(setting, nodes[[0, -1]] + side * across, 0.09, colour)
    zigzag = np.where(np.arange(panels + 1) % 2, 1.0, -1.0)[:, None] * across
    _line(setting, nodes + zigzag, 0.05, colour)
    _line(setting, nodes - zigzag, 0.05, colour)


def paint_crane(setting: Setting, at_xz: tuple[float, float], *, tall_m: float) -> None:
    """Paint a tower crane with mast, jib, counterweight, stays and a hanging load."""
    _, _, light, rng = setting
    x, z = at_xz
    paint = srgb(str(rng.choice(["b8934a", "a5524a", "c7c9c8", "8a8f5a"])))
    colour = light.through_air(light.on(paint, 0.6), z)
    reach = float(rng.uniform(0.55, 0.9) * tall_m * rng.choice([-1.0, 1.0]))
    top = np.array([x, tall_m, z])
    peak, jib = _moved(top, 0, 0.14 * tall_m), _moved(top, reach, 0.02 * tall_m)
    back = _moved(top, -0.33 * reach, 0)
    for ends, wide in (((np.array([x, 0, z]), top), 1.9), ((top, jib), 1.3), ((top, back), 1.3)):
        _lattice(setting, ends, wide, colour)
    _lattice(setting, (top, peak), 1.2, colour)
    steel = colour * 0.3
    for end in (top + 0.6 * (jib - top), jib, back):
        _line(setting, [peak, end], 0.04, steel)
    trolley = top + rng.uniform(0.35, 0.9) * (jib - top)
    hook = _moved(trolley, 0, -rng.uniform(0.15, 0.6) * tall_m)
    for side in (-0.4, 0.4):
        _line(setting, [_moved(trolley, side, 0), _moved(hook, 0.2 * side, 0)], 0.03, steel)
    stone = light.through_air(light.on(srgb("77746e"), 0.5), z)
    _slab(setting, _moved(hook, 0, -0.8), (2.4, 1.2), colour * 0.6)
    _slab(setting, _moved(back, 0, -1.4), (3.0, 2.8), stone)
    _slab(setting, _moved(top, 1.3 * float(np.sign(reach)), -1.4), (1.6, 2.2), colour * 0.75)


def _moved(point: Points, dx: float, dy: float) -> Points:
    return np.asarray(point + np.array([dx, dy, 0.0]), np.float64)


def _slab(setting: Setting, middle: Points, size_m: tuple[float, float], colour: ArrayLike) -> None:
    x, y, z = middle
    wide, tall = 0.5 * size_m[0], 0.5 * size_m[1]
    across, up = [x - wide, x + wide, x + wide, x - wide], [y - tall, y - tall, y + tall, y + tall]
    setting.canvas.polygon(OTHERS, setting.view.project(across, up, z), colour)


def paint_wires(setting: Setting, poles_xz: ArrayLike, *, tall_m: float = 8.0) -> None:
    """Paint poles with cross-arms and the sagging wires from pole to pole, far ones first."""
    _, _, light, rng = setting
    poles = np.asarray(poles_xz, np.float64)
    poles = poles[np.argsort(-poles[:, 1])]
    wood = srgb(str(rng.choice(["5b4a3b", "77736c", "4a4f52"])))
    arms = ((tall_m - 0.4, 0.9), (tall_m - 1.2, 0.7))
    hooks = [(dx * half, up) for up, half in arms for dx in (-1.0, -0.4, 0.4, 1.0)]
    part = np.linspace(0, 1, 40)
    for number, (x, z) in enumerate(poles):
        colour = light.through_air(light.on(wood, 0.5), z)
        _line(setting, [[x, 0, z], [x, tall_m, z]], 0.12, colour)
        for up, half in arms:
            _line(setting, [[x - half - 0.1, up, z], [x + half + 0.1, up, z]], 0.06, colour)
        for dx, up in hooks:
            _line(setting, [[x + dx, up, z], [x + dx, up + 0.22, z]], 0.04, colour * 0.6)
            if number == 0:
                continue
            start, stop = poles[number - 1], poles[number]
            sag = 0.028 * np.linalg.norm(stop - start) * rng.uniform(0.8, 1.3)
            path = np.empty((40, 3))
            path[:, [0, 2]] = start + (stop - start) * part[:, None] + np.array([dx, 0])
            path[:, 1] = up + 0.22 - 4 * sag * part * (1 - part)
            _line(setting, path, 0.012, light.through_air(srgb("2a2a2c") * 0.6, z))


def paint_lamp(setting: Setting, at_xz: tuple[float, float], *, tall_m: float = 6.5) -> None:
    """Paint a street lamp with a curved arm."""
    light = setting.light
    x, z = at_xz
    colour = light.through_air(light.on(srgb("4f5458"), 0.5), z)
    side = -np.sign(x) if x else 1.0
    bend = np.linspace(0, np.pi / 2, 9)
    across, up = x + side * 1.2 * (1 - np.cos(bend)), tall_m + 0.9 * np.sin(bend)
    arm = np.stack([across, up, np.full(9, z)], axis=1)
    _line(setting, [[x, 0, z], [x, 1.1, z]], 0.09, colour)
    _line(setting, [[x, 1.0, z], [x, tall_m, z], *arm], 0.05, colour)
    lantern = arm[-1] + np.array([[-0.1 * side, 0, 0], [0.6 * side, -0.03, 0]])
    _line(setting, lantern, 0.07, light.through_air(light.on(srgb("9a9c9c"), 0.8), z))


def paint_railing(setting: Setting, path_xz: ArrayLike, *, tall_m: float = 1.05) -> None:
    """Paint a railing along a path (N, 2) of X, Z: posts, three rails."""
    light, path = setting.light, np.asarray(path_xz, np.float64)
    colour = light.on(srgb("5c6366"), 0.5)
    for start, stop in pairwise(path):
        count = max(2, int(np.linalg.norm(stop - start) / 1.5) + 1)
        posts = start + (stop - start) * np.linspace(0, 1, count)[:, None]
        for x, z in posts:
            _line(setting, [[x, 0, z], [x, tall_m, z]], 0.028, light.through_air(colour, z))
        for up in (0.35, 0.7, 1.0):
            rail = np.insert(posts, 1, up * tall_m, axis=1)
            away = float(posts[:, 1].mean())
            _line(setting, rail, 0.022, light.through_air(colour * 1.1, away))
