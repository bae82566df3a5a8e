"""Hair: thousands of tapered strands that fall over the head, hang and blow."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.scenes.layers import PERSON
from mass13k_tools.scenes.light import Rgb
from mass13k_tools.scenes.setting import Setting
from mass13k_tools.scenes.view import Points

JOINTS = 14  # points along a strand


class Head(NamedTuple):
    """A head seen from behind, and its hair."""

    middle_xy: Points
    half_px: tuple[float, float]
    """Half its width and half its height."""
    hang_px: float
    """How far hair hangs below the ears; 0 = short."""
    colour: Rgb


def paint_hair(setting: Setting, head: Head, *, wind: float) -> None:
    """Paint the hair strand by strand; ``wind`` blows it sideways, in parts of its length."""
    canvas, view, light, rng = setting
    wide = head.half_px[0]
    count = int(np.clip(7000 * (wide / 250) ** 1.1, 40, 9000))
    strands = _strands(rng, count, head, wind)
    order = np.argsort(-np.abs(strands[:, JOINTS // 2, 0]), kind="stable")
    strands = strands[order] + head.middle_xy
    across = (strands[:, :, 0] - head.middle_xy[0]) / wide
    shine = np.clip(0.32 + 0.40 * light.sun_x * across, 0.05, 1.0)
    gloss = rng.uniform(-1, 1, (count, 1)) * np.sin(np.linspace(0, 9, JOINTS))[None]
    tint = rng.uniform(0.45, 1.6, (count, 1, 1)).astype(np.float32)
    lit = light.on(head.colour * tint, shine * (1 + 0.5 * gloss))
    width = view.unit * rng.uniform(0.5, 1.5, count) * min(1.0, wide / 200 + 0.4)
    radius = np.maximum(0.4, width)[:, None] * np.linspace(1, 0.45, JOINTS)
    rows = np.zeros((count, JOINTS - 1, 11), np.float32)
    rows[..., 0:2], rows[..., 3:5] = strands[:, :-1], strands[:, 1:]
    rows[..., 2], rows[..., 5] = radius[:, :-1], radius[:, 1:]
    rows[..., 6:9] = lit[:, :-1]
    canvas.strokes(PERSON, rows.reshape(-1, 11))


def _strands(rng: np.random.Generator, count: int, head: Head, wind: float) -> NDArray[np.float64]:
    """Paths (count, JOINTS, 2) around (0, 0): over the skull first, then down and with the wind."""
    wide, tall = head.half_px[0] * 1.06, head.half_px[1] * 1.06
    long = head.hang_px > 0
    t = np.linspace(0, 1, JOINTS)[None]
    side = np.clip(rng.normal(0, 0.62, (count, 1)), -1, 1)
    root = rng.uniform(0, 1, (count, 1))
    over = 0.45 if long else 1.0  # part of a strand that lies on the skull
    along = np.minimum(t / over, 1.0)
    start, stop = (root * 0.9, 1.75) if long else (root * 1.4, root * 1.5 + 0.85)
    sweep = start * (1 - along) + along * stop
    x = side * wide * np.sin(np.minimum(sweep + 0.15, np.pi / 2 if long else 2.2))
    x = x * (1 + 0.05 * rng.random((count, 1)) * along)
    y = -tall * np.cos(sweep) * np.sqrt(np.maximum(0.0, 1 - 0.5 * (x / wide) ** 2))
    fall = np.maximum(t - over, 0) / max(1 - over, 1e-6) if long else np.zeros_like(t)
    own = head.hang_px * rng.uniform(0.55, 1.05, (count, 1))
    own = own + 0.25 * head.half_px[1] * rng.random((count, 1))
    loose = np.clip(rng.normal(0, 1, (count, 1)) ** 3 * 0.06, -0.5, 0.5)  # few strands fly far
    reach = own * fall
    blown = wind * rng.uniform(0.3, 1.9, (count, 1)) * fall**0.7
    wave = 0.04 * np.sin(rng.uniform(0, 6.28, (count, 1)) + rng.uniform(2, 7, (count, 1)) * t)
    x = x + reach * (0.20 * side + loose + blown + wave)
    y = y + reach * (1 - 0.5 * min(1.0, 1.5 * abs(wind)) * fall - np.abs(loose))
    stray = np.clip(rng.normal(0, 1, (count, 1)) ** 3, -6, 6) * 0.02 * wide * along
    return np.stack([x + stray, y - np.abs(stray) * 0.8], axis=-1)
