"""Cars and boats; they are none of the six named classes either."""

import numpy as np
from numpy.typing import ArrayLike

from mass13k_tools.scenes.layers import OTHERS, stroke_rows
from mass13k_tools.scenes.light import srgb
from mass13k_tools.scenes.people import smooth
from mass13k_tools.scenes.setting import Setting

PAINTS = ("74403a", "c8c9c8", "2f3b4f", "5b5f62", "1f2122", "8c9a86", "94805a", "3d5a4a", "a4a7a8")
HULLS = ("d9d7d0", "2f4358", "74403a", "3c5a50")

# Outlines in metres, seen from the side; the car drives to the right
BODY = (
    *((-2.1, 0.28), (-2.15, 0.75), (-1.9, 0.95), (-1.2, 1.0), (-0.6, 1.45), (0.8, 1.48)),
    *((1.6, 1.0), (2.1, 0.9), (2.15, 0.28)),
)
SIDE_PANES = (
    ((-0.95, 1.02), (-0.5, 1.38), (0.1, 1.40), (0.1, 1.02)),
    ((0.2, 1.02), (0.2, 1.40), (0.75, 1.40), (1.3, 1.02)),
)
# … and from behind
BACK = (
    *((-0.86, 0.30), (-0.90, 0.80), (-0.80, 1.02), (-0.62, 1.46), (0.62, 1.46), (0.80, 1.02)),
    *((0.90, 0.80), (0.86, 0.30)),
)
BACK_PANE = ((-0.68, 1.04), (-0.55, 1.38), (0.55, 1.38), (0.68, 1.04))
WHEEL = ((0.34, "151515"), (0.20, "8d9093"), (0.07, "3a3a3a"))  # radius in m, colour


class _Painter:
    """Paints outlines in metres that stand upright at one place of the world."""

    def __init__(self, setting: Setting, at_xz: tuple[float, float], way: float = 1.0) -> None:
        self.setting, self.at_xz, self.way = setting, at_xz, way

    def shape(self, outline: ArrayLike, colour: ArrayLike, *, rounds: int = 1) -> None:
        """Paint an outline (N, 2), in one colour or from one at its top to one at its bottom."""
        corners = smooth(outline, rounds=rounds)
        x, z = self.at_xz
        place = self.setting.view.project(x + self.way * corners[:, 0], corners[:, 1], z)
        self.setting.canvas.polygon(OTHERS, place, self.setting.light.through_air(colour, z))

    def line(self, path: ArrayLike, radius_m: float, colour: ArrayLike) -> None:
        """Paint a bar through points (N, 2)."""
        points = np.asarray(path, np.float64)
        x, z = self.at_xz
        view = self.setting.view
        place = view.project(x + self.way * points[:, 0], points[:, 1], z)
        radius = max(radius_m * view.scale(z), 0.4, 0.55 * view.unit)
        hazy = self.setting.light.through_air(colour, z)
        self.setting.canvas.strokes(OTHERS, stroke_rows(place, radius, hazy, cap=False))


def paint_car(setting: Setting, at_xz: tuple[float, float], *, from_side: bool) -> None:
    """Paint a parked car, seen from its side or from behind."""
    light, rng = setting.light, setting.rng
    painter = _Painter(setting, at_xz, float(rng.choice([-1.0, 1.0])))
    paint = srgb(str(rng.choice(PAINTS)))
    body = np.stack([light.on(paint, 0.75) + 0.10 * light.haze, light.on(paint * 0.55, 0.1)])
    glass = np.stack([0.30 * light.haze + srgb("1c2226"), srgb("14181a")])
    dark = light.on(srgb("1a1a1b"), 0.2)
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    if from_side:
        painter.shape(BODY, body, rounds=2)
        painter.shape([(-2.1, 0.30), (-2.1, 0.48), (2.1, 0.48), (2.1, 0.30)], dark)
        painter.line([(-1.9, 0.78), (1.95, 0.76)], 0.012, body[1])
        for pane in SIDE_PANES:
            painter.shape(pane, glass)
        for hub in (-1.3, 1.35):
            for radius, tone in WHEEL:
                wheel = np.stack([hub + radius * np.cos(turn), 0.33 + radius * np.sin(turn)], 1)
                painter.shape(wheel, light.on(srgb(tone), 0.4), rounds=0)
        return
    for side in (-0.72, 0.72):
        tyre = [(side - 0.11, 0.0), (side - 0.11, 0.45), (side + 0.11, 0.45), (side + 0.11, 0.0)]
        painter.shape(tyre, dark)
    painter.shape(BACK, body, rounds=2)
    painter.shape(BACK_PANE, glass)
    painter.shape([(-0.86, 0.30), (-0.88, 0.50), (0.88, 0.50), (0.86, 0.30)], dark)
    painter.shape(
        [(-0.26, 0.62), (-0.26, 0.73), (0.26, 0.73), (0.26, 0.62)], light.on(np.ones(3), 0.3)
    )
    for side in (-0.70, 0.70):
        lamp = [(side - 0.14, 0.78), (side - 0.14, 0.95), (side + 0.14, 0.95), (side + 0.14, 0.78)]
        painter.shape(lamp, light.on(srgb("8a2f2a"), 0.6))


def paint_boat(setting: Setting, at_xz: tuple[float, float], *, long_m: float) -> None:
    """Paint a moored sailing boat: hull, cabin, mast and rigging, and its dark reflection."""
    canvas, view, light, rng = setting
    painter = _Painter(setting, at_xz, float(rng.choice([-1.0, 1.0])))
    half, tall = 0.5 * long_m, long_m * rng.uniform(1.1, 1.4)
    paint = srgb(str(rng.choice(HULLS)))
    hull = np.stack([light.on(paint, 0.7), light.on(paint * 0.6, 0.3)])
    wood = light.on(srgb("b9a684"), 0.6)
    x, z = at_xz
    mirror = view.project(
        [x - 0.95 * half, x + 0.95 * half, x + half, x - half], [0, 0, -1.5, -1.5], z
    )
    canvas.shade(mirror, 0.55, soft_px=0.12 * view.scale(z))
    stretch = np.array([half, 1.0])
    for outline, colour in (
        ([(-1.0, 1.05), (-0.92, 0.0), (0.80, 0.0), (1.08, 1.25)], hull),
        ([(-0.9, 0.95), (-0.9, 1.1), (1.05, 1.28), (0.98, 1.1)], wood),
        ([(-0.45, 1.05), (-0.40, 1.75), (0.25, 1.75), (0.42, 1.1)], hull * 0.85),
        ([(-0.36, 1.38), (-0.34, 1.62), (0.18, 1.62), (0.24, 1.38)], srgb("20262b")),
    ):
        painter.shape(np.array(outline) * stretch, colour, rounds=0)
    head = (0.1 * half, tall)
    painter.line([(0.1 * half, 1.0), head], 0.07, wood)
    painter.line([(0.1 * half, 2.1), (-0.85 * half, 2.0)], 0.10, wood * 0.9)
    for end in (-0.95, 1.05, -0.25, 0.4):
        painter.line([head, (end * half, 1.1)], 0.012, srgb("6a6a6a") * 0.5)
