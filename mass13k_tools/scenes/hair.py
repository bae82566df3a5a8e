"""Hair: thousands of tapered strands that fall over the head, hang and blow."""

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.scenes.layers import PERSON, Canvas
from mass13k_tools.scenes.light import Light, Rgb
from mass13k_tools.scenes.view import Points, View

JOINTS = 14  # points along a strand


def paint_hair(
    canvas: Canvas,
    view: View,
    light: Light,
    rng: np.random.Generator,
    *,
    head_xy: Points,
    head_px: tuple[float, float],
    length_px: float,
    wind: float,
    colour: Rgb,
) -> None:
    """Paint the hair of a head seen from behind.

    Args:
        canvas: Painted on.
        view: Scales the strands' width.
        light: Daylight.
        rng: Draws the strands.
        head_xy: Middle of the head in the picture.
        head_px: Half its width and half its height.
        length_px: How far hair hangs below the ears; 0 = short.
        wind: How far it blows sideways, in parts of its length.
        colour: Albedo.
    """
    count = int(np.clip(7000 * (head_px[0] / 300) ** 1.2, 40, 9000))
    strands = _strands(rng, count, head_px, length_px, wind)
    side = rng.uniform(-1, 1, count)
    order = np.argsort(np.abs(strands[:, JOINTS // 2, 0]) * -1, kind="stable")
    strands = strands[order] + head_xy
    across = (strands[:, :, 0] - head_xy[0]) / head_px[0]
    shine = np.clip(0.35 + 0.45 * light.sun_x * across, 0.05, 1.0)
    shine = shine * (1 + 0.5 * np.sin(np.linspace(0, 9, JOINTS))[None] * side[:, None])
    tint = rng.uniform(0.45, 1.75, (count, 1, 1)).astype(np.float32)
    lit = light.on(np.broadcast_to(colour, (count, JOINTS, 3)) * tint, shine)
    radius = np.maximum(
        0.4, view.unit * rng.uniform(0.5, 1.7, count) * min(1.0, head_px[0] / 200 + 0.4)
    )
    taper = np.linspace(1, 0.45, JOINTS)
    rows = np.zeros((count, JOINTS - 1, 11), np.float32)
    rows[..., 0:2], rows[..., 3:5] = strands[:, :-1], strands[:, 1:]
    rows[..., 2], rows[..., 5] = radius[:, None] * taper[:-1], radius[:, None] * taper[1:]
    rows[..., 6:9] = lit[:, :-1]
    canvas.strokes(PERSON, rows.reshape(-1, 11))


def _strands(
    rng: np.random.Generator,
    count: int,
    head_px: tuple[float, float],
    length_px: float,
    wind: float,
) -> NDArray[np.float64]:
    """Paths (count, JOINTS, 2) around (0, 0): over the skull first, then down and with the wind."""
    wide, tall = head_px[0] * 1.06, head_px[1] * 1.08
    t = np.linspace(0, 1, JOINTS)[None]
    u = np.clip(rng.normal(0, 0.62, (count, 1)), -1, 1)
    start = rng.uniform(-0.1, 1.1, (count, 1))
    over = 0.45 if length_px else 0.9  # part of a strand that lies on the skull
    turn = np.minimum(t / over, 1.0)
    sweep = (0.15 + start * 0.9) * (1 - turn) + turn * (1.75 if length_px else 1.45 + 0.7 * start)
    sweep = np.maximum(sweep - 0.15, 0)
    lift = 1 + 0.05 * rng.random((count, 1)) * turn
    x = u * wide * np.sin(np.minimum(sweep, np.pi / 2)) * lift
    y = (
        -tall
        * np.cos(np.minimum(sweep, 2.2))
        * np.sqrt(np.maximum(0.0, 1 - 0.55 * (x / wide) ** 2))
    )
    fall = np.maximum(t - over, 0) / (1 - over)
    own = length_px * rng.uniform(0.55, 1.05, (count, 1)) + 0.25 * head_px[1] * rng.random(
        (count, 1)
    )
    loose = rng.normal(0, 1, (count, 1)) ** 3 * 0.05  # few strands fly far
    phase, waves = rng.uniform(0, 6.28, (count, 1)), rng.uniform(2, 7, (count, 1))
    reach = own * fall
    x = x + reach * (0.22 * u + loose) + wind * own * fall**1.7 * rng.uniform(0.4, 1.9, (count, 1))
    x = x + 0.035 * own * fall * np.sin(phase + waves * t)
    y = y + reach * (1 - 0.5 * min(1.0, abs(wind) * 1.5) * fall) - np.abs(loose) * own * fall * 2
    stray = rng.normal(0, 1, (count, 1)) ** 3 * 0.025 * head_px[0] * turn
    return np.stack([x + stray, y - np.abs(stray) * 0.8], axis=-1)
