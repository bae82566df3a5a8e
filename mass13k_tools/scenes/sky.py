"""Sky: a gradient with a glow around the sun, and clouds on a plane high above."""

import cv2
import numpy as np

from mass13k_tools.scenes.layers import SKY
from mass13k_tools.scenes.light import Light, blend
from mass13k_tools.scenes.noise import Field, fractal_at
from mass13k_tools.scenes.setting import Setting

COARSE = 4  # clouds are soft, so they are computed on every fourth pixel


def paint_sky(setting: Setting) -> None:
    """Paint the whole canvas as sky."""
    canvas, view, light, rng = setting
    height, width = view.size_hw
    small_hw = (max(8, height // COARSE), max(8, width // COARSE))
    across = ((np.arange(small_hw[1]) + 0.5) / small_hw[1] - 0.5) * width / view.focal_px
    up = (view.horizon - (np.arange(small_hw[0]) + 0.5) / small_hw[0] * height) / view.focal_px
    x, y = np.meshgrid(np.float32(across), np.maximum(np.float32(up), np.float32(-0.02)))
    colour = _clear_sky(x, y, light)
    density, sunny = _clouds(x, y, light, rng)
    shadow = blend(light.haze, light.zenith, 0.35) * (0.72 - 0.18 * light.cloud_cover)
    bright = light.haze * 0.35 + light.sun * 0.75 + light.ambient * 0.35
    cloud = blend(shadow, bright, sunny)
    colour = blend(colour, cloud, density)
    colour = blend(colour, light.haze, np.exp(-np.maximum(y, 0) * 11) * 0.9)
    full = cv2.resize(colour.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    canvas.field(SKY, np.ones(view.size_hw, np.float32), np.maximum(full, 0))


def _clear_sky(x: Field, y: Field, light: Light) -> Field:
    """Colour of the air itself, by direction."""
    climb = np.clip(1 - np.exp(-np.maximum(y, 0) * 2.4), 0, 1)
    colour = blend(light.haze, light.zenith, climb)
    away2 = (x - light.sun_x * 0.75) ** 2 + (y - light.sun_height * 1.1) ** 2
    glow = 0.30 * np.exp(-away2 * 2.2) + 0.25 * np.exp(-away2 * 14)
    glowing = colour + light.sun * glow[..., None] * (1 - light.cloud_cover)
    return np.asarray(glowing, np.float32)


def _clouds(x: Field, y: Field, light: Light, rng: np.random.Generator) -> tuple[Field, Field]:
    """Cover and brightness of the clouds, 0..1 each."""
    shift, seed = rng.uniform(-50, 50, 2), int(rng.integers(1 << 30))
    size = rng.uniform(0.7, 1.6)
    far = 1.0 / (np.maximum(y, 0) + 0.22)
    u = (x * far * 1.5 / size + shift[0]).astype(np.float32)
    v = (far * 2.2 / size + shift[1]).astype(np.float32)
    warp = 0.55 * fractal_at(u * 0.9, v * 0.9, seed + 50, octaves=3)
    heap = fractal_at(u + warp, v - warp, seed, octaves=8)
    to_sun = 0.11 * np.sign(light.sun_x)
    ahead = fractal_at(u + warp + np.float32(to_sun), v - warp - np.float32(0.09), seed, octaves=5)
    edge = np.float32(0.42 - 0.95 * light.cloud_cover)
    density = np.clip((heap - edge) / np.float32(0.20 + 0.25 * light.cloud_cover), 0, 1)
    density = density * density * (3 - 2 * density) * np.float32(min(1, 0.55 + light.cloud_cover))
    thick = np.clip((heap - edge) * 1.2, 0, 1)
    sunny = np.clip(0.72 + 2.2 * (heap - ahead) - 0.75 * thick, 0, 1)
    return density.astype(np.float32), sunny.astype(np.float32)
