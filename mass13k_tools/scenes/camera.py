"""The camera: exposure, white balance, vignette, sharpness and noise make light a photograph."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image
from mass13k_tools.scenes.raster import Pixels

STEPS = 4096  # of the tone curve's table
BRIGHTEST = 4.0  # linear light at its upper end
MIDDLE = 0.38  # light that is exposed as it is
STRIP_ROWS = 256  # developed at a time, which bounds memory


@dataclass(frozen=True, slots=True)
class Camera:
    """How one photograph is taken and developed."""

    exposure: float
    balance: tuple[float, float, float]
    vignette: float
    blur_px: float
    noise: float
    contrast: float
    saturation: float

    @classmethod
    def draw(cls, rng: np.random.Generator, unit: float) -> "Camera":
        """Draw the settings; ``unit`` scales blur, which is given for pictures of 3072 rows."""
        warm = rng.normal(0, 0.05)
        return cls(
            exposure=float(np.exp(rng.normal(0.25, 0.18))),
            balance=(float(1 + warm), float(1 + rng.normal(0, 0.012)), float(1 - warm)),
            vignette=float(rng.uniform(0.0, 0.30)),
            blur_px=float(rng.uniform(0.35, 0.9) * max(unit, 0.6)),
            noise=float(rng.uniform(0.012, 0.036)),
            contrast=float(rng.uniform(1.0, 1.2)),
            saturation=float(rng.uniform(0.65, 0.95)),
        )

    def develop(self, light: Pixels, rng: np.random.Generator) -> Image:
        """Turn linear light (H, W, 3) float32 into 8-bit sRGB; the light is used up."""
        height, width = light.shape[:2]
        metered = float(light[::8, ::8].mean())
        gain = self.exposure * (MIDDLE / max(metered, 1e-3)) ** 0.7  # as an automatic camera does
        light *= np.float32(gain) * np.array(self.balance, np.float32)
        x = np.linspace(-1, 1, width, dtype=np.float32)[None]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(height / width)
        light /= (1 + np.float32(self.vignette) * (x * x + y * y))[..., None]
        glow = _glow(light)
        cv2.GaussianBlur(light, (0, 0), self.blur_px, dst=light)
        image = np.empty(light.shape, np.uint8)
        curve = self._curve()
        for top in range(0, height, STRIP_ROWS):
            strip = np.s_[top : top + STRIP_ROWS]
            steps = light[strip] * np.float32(0.965)
            steps += np.float32(0.035) * _stretch(glow, light.shape, strip)
            grey = steps.mean(axis=2, keepdims=True)
            steps = grey + np.float32(self.saturation) * (steps - grey)
            steps = np.sqrt(np.clip(steps, 0, BRIGHTEST)) * ((STEPS - 1) / np.sqrt(BRIGHTEST))
            shade = curve[steps.astype(np.uint16)]
            shade += self._grain(shade, rng)
            image[strip] = np.clip(shade + np.float32(0.5), 0, 255)
        return image

    def _curve(self) -> NDArray[np.float32]:
        """Display value of each step: a shoulder that keeps highlights, then the sRGB gamma."""
        linear = (np.arange(STEPS) / (STEPS - 1)) ** 2 * BRIGHTEST
        film = np.minimum(linear * (1 + linear / 6.0) / (1 + 0.72 * linear), 1.0)
        gamma = np.where(film <= 0.0031308, 12.92 * film, 1.055 * film ** (1 / 2.4) - 0.055)
        punch = np.clip(0.5 + (gamma - 0.5) * self.contrast, 0, 1)
        return (255 * punch).astype(np.float32)

    def _grain(self, shade: Pixels, rng: np.random.Generator) -> Pixels:
        """Noise of a sensor: mostly the same in all channels, weakest in the lights."""
        common = rng.standard_normal(shade.shape[:2], np.float32)
        grain = np.float32(0.55) * rng.standard_normal(shade.shape, np.float32)
        grain += common[..., None]
        grain *= (np.float32(1.15) - shade / np.float32(255)) * np.float32(self.noise * 180)
        return np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.45), np.float32)


def _glow(light: Pixels) -> Pixels:
    """What bleeds around bright areas in a lens, at a sixteenth of the size."""
    height, width = light.shape[:2]
    size = (max(2, width // 16), max(2, height // 16))
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), max(1.0, size[0] / 60)), np.float32)


def _stretch(glow: Pixels, shape: tuple[int, ...], strip: slice) -> Pixels:
    """Rows ``strip`` of the glow at full size."""
    rows = np.arange(shape[0], dtype=np.float32)[strip]
    y = (rows + 0.5) * (glow.shape[0] / shape[0]) - 0.5
    x = (np.arange(shape[1], dtype=np.float32) + 0.5) * (glow.shape[1] / shape[1]) - 0.5
    map_x, map_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    stretched = cv2.remap(glow, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(stretched, np.float32)
