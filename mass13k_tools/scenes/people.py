"""People: jointed figures in clothes, seen from behind."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mass13k_tools.scenes.hair import Head, paint_hair
from mass13k_tools.scenes.layers import PERSON, polygon_box, stroke_rows
from mass13k_tools.scenes.light import Rgb, srgb
from mass13k_tools.scenes.noise import fractal
from mass13k_tools.scenes.setting import Setting
from mass13k_tools.scenes.view import Points

SKINS = ("e8c3a4", "d3a27c", "a97852", "7a5238", "5a3c2a")
HAIRS = ("2a211c", "4a3426", "6a4c34", "9c7c52", "8a8580", "1c1a1a", "6e4530")
CLOTHES = (
    *("2f3b4a", "8a8d90", "6f7a5a", "74443f", "b9ad9a", "31332f", "56677c", "c9c4ba", "5a4a3c"),
    *("7c8468", "a0a8b0", "46586a", "94805c", "3c4a34", "26282c", "d2d0ca"),
)
HAIR_LENGTHS = (0.0, 0.03, 0.12, 0.20)  # below the ears, in body heights

HAIR_CHANCES = (0.3, 0.15, 0.25, 0.3)

# Half outlines from the middle of the neck down, x and y in body heights
COAT = (
    (0.040, 0.858),
    (0.075, 0.842),
    (0.112, 0.822),
    (0.124, 0.795),
    (0.106, 0.70),
    (0.086, 0.62),
)
HIPS = ((0.092, 0.53), (0.088, 0.475))


@dataclass(frozen=True, slots=True)
class Figure:
    """Where a person stands in the picture, and what the person looks like."""

    foot: Points
    size_px: float
    """Height of the body."""
    distance_m: float
    skin: Rgb
    hair: Rgb
    top: Rgb
    legs: Rgb
    step: float
    """How far one foot is lifted, 0..1."""
    skirt: bool
    hair_length: float

    @classmethod
    def draw(cls, setting: Setting, at_xz: tuple[float, float], height_m: float) -> "Figure":
        """Draw looks and clothes."""
        _, view, _, rng = setting
        hair_length = float(rng.choice(HAIR_LENGTHS, p=HAIR_CHANCES))
        return cls(
            foot=view.project(at_xz[0], 0.0, at_xz[1]),
            size_px=height_m * view.scale(at_xz[1]),
            distance_m=at_xz[1],
            skin=srgb(str(rng.choice(SKINS))),
            hair=srgb(str(rng.choice(HAIRS))),
            top=srgb(str(rng.choice(CLOTHES))),
            legs=srgb(str(rng.choice(CLOTHES))),
            step=float(rng.uniform(0, 1)),
            skirt=bool(hair_length > 0.1 and rng.uniform() < 0.4),
            hair_length=hair_length,
        )

    def at(self, x: ArrayLike, y: ArrayLike) -> Points:
        """Picture points (N, 2) of places on the body: x to the right, y up, in body heights."""
        across, up = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        return self.foot + self.size_px * np.stack([across, -up], axis=-1)


def paint_person(setting: Setting, at_xz: tuple[float, float], *, height_m: float = 1.72) -> None:
    """Paint a figure that stands or walks on the ground."""
    figure = Figure.draw(setting, at_xz, height_m)
    _paint_legs(setting, figure)
    _limb(setting, figure, [(0, 0.83), (0, 0.90)], (0.036, 0.030), figure.skin * np.float32(0.8))
    _paint_arms(setting, figure)
    right = np.array(COAT + HIPS)
    _cloth(setting, figure, np.concatenate([right, right[::-1] * [-1, 1]]), figure.top)
    if setting.rng.uniform() < 0.3:
        _paint_backpack(setting, figure)
    _paint_folds(setting, figure)
    _paint_head(setting, figure)
    wind = float(setting.rng.normal(0, 0.12) + 0.14 * np.sign(setting.light.sun_x))
    half_px = (0.050 * figure.size_px, 0.068 * figure.size_px)
    head = Head(figure.at(0.0, 0.932), half_px, figure.hair_length * figure.size_px, figure.hair)
    paint_hair(setting, head, wind=wind)


def _limb(
    setting: Setting, figure: Figure, joints: ArrayLike, thick: ArrayLike, albedo: Rgb
) -> None:
    """Paint a chain of rounded pieces; joints and radii in body heights."""
    light = setting.light
    bones = np.asarray(joints, np.float64)
    path = figure.at(bones[:, 0], bones[:, 1])
    facing = 0.45 + 0.4 * light.sun_x * np.clip(bones[:-1, 0] / 0.13, -1, 1)  # as _cloth
    colour = light.through_air(light.on(albedo, facing), figure.distance_m)
    radius = np.maximum(np.asarray(thick, np.float64) * figure.size_px, 0.4)
    roundness = 0.35 * light.sun_x * float(np.clip(light.sun.mean() * 1.3, 0.25, 1))
    setting.canvas.strokes(PERSON, stroke_rows(path, radius, colour, roundness=roundness))


def _paint_legs(setting: Setting, figure: Figure) -> None:
    for side in (-1.0, 1.0):
        hip, ankle = 0.044 * side, 0.048 * side
        lift = 0.05 * figure.step * (side > 0)
        bare = figure.skin if figure.skirt else figure.legs
        tone = np.float32(0.85 if side < 0 else 1.0)
        shoe, heel = srgb("2b2826") * tone, 0.022 + lift
        _limb(setting, figure, [(ankle, heel), (ankle + 0.008 * side, heel - 0.006)], 0.021, shoe)
        joints = [(hip, 0.50), (0.046 * side, 0.275 + 0.4 * lift), (ankle, 0.045 + lift)]
        thick = (0.036, 0.026, 0.017) if figure.skirt else (0.048, 0.035, 0.026)
        _limb(setting, figure, joints, thick, bare * tone)
    if figure.skirt:
        hem = 0.30 + 0.08 * setting.rng.uniform()
        outline = [(-0.075, 0.60), (0.075, 0.60), (0.12, hem), (0.05, hem - 0.012), (-0.12, hem)]
        _cloth(setting, figure, outline, figure.legs)


def _paint_arms(setting: Setting, figure: Figure) -> None:
    raised = setting.rng.uniform() < 0.08
    for side in (-1.0, 1.0):
        swing = 0.012 * figure.step * side
        elbow, wrist = (0.138 * side + swing, 0.645), (0.136 * side + 2 * swing, 0.50)
        if raised and side > 0:
            elbow, wrist = (0.17, 0.70), (0.10, 0.86)
        hand = (wrist[0] + 0.28 * (wrist[0] - elbow[0]), wrist[1] + 0.28 * (wrist[1] - elbow[1]))
        _limb(setting, figure, [wrist, hand], (0.016, 0.013), figure.skin)
        arm = [(0.094 * side, 0.796), (0.116 * side, 0.74), elbow, wrist]
        _limb(setting, figure, arm, (0.034, 0.032, 0.028, 0.021), figure.top)


def _paint_backpack(setting: Setting, figure: Figure) -> None:
    pack = srgb(str(setting.rng.choice(CLOTHES))) * np.float32(0.8)
    for side in (-1.0, 1.0):
        strap = [(0.050 * side, 0.845), (0.068 * side, 0.81), (0.072 * side, 0.76)]
        _limb(setting, figure, strap, 0.010, pack * np.float32(0.7))
    half = np.array([(0.050, 0.815), (0.078, 0.80), (0.084, 0.70), (0.076, 0.615), (0.0, 0.61)])
    _cloth(setting, figure, np.concatenate([half, half[::-1] * [-1, 1]]), pack)
    pocket = [(-0.058, 0.70), (0.058, 0.70), (0.062, 0.635), (-0.062, 0.635)]
    _cloth(setting, figure, pocket, pack * np.float32(1.2))
    _limb(setting, figure, [(-0.06, 0.765), (0.06, 0.765)], 0.004, pack * np.float32(0.4))


def _cloth(setting: Setting, figure: Figure, outline: ArrayLike, albedo: Rgb) -> None:
    """Paint a smooth piece of clothing, shaded as if it were round."""
    canvas, _, light, _ = setting
    corners = smooth(outline)
    found = polygon_box(figure.at(corners[:, 0], corners[:, 1]), canvas.size_hw)
    if found is None:
        return
    (top, left), coverage = found
    middle, half = figure.foot[0], 0.13 * figure.size_px
    across = (np.arange(coverage.shape[1]) + left + 0.5 - middle) / half
    facing = 0.45 + 0.4 * light.sun_x * np.clip(across, -1, 1)
    colour = light.through_air(light.on(albedo, facing), figure.distance_m)
    canvas.field(PERSON, coverage, colour[None], corner_yx=(top, left))


def _paint_folds(setting: Setting, figure: Figure) -> None:
    """Wrinkle whatever of this figure is painted so far; needless when it is small."""
    canvas, size = setting.canvas, figure.size_px
    low = np.floor(figure.foot - np.array([0.25, 0.88]) * size).astype(int)
    high = np.ceil(figure.foot + np.array([0.25, 0.05]) * size).astype(int)
    left, top = np.maximum(low, 0)
    right, bottom = np.minimum(high, (canvas.size_hw[1], canvas.size_hw[0]))
    if size < 300 or right <= left or bottom <= top:
        return
    shape = (int(bottom - top), int(right - left))
    drape = fractal(shape, setting.rng, wavelength_px=(0.05 * size, 0.16 * size), octaves=3)
    folds = 1 - 2.5 * np.abs(drape)  # ridges where the noise crosses zero
    weave = fractal(shape, setting.rng, wavelength_px=max(2.0, 0.004 * size), octaves=2)
    canvas.texture(PERSON, (int(top), int(left)), 0.20 * (folds - 0.5) + 0.16 * weave)


def _paint_head(setting: Setting, figure: Figure) -> None:
    canvas, _, light, _ = setting
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    for side in (-1.0, 1.0):
        ear = figure.at(side * 0.048 + 0.007 * np.cos(turn), 0.922 + 0.015 * np.sin(turn))
        colour = light.on(figure.skin, 0.4 + 0.3 * side * light.sun_x)
        canvas.polygon(PERSON, ear, light.through_air(colour, figure.distance_m))
    skull = np.stack([0.047 * np.cos(turn), 0.932 + 0.064 * np.sin(turn)], axis=1)
    _cloth(setting, figure, skull, figure.hair * np.float32(0.7))


def smooth(outline: ArrayLike, *, rounds: int = 3) -> Points:
    """Round the corners of a closed outline (N, 2) by cutting them off again and again."""
    points = np.asarray(outline, np.float64)
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1)
        points = points.reshape(-1, 2)
    return points
