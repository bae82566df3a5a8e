"""Facades: flat pictures of walls with windows, sills, lintels, dirt and shop fronts."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.scenes.light import Light, blend, srgb
from mass13k_tools.scenes.noise import fractal

Texture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Style:
    """One row of the table of houses; colours as sRGB codes, lengths in metres."""

    walls: tuple[str, ...]
    frame: str
    floor_m: float
    bay_m: float
    window: tuple[float, float]
    """Part of a bay's width and of a floor's height that is glass."""
    brick: bool = False
    shops: bool = False
    pitched: bool = False
    balconies: bool = False


STYLES = {
    "town": Style(("c9b79a", "b8a68f", "cfc5b4", "a9785a", "8e9a7c", "b7bcc0"), "e8e4da", 3.4, 2.6, (0.44, 0.56), shops=True, pitched=True),
    "brick": Style(("8c4f3c", "7a4a3a", "9c6a50", "6e5a4e"), "d9d2c4", 3.2, 2.8, (0.42, 0.52), brick=True, shops=True),
    "slab": Style(("a8abac", "b9b4aa", "8f979b", "9aa79a"), "6f7376", 2.9, 3.2, (0.62, 0.46), balconies=True),
    "glass": Style(("6f8796", "5e7482", "8796a0", "566a5f"), "9aa4aa", 3.6, 1.5, (0.90, 0.80)),
    "raw": Style(("a09a90", "948f86"), "8a857c", 3.3, 4.5, (0.86, 0.82)),
    "shed": Style(("8d9a92", "a5a9a6", "7e8b96"), "c8c8c4", 5.0, 4.0, (0.30, 0.22)),
    "cottage": Style(("d8cfbf", "c4b8a2", "a98f74", "9aa68a"), "f0ece2", 2.8, 3.0, (0.30, 0.42), pitched=True),
}  # fmt: skip


def facade(
    style: Style,
    light: Light,
    rng: np.random.Generator,
    *,
    size_m: tuple[float, float],
    px_per_m: float,
    facing: float,
) -> Texture:
    """Draw a facade.

    Args:
        style: Row of :data:`STYLES`.
        light: Daylight.
        rng: Draws wall colour, lights, curtains and dirt.
        size_m: Width and height.
        px_per_m: Resolution.
        facing: How squarely the sun hits it.

    Returns:
        Linear light, shape (h, w, 3), float32, top row first.
    """
    floors = max(1, round(size_m[1] / style.floor_m))
    bays = max(1, round(size_m[0] / style.bay_m))
    cell_hw = (
        int(np.clip(size_m[1] / floors * px_per_m, 4, 700)),
        int(np.clip(size_m[0] / bays * px_per_m, 4, 700)),
    )
    wall = srgb(str(rng.choice(style.walls))) * rng.uniform(0.8, 1.15)
    shape = (floors * cell_hw[0], bays * cell_hw[1])
    albedo = np.tile(_bay(style, wall, cell_hw), (floors, bays, 1))
    glass = np.tile(_glass_part(style, cell_hw), (floors, bays))
    if style.brick:
        albedo *= _bricks(shape, px_per_m)[..., None]
    dirt = fractal(
        shape, rng, wavelength_px=(max(4.0, px_per_m), max(8.0, 4 * px_per_m)), octaves=4
    )
    albedo *= (1 + 0.16 * dirt - 0.08 * np.linspace(0, 1, shape[0], dtype=np.float32)[:, None])[
        ..., None
    ]
    if style.shops and floors > 2:
        _add_shops(albedo, glass, rng, cell_hw, bays)
    lit = (
        light.on(albedo, facing) * _relief(style, light, cell_hw, facing, (floors, bays))[..., None]
    )
    panes = _panes(light, rng, (floors, bays), cell_hw, facing)
    return blend(lit, panes, glass).astype(np.float32)


def _window_box(style: Style, cell_hw: tuple[int, int]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the window in a bay."""
    height, width = cell_hw
    wide, tall = style.window[0] * width, style.window[1] * height
    left, top = round((width - wide) / 2), round((height - tall) * 0.42)
    return top, max(top + 1, round(top + tall)), left, max(left + 1, round(left + wide))


def _bay(style: Style, wall: NDArray[np.float64], cell_hw: tuple[int, int]) -> Texture:
    """Wall with frame, lintel and sill of one window."""
    height, width = cell_hw
    bay = np.empty((height, width, 3), np.float32)
    bay[:] = wall
    frame = srgb(style.frame).astype(np.float32)
    top, bottom, left, right = _window_box(style, cell_hw)
    rim = max(1, round(0.025 * width)) if style.window[0] < 0.8 else 0
    bay[max(0, top - 3 * rim) : top, max(0, left - 2 * rim) : right + 2 * rim] = frame * 0.85
    bay[bottom : bottom + 2 * rim, max(0, left - 3 * rim) : right + 3 * rim] = frame
    bay[bottom + 2 * rim : bottom + 3 * rim, max(0, left - 3 * rim) : right + 3 * rim] *= 0.6
    bay[top:bottom, left:right] = frame * 0.9
    if style.balconies:
        bay[round(0.70 * height) :, round(0.06 * width) : round(0.94 * width)] = frame * 1.25
        bay[round(0.96 * height) :, :] *= 0.55
    return bay


def _glass_part(style: Style, cell_hw: tuple[int, int]) -> Texture:
    """1 where a bay shows glass: two panes with a bar between them."""
    part = np.zeros(cell_hw, np.float32)
    top, bottom, left, right = _window_box(style, cell_hw)
    rim = max(1, round(0.022 * cell_hw[1]))
    part[top + rim : bottom - rim, left + rim : right - rim] = 1
    middle = (left + right) // 2
    part[top:bottom, middle - rim // 2 : middle + (rim + 1) // 2] = 0
    bar = top + (bottom - top) // 3
    part[bar : bar + rim, left:right] = 0
    if style.balconies:
        part[round(0.70 * cell_hw[0]) :] = 0
    return part


def _bricks(shape: tuple[int, int], px_per_m: float) -> Texture:
    y = np.arange(shape[0])[:, None] / max(px_per_m * 0.09, 2.0)
    x = np.arange(shape[1])[None] / max(px_per_m * 0.26, 4.0) + 0.5 * (np.floor(y) % 2)
    strength = float(np.clip(px_per_m * 0.09 / 4 - 0.3, 0, 1))
    tone = np.modf(np.sin(np.floor(x) * 12.99 + np.floor(y) * 78.23) * 437.58)[0]
    joint = np.maximum(np.abs(y % 1 - 0.5) > 0.42, np.abs(x % 1 - 0.5) > 0.46)
    return (1 + strength * (0.22 * tone + 0.35 * joint)).astype(np.float32)


def _relief(
    style: Style, light: Light, cell_hw: tuple[int, int], facing: float, grid: tuple[int, int]
) -> Texture:
    """Shadow that the reveal throws onto each window's upper and sun-side edge."""
    dark = np.ones(cell_hw, np.float32)
    top, bottom, left, right = _window_box(style, cell_hw)
    deep = max(1, round(0.09 * (bottom - top)))
    depth = np.float32(1 - 0.45 * min(1.0, 0.4 + facing))
    dark[top : top + deep, left:right] = depth
    if light.sun_x > 0:
        dark[top:bottom, max(left, right - deep) : right] = depth
    else:
        dark[top:bottom, left : left + deep] = depth
    return np.tile(dark, grid)


def _panes(
    light: Light,
    rng: np.random.Generator,
    grid: tuple[int, int],
    cell_hw: tuple[int, int],
    facing: float,
) -> NDArray[np.float64]:
    """What the glass shows: reflected sky above, rooms, curtains and lamps below."""
    floors, bays = grid
    shape = (floors * cell_hw[0], bays * cell_hw[1])
    rise = np.linspace(1, 0.25, shape[0])[:, None]
    wobble = fractal(shape, rng, wavelength_px=(1.3 * cell_hw[1], 1.7 * cell_hw[0]), octaves=3)
    sky = blend(light.haze, light.zenith, 0.45)
    shine = np.clip(0.10 + 0.34 * rise * (0.6 + facing) + 0.55 * wobble, 0.02, 0.85)
    room = np.empty((floors, bays, 3), np.float32)
    room[:] = srgb("1f2226") * light.ambient.mean() * 2.0
    curtain = rng.uniform(size=grid)
    room[curtain < 0.30] = srgb("a59f92") * light.ambient * 1.2
    room[curtain < 0.06] = srgb("e8c88a") * 0.6
    room *= rng.uniform(0.6, 1.4, (floors, bays, 1))
    rooms = cv2.resize(room, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return blend(rooms, sky, shine)


def _add_shops(
    albedo: Texture, glass: Texture, rng: np.random.Generator, cell_hw: tuple[int, int], bays: int
) -> None:
    """Turn the ground floor into shop fronts with fascias and awnings."""
    height, width = cell_hw
    floor, shown = albedo[-height:], glass[-height:]
    shown[:] = 0
    at = 0
    while at < bays:
        wide = int(rng.integers(1, 4))
        left, right = round((at + 0.06) * width), round((min(bays, at + wide) - 0.06) * width)
        paint = srgb(str(rng.choice(["3c4a52", "7a2f2a", "2f4a3a", "b59a5a", "d8d4cc", "4a3f5a"])))
        floor[round(0.10 * height) :, left:right] = paint * 0.8
        floor[: round(0.24 * height), left:right] = paint
        shown[
            round(0.30 * height) : round(0.86 * height), left + width // 12 : right - width // 12
        ] = 1
        if rng.uniform() < 0.4:
            stripe = (np.arange(left, right) * 8 // max(1, width)) % 2
            shown[round(0.24 * height) : round(0.46 * height), left:right] = 0
            awning = np.where(stripe[:, None] == 0, srgb("e4dccb"), paint)
            floor[round(0.24 * height) : round(0.46 * height), left:right] = awning
        at += wide
