"""The camera: exposure, white balance, vignette, sharpness and noise turn light into a photograph."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Image
from mass13k_tools.scenes.raster import Pixels

STEPS = 4096  # of the tone curve's table
BRIGHTEST = 4.0  # linear light at its upper end


@dataclass(frozen=True, slots=True)
class Camera:
    """How one photograph is taken and developed."""

    exposure: float
    balance: tuple[float, float, float]
    vignette: float
    blur_px: float
    noise: float
    contrast: float

    @classmethod
    def draw(cls, rng: np.random.Generator, unit: float) -> "Camera":
        """Draw the settings; ``unit`` scales blur, which is given for pictures of 3072 rows."""
        warm = rng.normal(0, 0.05)
        return cls(
            exposure=float(np.exp(rng.normal(0.12, 0.16))),
            balance=(float(1 + warm), float(1 + rng.normal(0, 0.012)), float(1 - warm)),
            vignette=float(rng.uniform(0.0, 0.35)),
            blur_px=float(rng.uniform(0.35, 0.95) * max(unit, 0.6)),
            noise=float(rng.uniform(0.006, 0.022)),
            contrast=float(rng.uniform(0.95, 1.15)),
        )

    def develop(self, light: Pixels, rng: np.random.Generator) -> Image:
        """Turn linear light (H, W, 3) float32 into an 8-bit sRGB picture; the light is used up."""
        height, width = light.shape[:2]
        light *= np.float32(self.exposure) * np.array(self.balance, np.float32)
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(height / width)
        x = np.linspace(-1, 1, width, dtype=np.float32)[None]
        light *= (1 / (1 + np.float32(self.vignette) * (x * x + y * y)))[..., None]
        _add_glow(light)
        light = cv2.GaussianBlur(light, (0, 0), self.blur_px).astype(np.float32, copy=False)
        steps = np.clip(light, 0, BRIGHTEST)
        np.sqrt(steps, out=steps)
        steps *= (STEPS - 1) / np.sqrt(BRIGHTEST)
        shade = self._curve()[steps.astype(np.uint16)]
        shade += self._grain(shade, rng)
        np.clip(shade, 0, 255, out=shade)
        return (shade + np.float32(0.5)).astype(np.uint8)

    def _curve(self) -> NDArray[np.float32]:
        """Display value 0..255 for each step: a shoulder that keeps highlights, then the sRGB gamma."""
        linear = (np.arange(STEPS) / (STEPS - 1)) ** 2 * BRIGHTEST
        film = linear * (1 + linear / 6.0) / (1 + 0.72 * linear)
        film = np.minimum(film, 1.0)
        gamma = np.where(film <= 0.0031308, 12.92 * film, 1.055 * film ** (1 / 2.4) - 0.055)
        punch = np.clip(0.46 + (gamma - 0.46) * self.contrast, 0, 1)
        return (255 * punch).astype(np.float32)

    def _grain(self, shade: Pixels, rng: np.random.Generator) -> Pixels:
        """Noise of a sensor: mostly the same in all channels, strongest in the mid-tones."""
        height, width = shade.shape[:2]
        common = rng.standard_normal((height, width), np.float32)
        grain = rng.standard_normal(shade.shape, np.float32)
        grain *= np.float32(0.55)
        grain += common[..., None]
        mid = 1.15 - shade / np.float32(255)
        grain *= mid
        grain *= np.float32(self.noise * 255 * 0.7)
        return cv2.GaussianBlur(grain, (0, 0), 0.45).astype(np.float32, copy=False)


def _add_glow(light: Pixels) -> None:
    """Let what is brighter than white bleed a little, as it does in a lens."""
    height, width = light.shape[:2]
    small = cv2.resize(
        light, (max(2, width // 16), max(2, height // 16)), interpolation=cv2.INTER_AREA
    )
    wide = cv2.GaussianBlur(small, (0, 0), max(1.0, width / 16 / 60))
    glow = cv2.resize(wide, (width, height), interpolation=cv2.INTER_LINEAR)
    light *= np.float32(0.965)
    light += np.float32(0.035) * glow
