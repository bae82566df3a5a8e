"""Weather and daylight: what colour things have once the sun, the sky and the air had their say.

Colours are linear light, RGB; 1 is what the camera exposes as nearly white.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rgb = NDArray[np.float32]
Field = NDArray[np.float32]


def srgb(code: str) -> Rgb:
    """Read a colour as designers write it, into linear light.

    Example:
        >>> srgb("ff8000").round(3)
        array([1.   , 0.216, 0.   ], dtype=float32)
    """
    values = np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


def blend(one: ArrayLike, two: ArrayLike, part: ArrayLike) -> Field:
    """Mix two colours; ``part`` 0 is the first, 1 the second, and may be a field (H, W)."""
    share = np.asarray(part, np.float32)[..., None]
    first = np.asarray(one, np.float32)
    return first + (np.asarray(two, np.float32) - first) * share


@dataclass(frozen=True, slots=True)
class Weather:
    """One row of the table of weathers; colours as sRGB codes."""

    zenith: str
    horizon: str
    sun: str
    sun_strength: float
    ambient: str
    ambient_strength: float
    cloud_cover: tuple[float, float]
    visibility_m: tuple[float, float]
    sun_height: tuple[float, float]


WEATHERS = {
    "clear": Weather(
        "2f62b0", "a9cbe6", "fff3e0", 1.05, "b4cdea", 0.34, (0.0, 0.25), (6e3, 2e4), (0.4, 0.9)
    ),
    "fair": Weather(
        "3d70b4", "b9d2e4", "fff1dc", 0.95, "bccfe4", 0.38, (0.35, 0.6), (4e3, 1e4), (0.4, 0.9)
    ),
    "grey": Weather(
        "9aa4ad", "c6ccd0", "f2f2f0", 0.16, "dce2e6", 0.56, (0.85, 1.0), (1e3, 4e3), (0.4, 0.9)
    ),
    "evening": Weather(
        "51709c", "f2c295", "ffc27d", 0.95, "b3b6cc", 0.30, (0.2, 0.6), (2e3, 6e3), (0.08, 0.2)
    ),
    "haze": Weather(
        "9db4c4", "dcdcd2", "ffeccb", 0.55, "d5dbdd", 0.44, (0.1, 0.6), (5e2, 1.5e3), (0.2, 0.6)
    ),
}


@dataclass(frozen=True, slots=True)
class Light:
    """The daylight of one scene."""

    sun_x: float
    """Where the sun stands, -1 = far left, 0 = behind the camera, 1 = far right."""
    sun_height: float
    """0 = on the horizon, 1 = overhead."""
    sun: Rgb
    ambient: Rgb
    haze: Rgb
    zenith: Rgb
    cloud_cover: float
    visibility_m: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Light":
        """Draw a weather and a time of day."""
        weather = WEATHERS[str(rng.choice(sorted(WEATHERS)))]
        side = rng.choice([-1.0, 1.0])
        return cls(
            sun_x=float(side * rng.uniform(0.35, 0.95)),
            sun_height=float(rng.uniform(*weather.sun_height)),
            sun=srgb(weather.sun) * np.float32(weather.sun_strength),
            ambient=srgb(weather.ambient) * np.float32(weather.ambient_strength),
            haze=srgb(weather.horizon) * np.float32(rng.uniform(0.9, 1.1)),
            zenith=srgb(weather.zenith) * np.float32(rng.uniform(0.85, 1.2)),
            cloud_cover=float(rng.uniform(*weather.cloud_cover)),
            visibility_m=float(rng.uniform(*weather.visibility_m)),
        )

    def on(self, albedo: ArrayLike, facing: ArrayLike) -> Field:
        """Light a surface.

        Args:
            albedo: Linear RGB, shape (..., 3).
            facing: How squarely the sun hits, 1 = full, 0 or less = in shade; shape (...).
        """
        sunny = np.maximum(np.float32(0), np.asarray(facing, np.float32))[..., None]
        return np.asarray(albedo, np.float32) * (self.ambient + self.sun * sunny)

    def through_air(self, colour: ArrayLike, distance_m: ArrayLike) -> Field:
        """Mix a colour with the haze between it and the eye."""
        return blend(colour, self.haze, 1 - np.exp(-np.asarray(distance_m) / self.visibility_m))

    @property
    def shadow_depth(self) -> float:
        """Part of the light that a shadow takes away, 0..1."""
        direct, all_round = float(self.sun.mean()), float(self.ambient.mean())
        return direct / (direct + all_round)

    @property
    def on_ground(self) -> float:
        """How squarely the sun hits level ground."""
        return float(np.clip(0.25 + 0.75 * self.sun_height, 0, 1))

    def on_wall(self, normal_x: float) -> float:
        """How squarely it hits a wall; -1 faces left, 0 faces the camera, 1 faces right."""
        front = 0.62 * (1 - abs(normal_x))
        return float(
            np.clip(front + normal_x * self.sun_x * 1.1, 0, 1) * (1 - 0.35 * self.sun_height)
        )
