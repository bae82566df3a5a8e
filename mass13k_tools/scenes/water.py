"""Water: the picture above the shore, mirrored in waves."""

import cv2
import numpy as np
from numpy.typing import ArrayLike

from mass13k_tools.scenes.layers import WATER, polygon_box
from mass13k_tools.scenes.light import blend, srgb
from mass13k_tools.scenes.noise import plane_fractal
from mass13k_tools.scenes.setting import Setting

BODIES = ("20343a", "2c4038", "3b4a3c", "274650", "4a4a3c")  # sea, lake, pond, bay, river
PUDDLE_M = 25.0  # water that ends nearer than this has no far shore to speak of
# Wavelength in m, gain, stretch along the crests
WAVES = np.array(
    [[0.35, 0.5, 3.0], [0.9, 0.8, 3.0], [2.6, 1.0, 3.5], [9.0, 0.7, 5.0], [40.0, 0.8, 4.0]]
)


def paint_water(
    setting: Setting, outline_xz: ArrayLike, *, roughness: float = 1.0, open_shore: bool = False
) -> None:
    """Paint a level water surface inside an outline (N, 2) of X, Z in metres.

    It mirrors what is on the canvas, so paint what stands behind it first: things on the far shore
    turn over at the shore. A puddle, and water whose far shore is flat and bare (``open_shore``),
    shows what is far beyond, which turns over at the horizon.
    """
    canvas, view, light, rng = setting
    corners = view.ground(outline_xz)
    found = polygon_box(corners, view.size_hw)
    if found is None:
        return
    (top, left), coverage = found
    rows, columns = (top, top + len(coverage)), np.s_[left : left + coverage.shape[1]]
    shore = max(corners[:, 1].min(), view.horizon)
    if open_shore or np.asarray(outline_xz)[:, 1].max() < PUDDLE_M:
        shore = view.horizon
    tilt = plane_fractal(rows, view.size_hw[1], view.lens, WAVES, rng)[:, columns]
    below = (np.arange(*rows) + 0.5 - shore)[:, None].astype(np.float32)
    swing = np.float32(roughness) * (np.float32(0.10) * below + 9 * np.float32(view.unit))
    map_y = np.float32(shore) - np.abs(below * np.float32(0.92) + 2.2 * swing * tilt) - 1
    map_x = np.arange(left, left + coverage.shape[1], dtype=np.float32)[None]
    map_x = map_x + np.float32(0.35) * swing * np.roll(tilt, 7, axis=0)
    mirror = cv2.remap(
        canvas.rgb[: max(2, int(np.ceil(shore)))],
        map_x.astype(np.float32),
        map_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    grazing = np.clip(1 - below / np.float32(view.focal_px), 0, 1)
    mirrored = np.clip(0.12 + 0.75 * grazing**3 + 0.22 * tilt, 0.05, 0.95)
    body = srgb(str(rng.choice(BODIES))) * (light.ambient + 0.4 * light.sun) * np.float32(1.3)
    colour = blend(body * (1 + 0.5 * tilt[..., None]), mirror, mirrored)
    glint = np.clip(tilt * 2.2 - 0.95, 0, 1) * np.float32(0.5 * light.sun.mean() * roughness)
    colour += glint[..., None] * light.sun
    canvas.field(WATER, coverage, np.maximum(colour, 0), corner_yx=(top, left))
