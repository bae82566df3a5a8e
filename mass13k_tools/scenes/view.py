"""The eye: how a world in metres lands on the picture, and how far it is.

The world is X to the right, Y up from the ground, Z away from the eye. The camera looks level and
its lens is shifted, as in photographs of buildings, so verticals stay vertical.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """A level camera."""

    size_hw: tuple[int, int]
    horizon: float
    """Row of the horizon, in pixels."""
    focal_px: float
    eye_m: float
    """Height of the eye above the ground."""

    @property
    def unit(self) -> float:
        """Width in pixels of what is one pixel wide in a picture of 3072 rows."""
        return min(self.size_hw) / 3072

    @property
    def nearest_m(self) -> float:
        """Distance of the ground at the lower edge of the picture."""
        return self.focal_px * self.eye_m / (self.size_hw[0] - self.horizon)

    @property
    def lens(self) -> NDArray[np.float64]:
        """Horizon row, centre column, focal length and eye height, for :mod:`noise`."""
        return np.array([self.horizon, self.size_hw[1] / 2, self.focal_px, self.eye_m])

    def scale(self, z_m: float) -> float:
        """Pixels per metre at a distance."""
        return self.focal_px / z_m

    def project(self, x_m: ArrayLike, y_m: ArrayLike, z_m: ArrayLike) -> Points:
        """Project world points to picture points (N, 2) of x, y."""
        x, y, z = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (x_m, y_m, z_m)))
        column = self.size_hw[1] / 2 + self.focal_px * x / z
        return np.stack([column, self.horizon - self.focal_px * (y - self.eye_m) / z], axis=-1)

    def ground_row(self, z_m: float) -> float:
        """Row of the ground at a distance."""
        return self.horizon + self.focal_px * self.eye_m / z_m

    def ground(self, outline_xz: ArrayLike) -> Points:
        """Project an outline (N, 2) of X, Z on the ground; what is behind the eye moves ahead."""
        outline = np.asarray(outline_xz, np.float64)
        near = 0.8 * self.nearest_m
        return self.project(outline[:, 0], 0.0, np.maximum(outline[:, 1], near))

    def half_width_m(self, z_m: float) -> float:
        """How far to the side the picture reaches at a distance."""
        return 0.5 * self.size_hw[1] * z_m / self.focal_px
