"""People: jointed figures in clothes, with hair strand by strand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mass13k_tools.scenes.hair import paint_hair
from mass13k_tools.scenes.layers import PERSON, Canvas, polygon_box, stroke_rows
from mass13k_tools.scenes.light import Light, Rgb, srgb
from mass13k_tools.scenes.noise import fractal
from mass13k_tools.scenes.view import Points, View

SKINS = ("e8c3a4", "d3a27c", "a97852", "7a5238", "5a3c2a")
HAIRS = ("2a211c", "4a3426", "6f4c2e", "a57f4d", "8a8580", "1c1a1a", "7a3f24")
CLOTHES = (
    "2f3b4a", "8a8d90", "6f7a5a", "7c3a36", "b9ad9a", "31332f", "4f6a86", "c9c4ba", "5a4a3c", "86926a",
    "a0a8b0", "46586a", "9c8258", "3c4a34",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pose:
    """Where one figure stands, in picture points, and what it looks like."""

    foot: Points
    size_px: float
    """Height of the body."""
    distance_m: float
    skin: Rgb
    hair: Rgb
    top: Rgb
    legs: Rgb
    stride: float
    """0 = standing, 1 = a wide step."""
    turn: float
    """Which way it leans and walks, -1 = left, 1 = right."""
    skirt: bool
    long_hair: float
    """Length of the hair in body heights."""

    def at(self, x: ArrayLike, y: ArrayLike) -> Points:
        """Picture points (N, 2) of places on the body: x to the right, y up, in body heights."""
        across, up = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        return self.foot + self.size_px * np.stack([across, -up], axis=-1)


def paint_person(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    *,
    at_xz: tuple[float, float],
    height_m: float = 1.72,
) -> None:
    """Paint a figure seen from behind that stands or walks on the ground."""
    size_px = height_m * view.scale(at_xz[1])
    long_hair = float(rng.choice([0.0, 0.06, 0.16, 0.24], p=[0.25, 0.25, 0.25, 0.25]))
    pose = Pose(
        foot=view.project(at_xz[0], 0.0, at_xz[1]),
        size_px=size_px,
        distance_m=at_xz[1],
        skin=srgb(str(rng.choice(SKINS))),
        hair=srgb(str(rng.choice(HAIRS))),
        top=srgb(str(rng.choice(CLOTHES))),
        legs=srgb(str(rng.choice(CLOTHES))),
        stride=float(rng.uniform(0, 0.9)),
        turn=float(rng.choice([-1.0, 1.0])),
        skirt=bool(long_hair > 0.1 and rng.uniform() < 0.4),
        long_hair=long_hair,
    )
    _paint_legs(canvas, light, rng, pose)
    _paint_arms(canvas, light, rng, pose)
    _paint_torso(canvas, light, pose)
    _paint_folds(canvas, rng, pose)
    _paint_head(canvas, light, pose)
    wind = float(rng.normal(0, 0.10) + 0.10 * np.sign(light.sun_x))
    paint_hair(
        canvas,
        view,
        light,
        rng,
        head_xy=pose.at(0.0, 0.932),
        head_px=(0.052 * size_px, 0.070 * size_px),
        length_px=pose.long_hair * size_px,
        wind=wind,
        colour=pose.hair,
    )


def _limb(
    canvas: Canvas, light: Light, pose: Pose, joints: ArrayLike, thick: ArrayLike, albedo: ArrayLike
) -> None:
    """Paint a chain of rounded pieces; joints and radii in body heights."""
    bones = np.asarray(joints, np.float64)
    path = pose.at(bones[:, 0], bones[:, 1])
    colour = light.through_air(light.on(albedo, 0.45), pose.distance_m)
    radius = np.maximum(np.asarray(thick, np.float64) * pose.size_px, 0.4)
    roundness = 0.45 * light.sun_x * float(np.clip(light.sun.mean() * 1.3, 0.25, 1))
    canvas.strokes(PERSON, stroke_rows(path, radius, colour, roundness=roundness))


def _paint_legs(canvas: Canvas, light: Light, rng: np.random.Generator, pose: Pose) -> None:
    step = 0.11 * pose.stride * pose.turn
    for side in (-1.0, 1.0):
        hip, ankle = 0.042 * side, 0.045 * side + step * side * pose.turn
        lift = 0.02 * pose.stride * (side > 0)
        knee = 0.5 * (hip + ankle) + 0.02 * pose.stride * pose.turn
        bare = pose.skin if pose.skirt else pose.legs
        shade = bare * (0.85 if side < 0 else 1.0)
        joints = [(hip, 0.50), (knee, 0.275 + 0.5 * lift), (ankle, 0.045 + lift)]
        thick = (0.036, 0.026, 0.017) if pose.skirt else (0.050, 0.036, 0.026)
        shoe = srgb("2b2826") if side < 0 else srgb("35312e")
        toe = ankle + 0.02 * pose.turn
        _limb(
            canvas, light, pose, [(ankle, 0.022 + lift), (toe, 0.015 + lift)], (0.021, 0.017), shoe
        )
        _limb(canvas, light, pose, joints, thick, shade)
    if pose.skirt:
        hem = 0.30 + 0.08 * rng.uniform()
        outline = [(-0.075, 0.60), (0.075, 0.60), (0.13, hem), (0.05, hem - 0.012), (-0.12, hem)]
        _cloth(canvas, light, pose, outline, pose.legs)


def _paint_arms(canvas: Canvas, light: Light, rng: np.random.Generator, pose: Pose) -> None:
    raised = rng.uniform() < 0.2
    for side in (-1.0, 1.0):
        swing = 0.05 * pose.stride * side * pose.turn
        elbow, wrist = (0.142 * side + 0.4 * swing, 0.645), (0.145 * side + swing, 0.50)
        if raised and side > 0:
            elbow, wrist = (0.17, 0.70), (0.10, 0.86)
        hand = (wrist[0] + 0.3 * (wrist[0] - elbow[0]), wrist[1] + 0.3 * (wrist[1] - elbow[1]))
        _limb(canvas, light, pose, [wrist, hand], (0.016, 0.014), pose.skin)
        shoulder = (0.098 * side, 0.800)
        _limb(canvas, light, pose, [shoulder, elbow, wrist], (0.036, 0.029, 0.021), pose.top * 0.95)


def _paint_torso(canvas: Canvas, light: Light, pose: Pose) -> None:
    _limb(canvas, light, pose, [(0, 0.83), (0, 0.90)], (0.034, 0.028), pose.skin * 0.85)
    outline = [
        (-0.045, 0.855), (0.045, 0.855), (0.095, 0.835), (0.128, 0.80), (0.112, 0.70), (0.088, 0.62),
        (0.094, 0.53), (0.088, 0.475), (-0.088, 0.475), (-0.094, 0.53), (-0.088, 0.62), (-0.112, 0.70),
        (-0.128, 0.80), (-0.095, 0.835),
    ]  # fmt: skip
    _cloth(canvas, light, pose, outline, pose.top)


def _cloth(
    canvas: Canvas, light: Light, pose: Pose, outline: ArrayLike, albedo: NDArray[np.float32]
) -> None:
    """Paint a smooth piece of clothing, shaded as if it were round."""
    corners = smooth(outline)
    points = pose.at(corners[:, 0], corners[:, 1])
    found = polygon_box(points, canvas.size_hw)
    if found is None:
        return
    (top, left), coverage = found
    middle, half = pose.foot[0], 0.13 * pose.size_px
    across = (np.arange(coverage.shape[1]) + left + 0.5 - middle) / half
    facing = 0.45 + 0.5 * light.sun_x * np.clip(across, -1, 1)
    colour = light.through_air(light.on(albedo, facing), pose.distance_m)
    canvas.field(
        PERSON, coverage, np.tile(colour[None], (len(coverage), 1, 1)), corner_yx=(top, left)
    )


def _paint_folds(canvas: Canvas, rng: np.random.Generator, pose: Pose) -> None:
    """Wrinkle whatever of this figure is painted so far; needless when it is small."""
    if pose.size_px < 60:
        return
    low = np.floor(pose.foot - [0.25 * pose.size_px, 0.9 * pose.size_px]).astype(int)
    high = np.ceil(pose.foot + [0.25 * pose.size_px, 0.05 * pose.size_px]).astype(int)
    left, top = np.maximum(low, 0)
    right, bottom = np.minimum(high, (canvas.size_hw[1], canvas.size_hw[0]))
    if right <= left or bottom <= top:
        return
    shape = (int(bottom - top), int(right - left))
    size = pose.size_px
    folds = fractal(shape, rng, wavelength_px=(0.05 * size, 0.11 * size), octaves=4)
    weave = fractal(shape, rng, wavelength_px=max(2.0, 0.004 * size), octaves=2)
    canvas.texture(PERSON, (int(top), int(left)), 0.55 * folds + 0.20 * weave)


def _paint_head(canvas: Canvas, light: Light, pose: Pose) -> None:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    for side in (-1.0, 1.0):
        ear = pose.at(side * 0.050 + 0.008 * np.cos(turn), 0.925 + 0.016 * np.sin(turn))
        colour = light.through_air(
            light.on(pose.skin, 0.4 + 0.3 * side * light.sun_x), pose.distance_m
        )
        canvas.polygon(PERSON, ear, colour)
    skull = np.stack([0.047 * np.cos(turn), 0.930 + 0.066 * np.sin(turn)], axis=1)
    _cloth(canvas, light, pose, skull, pose.skin * 0.9)


def smooth(outline: ArrayLike, *, rounds: int = 3) -> Points:
    """Round the corners of a closed outline (N, 2) by cutting them off again and again."""
    points = np.asarray(outline, np.float64)
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1)
        points = points.reshape(-1, 2)
    return points
