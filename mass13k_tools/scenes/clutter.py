"""What is none of the six named classes: cranes, poles and wires, lamps, cars, boats, railings."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mass13k_tools.scenes.layers import OTHERS, Canvas, stroke_rows
from mass13k_tools.scenes.light import Light, srgb
from mass13k_tools.scenes.people import smooth
from mass13k_tools.scenes.view import View

PAINTS = ("8a2f2a", "c8c9c8", "2f3b4f", "5b5f62", "1f2122", "8c9a86", "b08a3a", "3d5a4a")


def _line(
    canvas: Canvas, view: View, path_xyz: ArrayLike, radius_m: float, colour: ArrayLike
) -> None:
    """Paint a round bar through world points (N, 3); thin ones stay visible as hairlines."""
    path = np.asarray(path_xyz, np.float64)
    radius = np.maximum(radius_m * view.focal_px / path[:, 2], max(0.4, 0.55 * view.unit))
    points = view.project(path[:, 0], path[:, 1], path[:, 2])
    thick = bool(radius.max() > 1.5)
    canvas.strokes(OTHERS, stroke_rows(points, radius, colour, roundness=0.3, cap=thick))


def _lattice(
    canvas: Canvas,
    view: View,
    ends_xyz: tuple[NDArray[np.float64], NDArray[np.float64]],
    wide_m: float,
    colour: ArrayLike,
) -> None:
    """Paint a lattice beam: two chords, and diagonals between them."""
    start, stop = ends_xyz
    along = (stop - start) / np.linalg.norm(stop - start)
    across = np.array([-along[1], along[0], 0.0]) * 0.5 * wide_m
    panels = max(2, int(np.linalg.norm(stop - start) / wide_m))
    nodes = start + (stop - start) * np.linspace(0, 1, panels + 1)[:, None]
    for side in (-1.0, 1.0):
        _line(canvas, view, nodes[[0, -1]] + side * across, 0.09, colour)
    zigzag = nodes + across * np.where(np.arange(panels + 1) % 2, 1.0, -1.0)[:, None]
    _line(canvas, view, zigzag, 0.05, colour)
    _line(canvas, view, zigzag - 2 * (zigzag - nodes), 0.05, colour)


def paint_crane(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    *,
    at_xz: tuple[float, float],
    tall_m: float,
) -> None:
    """Paint a tower crane with mast, jib, counterweight, stays and a hanging load."""
    x, z = at_xz
    paint = srgb(str(rng.choice(["c99a2c", "b5452f", "c7c9c8", "8f9a3a"])))
    colour = light.through_air(light.on(paint, 0.6), z)
    reach = float(rng.uniform(0.55, 0.9) * tall_m * rng.choice([-1.0, 1.0]))
    top = np.array([x, tall_m, z])
    _lattice(canvas, view, (np.array([x, 0.0, z]), top), 1.9, colour)
    peak = top + [0, 0.14 * tall_m, 0]
    jib, back = top + [reach, 0.02 * tall_m, 0], top - [0.33 * reach, 0, 0]
    _lattice(canvas, view, (top, jib), 1.3, colour)
    _lattice(canvas, view, (top, back), 1.3, colour)
    _lattice(canvas, view, (top, peak), 1.2, colour)
    steel = colour * 0.3
    for end in (top + 0.6 * (jib - top), jib, back):
        _line(canvas, view, [peak, end], 0.04, steel)
    trolley = top + rng.uniform(0.35, 0.9) * (jib - top)
    hook = trolley - [0, rng.uniform(0.15, 0.6) * tall_m, 0]
    for side in (-0.4, 0.4):
        _line(canvas, view, [trolley + [side, 0, 0], hook + [0.2 * side, 0, 0]], 0.03, steel)
    _slab(canvas, view, hook - [0, 0.8, 0], (2.4, 1.2), colour * 0.6)
    _slab(
        canvas,
        view,
        back - [0, 1.4, 0],
        (3.0, 2.8),
        light.through_air(light.on(srgb("77746e"), 0.5), z),
    )
    _slab(canvas, view, top + [1.3 * np.sign(reach), -1.4, 0], (1.6, 2.2), colour * 0.75)


def _slab(
    canvas: Canvas, view: View, middle: ArrayLike, size_m: tuple[float, float], colour: ArrayLike
) -> None:
    x, y, z = np.asarray(middle, np.float64)
    wide, tall = 0.5 * size_m[0], 0.5 * size_m[1]
    corners = view.project(
        [x - wide, x + wide, x + wide, x - wide], [y - tall, y - tall, y + tall, y + tall], z
    )
    canvas.polygon(OTHERS, corners, colour)


def paint_wires(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    poles_xz: ArrayLike,
    *,
    tall_m: float = 8.0,
) -> None:
    """Paint poles with cross-arms and the sagging wires from pole to pole, far ones first."""
    poles = np.asarray(poles_xz, np.float64)
    poles = poles[np.argsort(-poles[:, 1])]
    wood = srgb(str(rng.choice(["5b4a3b", "77736c", "4a4f52"])))
    arms = [(tall_m - 0.4, 0.9), (tall_m - 1.2, 0.7)]
    hooks = [(dx * half, up) for up, half in arms for dx in (-1.0, -0.4, 0.4, 1.0)]
    for number, (x, z) in enumerate(poles):
        colour = light.through_air(light.on(wood, 0.5), z)
        _line(canvas, view, [[x, 0, z], [x, tall_m, z]], 0.12, colour)
        for up, half in arms:
            _line(canvas, view, [[x - half - 0.1, up, z], [x + half + 0.1, up, z]], 0.06, colour)
        for dx, up in hooks:
            _line(canvas, view, [[x + dx, up, z], [x + dx, up + 0.22, z]], 0.04, colour * 0.6)
        if number == 0:
            continue
        start, stop = poles[number - 1], poles[number]
        part = np.linspace(0, 1, 40)
        for dx, up in hooks:
            sag = 0.028 * np.linalg.norm(stop - start) * rng.uniform(0.8, 1.3)
            path = np.empty((40, 3))
            path[:, [0, 2]] = start + (stop - start) * part[:, None] + [dx, 0]
            path[:, 1] = up + 0.22 - 4 * sag * part * (1 - part)
            _line(canvas, view, path, 0.012, light.through_air(srgb("2a2a2c") * 0.6, z))


def paint_lamp(
    canvas: Canvas, view: View, light: Light, *, at_xz: tuple[float, float], tall_m: float = 6.5
) -> None:
    """Paint a street lamp with a curved arm."""
    x, z = at_xz
    colour = light.through_air(light.on(srgb("4f5458"), 0.5), z)
    side = -np.sign(x) if x else 1.0
    bend = np.linspace(0, np.pi / 2, 9)
    arm = np.stack(
        [x + side * 1.2 * (1 - np.cos(bend)), tall_m + 0.9 * np.sin(bend), np.full(9, z)], 1
    )
    _line(canvas, view, [[x, 0, z], [x, 1.1, z]], 0.11, colour)
    _line(canvas, view, [[x, 1.0, z], [x, tall_m, z], *arm], 0.065, colour)
    head = arm[-1] + [[-0.1 * side, 0, 0], [0.75 * side, -0.03, 0]]
    _line(canvas, view, head, 0.10, light.through_air(light.on(srgb("9a9c9c"), 0.8), z))


def paint_railing(
    canvas: Canvas, view: View, light: Light, *, path_xz: ArrayLike, tall_m: float = 1.05
) -> None:
    """Paint a railing along a path (N, 2) of X, Z: posts, three rails."""
    path = np.asarray(path_xz, np.float64)
    colour = light.on(srgb("5c6366"), 0.5)
    for start, stop in zip(path[:-1], path[1:], strict=True):
        count = max(2, int(np.linalg.norm(stop - start) / 1.5) + 1)
        posts = start + (stop - start) * np.linspace(0, 1, count)[:, None]
        for x, z in posts:
            _line(canvas, view, [[x, 0, z], [x, tall_m, z]], 0.028, light.through_air(colour, z))
        for up in (0.35, 0.7, 1.0):
            rail = np.insert(posts, 1, up * tall_m, axis=1)
            _line(
                canvas,
                view,
                rail,
                0.022,
                light.through_air(colour * 1.1, float(posts[:, 1].mean())),
            )


def paint_car(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    *,
    at_xz: tuple[float, float],
) -> None:
    """Paint a parked car seen from its side."""
    x, z = at_xz
    way = float(rng.choice([-1.0, 1.0]))
    body = light.on(srgb(str(rng.choice(PAINTS))), 0.5)
    outline = [
        (-2.1, 0.3),
        (-2.15, 0.75),
        (-1.9, 0.95),
        (-1.2, 1.0),
        (-0.6, 1.45),
        (0.8, 1.48),
        (1.6, 1.0),
        (2.1, 0.9),
        (2.15, 0.3),
    ]
    panes = (
        [(-0.95, 1.02), (-0.5, 1.38), (0.1, 1.40), (0.1, 1.02)],
        [(0.2, 1.02), (0.2, 1.40), (0.75, 1.40), (1.3, 1.02)],
    )
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)

    def shape(points: ArrayLike, colour: ArrayLike, rounds: int) -> None:
        corners = smooth(points, rounds=rounds)
        place = view.project(x + way * corners[:, 0], corners[:, 1], z)
        canvas.polygon(OTHERS, place, light.through_air(colour, z))

    shape(outline, body, 2)
    shape([(-2.1, 0.32), (-2.1, 0.62), (2.1, 0.62), (2.1, 0.32)], body * 0.62, 1)
    for pane in panes:
        shape(pane, light.haze * 0.35 + srgb("1c2226") * 0.5, 1)
    for hub in (-1.3, 1.35):
        for radius, tone in ((0.34, "151515"), (0.20, "8d9093"), (0.07, "3a3a3a")):
            wheel = np.stack([hub + radius * np.cos(turn), 0.33 + radius * np.sin(turn)], axis=1)
            shape(wheel, light.on(srgb(tone), 0.4), 0)


def paint_boat(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    *,
    at_xz: tuple[float, float],
    long_m: float = 9.0,
) -> None:
    """Paint a moored sailing boat: hull, cabin, mast and rigging."""
    x, z = at_xz
    hull = light.through_air(
        light.on(srgb(str(rng.choice(["d9d7d0", "2f4358", "7a2f2a", "3c5a50"]))), 0.6), z
    )
    wood = light.through_air(light.on(srgb("c9b48c"), 0.6), z)
    half, tall = 0.5 * long_m, long_m * rng.uniform(1.1, 1.4)
    for outline, colour in (
        ([(-1.0, 1.05), (-0.92, 0.0), (0.80, 0.0), (1.08, 1.25)], hull),
        ([(-0.9, 0.95), (-0.9, 1.1), (1.05, 1.28), (0.98, 1.1)], wood),
        ([(-0.45, 1.05), (-0.40, 1.75), (0.25, 1.75), (0.42, 1.1)], hull * 0.85),
    ):
        points = np.array(outline)
        canvas.polygon(OTHERS, view.project(x + half * points[:, 0], points[:, 1], z), colour)
    mast = [x + 0.1 * half, tall, z]
    _line(canvas, view, [[x + 0.1 * half, 1.0, z], mast], 0.07, wood)
    _line(canvas, view, [[x + 0.1 * half, 2.1, z], [x - 0.85 * half, 2.0, z]], 0.10, wood * 0.9)
    for end in (-0.95 * half, 1.05 * half, -0.25 * half, 0.4 * half):
        _line(
            canvas,
            view,
            [mast, [x + end, 1.1, z]],
            0.012,
            light.through_air(srgb("6a6a6a") * 0.5, z),
        )
