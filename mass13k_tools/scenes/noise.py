"""Fractal noise on pictures and on planes seen in perspective."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.ops.compiled import compiled

Field = NDArray[np.float32]


@compiled
def _lattice(column: int, row: int, seed: int) -> int:
    """Mix a lattice point and a seed to 32 well stirred bits."""
    h = np.uint32(column * 374761393 + row * 668265263 + seed * 974634777)
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(1274126177))
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(2246822519))
    return int(h ^ (h >> np.uint32(16)))


@compiled
def _slope(column: int, row: int, seed: int, offset: tuple[float, float]) -> float:
    """Height at an offset from a lattice point, on a plane with that point's random tilt."""
    bits = _lattice(column, row, seed)
    tilt_x = (bits & 1023) / 511.5 - 1.0
    tilt_y = ((bits >> 10) & 1023) / 511.5 - 1.0
    return tilt_x * offset[0] + tilt_y * offset[1]


@compiled
def ripple(x: float, y: float, seed: int) -> float:
    """One octave of gradient noise, wavelength 1, roughly -1..1."""
    column, row = int(np.floor(x)), int(np.floor(y))
    u, v = x - column, y - row
    su = u * u * u * (u * (u * 6.0 - 15.0) + 10.0)
    sv = v * v * v * (v * (v * 6.0 - 15.0) + 10.0)
    a = _slope(column, row, seed, (u, v))
    b = _slope(column + 1, row, seed, (u - 1.0, v))
    c = _slope(column, row + 1, seed, (u, v - 1.0))
    d = _slope(column + 1, row + 1, seed, (u - 1.0, v - 1.0))
    top = a + (b - a) * su
    return 1.6 * (top + (c + (d - c) * su - top) * sv)


@compiled
def _ripples(x: float, y: float, octaves: int, seed: int) -> float:
    """Sum octaves of noise, each half as wide and half as high as the one before."""
    gain, total = 0.5, 0.0
    for octave in range(octaves):
        total += gain * ripple(x, y, seed + octave)
        x, y, gain = x * 2.03 + 17.3, y * 2.03 + 5.7, gain * 0.5
    return total


@compiled
def _fill_fractal(field: Field, step_xy: tuple[float, float], octaves: int, seed: int) -> None:
    for row in range(field.shape[0]):
        for column in range(field.shape[1]):
            field[row, column] = _ripples(column * step_xy[0], row * step_xy[1], octaves, seed)


def fractal(
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    *,
    wavelength_px: float | tuple[float, float],
    octaves: int = 4,
) -> Field:
    """Fill a box with fractal noise.

    Args:
        size_hw: Shape of the result.
        rng: Draws the pattern.
        wavelength_px: Size of the largest bumps, or its (x, y) sizes.
        octaves: How many halvings of that size take part.

    Returns:
        Shape (H, W), float32, roughly -1..1 with mean 0.
    """
    waves = wavelength_px if isinstance(wavelength_px, tuple) else (wavelength_px, wavelength_px)
    finest = [wave / 2.03 ** (octaves - 1) for wave in waves]
    # What is smooth over several pixels is computed on every few and interpolated
    step_x, step_y = (max(1.0, min(wave / 5, 16.0)) for wave in finest)
    coarse_hw = (int(np.ceil(size_hw[0] / step_y)), int(np.ceil(size_hw[1] / step_x)))
    field = np.empty(coarse_hw, np.float32)
    _fill_fractal(field, (step_x / waves[0], step_y / waves[1]), octaves, _seed(rng))
    if coarse_hw == size_hw:
        return field
    size = (size_hw[1], size_hw[0])
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_LINEAR), np.float32)


@compiled
def _fill_points(field: Field, x: Field, y: Field, octaves: int, seed: int) -> None:
    for row in range(field.shape[0]):
        for column in range(field.shape[1]):
            field[row, column] = _ripples(x[row, column], y[row, column], octaves, seed)


def fractal_at(x: Field, y: Field, seed: int, *, octaves: int = 4) -> Field:
    """Evaluate fractal noise of wavelength 1 at points x, y of shape (H, W)."""
    field = np.empty(x.shape, np.float32)
    _fill_points(
        field,
        np.ascontiguousarray(x, np.float32),
        np.ascontiguousarray(y, np.float32),
        octaves,
        seed,
    )
    return field


@compiled
def _fill_plane(
    field: Field, top_row: int, lens: NDArray[np.float64], waves: NDArray[np.float64], seed: int
) -> None:
    """See :func:`plane_fractal` for ``lens`` and ``waves``."""
    for row in range(field.shape[0]):
        below = top_row + row + 0.5 - lens[0]
        if below < 0.25:
            field[row] = 0.0
            continue
        depth = lens[2] * lens[3] / below
        footprint = depth / below  # metres of ground that one pixel row spans
        for column in range(field.shape[1]):
            across = (column + 0.5 - lens[1]) * depth / lens[2]
            total = 0.0
            for octave in range(len(waves)):
                wave, gain, stretch = waves[octave]
                fade = min(1.0, wave / (2.5 * footprint) - 0.4)
                if fade > 0:
                    u, v = across / (wave * stretch), depth / wave
                    total += gain * fade * ripple(u, v, seed + octave)
            field[row, column] = total


def plane_fractal(
    rows: tuple[int, int],
    width: int,
    lens: NDArray[np.float64],
    waves: NDArray[np.float64],
    rng: np.random.Generator,
) -> Field:
    """Evaluate noise on a level plane seen in perspective; bumps finer than a pixel fade out.

    Args:
        rows: First and last + 1 picture row, at or below the horizon.
        width: Columns of the picture.
        lens: Horizon row, centre column, focal length in pixels, height of the eye in m.
        waves: Rows of wavelength in m, gain, stretch across the view.
        rng: Draws the pattern.

    Returns:
        Shape (rows, width), float32.
    """
    field = np.empty((max(0, rows[1] - rows[0]), width), np.float32)
    _fill_plane(field, rows[0], lens, waves, _seed(rng))
    return field


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 30))
