"""Facades: flat pictures of walls with windows, sills, lintels, dirt and shop fronts."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.scenes.light import Light, Rgb, blend, srgb
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
    glazed: bool = True


PLASTER = ("c9b79a", "b8a68f", "cfc5b4", "a9785a", "8e9a7c", "b7bcc0", "c3a58a")
BRICK = ("8c5a48", "7a5346", "94705c", "6e5a4e")
STYLES = {
    "town": Style(PLASTER, "e8e4da", 3.4, 2.6, (0.44, 0.56), shops=True, pitched=True),
    "brick": Style(BRICK, "d9d2c4", 3.2, 2.8, (0.42, 0.52), brick=True, shops=True),
    "slab": Style(("a8abac", "b9b4aa", "8f979b"), "6f7376", 2.9, 3.2, (0.62, 0.46), balconies=True),
    "glass": Style(("6f8796", "5e7482", "8796a0", "566a5f"), "9aa4aa", 3.6, 1.5, (0.90, 0.80)),
    "raw": Style(("a09a90", "948f86"), "8a857c", 3.3, 4.5, (0.86, 0.82), glazed=False),
    "shed": Style(("8d9a92", "a5a9a6", "7e8b96"), "c8c8c4", 5.0, 4.0, (0.30, 0.22)),
    "cottage": Style(
        ("d8cfbf", "c4b8a2", "9aa68a"), "f0ece2", 2.8, 3.0, (0.30, 0.42), pitched=True
    ),
}
SHOP_PAINTS = ("3c4a52", "6f3a34", "2f4a3a", "a08a5a", "d8d4cc", "4a4454")


class Wall(NamedTuple):
    """How large a facade is and how the light falls."""

    size_m: tuple[float, float]
    """Width and height."""
    px_per_m: tuple[float, float]
    """Resolution across and up; foreshortened walls need less of the former."""
    facing: float
    """How squarely the sun hits it."""
    distance_m: float
    paint: Rgb
    """Albedo of the wall."""


class _Grid(NamedTuple):
    floors: int
    bays: int
    cell_hw: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        return self.floors * self.cell_hw[0], self.bays * self.cell_hw[1]


def facade(style: Style, light: Light, rng: np.random.Generator, wall: Wall) -> Texture:
    """Draw a facade.

    Args:
        style: Row of :data:`STYLES`.
        light: Daylight.
        rng: Draws lights, curtains and dirt.
        wall: Size, resolution, paint and light.

    Returns:
        Linear light, shape (h, w, 3), float32, top row first.
    """
    floors = max(1, round(wall.size_m[1] / style.floor_m))
    bays = max(1, round(wall.size_m[0] / style.bay_m))
    cell_hw = (
        int(np.clip(wall.size_m[1] / floors * wall.px_per_m[1], 4, 900)),
        int(np.clip(wall.size_m[0] / bays * wall.px_per_m[0], 4, 900)),
    )
    grid = _Grid(floors, bays, cell_hw)
    albedo = np.tile(_bay(style, wall.paint, cell_hw), (floors, bays, 1))
    glass = np.tile(_glass_part(style, cell_hw), (floors, bays))
    if style.brick:
        albedo *= _bricks(grid.shape, wall.px_per_m)[..., None]
    albedo *= _weathering(grid.shape, wall.px_per_m, rng)[..., None]
    if style.shops and floors > 2:
        _add_shops(albedo, glass, rng, cell_hw, bays)
    lit = light.on(albedo, wall.facing) * _relief(style, light, wall.facing, grid)[..., None]
    shown = _hollows(light, grid)
    if style.glazed:
        shown = _panes(light, rng, grid, facing=wall.facing)
    return blend(lit, shown, glass)


def _window_box(style: Style, cell_hw: tuple[int, int]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the window in a bay."""
    height, width = cell_hw
    wide, tall = style.window[0] * width, style.window[1] * height
    left, top = round((width - wide) / 2), round((height - tall) * 0.42)
    return top, max(top + 1, round(top + tall)), left, max(left + 1, round(left + wide))


def _bay(style: Style, paint: NDArray[np.float32], cell_hw: tuple[int, int]) -> Texture:
    """Wall with frame, lintel, sill and the streak of dirt below one window."""
    height, width = cell_hw
    bay = np.empty((height, width, 3), np.float32)
    bay[:] = paint
    frame = srgb(style.frame)
    top, bottom, left, right = _window_box(style, cell_hw)
    rim = max(1, round(0.022 * height)) if style.window[0] < 0.8 else 0
    side = max(1, round(0.03 * width)) if rim else 0
    bay[bottom:, max(0, left - side) : right + side] *= 0.88
    bay[max(0, top - 3 * rim) : top, max(0, left - 2 * side) : right + 2 * side] = frame * 0.85
    bay[bottom : bottom + 2 * rim, max(0, left - 2 * side) : right + 2 * side] = frame
    bay[bottom + 2 * rim : bottom + 3 * rim, max(0, left - 2 * side) : right + 2 * side] *= 0.5
    bay[top:bottom, left:right] = frame * 0.9
    if style.balconies:
        bay[round(0.70 * height) :, round(0.06 * width) : round(0.94 * width)] = frame * 1.25
        bay[round(0.96 * height) :, :] *= 0.55
    return bay


def _glass_part(style: Style, cell_hw: tuple[int, int]) -> Texture:
    """1 where a bay shows glass: two panes with a bar between them."""
    part = np.zeros(cell_hw, np.float32)
    top, bottom, left, right = _window_box(style, cell_hw)
    rim, side = max(1, round(0.018 * cell_hw[0])), max(1, round(0.022 * cell_hw[1]))
    part[top + rim : bottom - rim, left + side : right - side] = 1
    if not style.glazed:
        return part
    middle = (left + right) // 2
    part[top:bottom, middle - side // 2 : middle + (side + 1) // 2] = 0
    bar = top + (bottom - top) // 3
    part[bar : bar + rim, left:right] = 0
    if style.balconies:
        part[round(0.70 * cell_hw[0]) :] = 0
    return part


def _bricks(shape: tuple[int, int], px_per_m: tuple[float, float]) -> Texture:
    y = np.arange(shape[0], dtype=np.float32)[:, None] / max(px_per_m[1] * 0.09, 2.0)
    x = np.arange(shape[1], dtype=np.float32)[None] / max(px_per_m[0] * 0.26, 2.0)
    x = x + 0.5 * (np.floor(y) % 2)
    strength = np.float32(np.clip(px_per_m[1] * 0.09 / 4 - 0.3, 0, 1))
    tone = np.modf(np.sin(np.floor(x) * 12.99 + np.floor(y) * 78.23) * 437.58)[0]
    joint = np.maximum(np.abs(y % 1 - 0.5) > 0.42, np.abs(x % 1 - 0.5) > 0.46)
    return np.asarray(1 + strength * (0.22 * tone + 0.35 * joint), np.float32)


def _weathering(
    shape: tuple[int, int], px_per_m: tuple[float, float], rng: np.random.Generator
) -> Texture:
    """Stains, streaks that run down, and the grain of plaster or stone."""
    wide, tall = px_per_m
    stains = fractal(shape, rng, wavelength_px=(max(4, 2.5 * wide), max(8, 3 * tall)), octaves=4)
    streaks: Texture = fractal(
        shape, rng, wavelength_px=(max(3, 0.35 * wide), max(8, 5 * tall)), octaves=2
    )
    grain = fractal(shape, rng, wavelength_px=(max(2, 0.08 * wide), max(2, 0.08 * tall)), octaves=1)
    rise = np.linspace(0.03, -0.07, shape[0], dtype=np.float32)[:, None]
    worn: Texture = 1 + 0.22 * stains + 0.20 * streaks + 0.20 * grain + rise
    return worn


def _relief(style: Style, light: Light, facing: float, grid: _Grid) -> Texture:
    """Shadow that the reveal throws onto each window's upper and sun-side edge."""
    dark = np.ones(grid.cell_hw, np.float32)
    top, bottom, left, right = _window_box(style, grid.cell_hw)
    deep, side = max(1, round(0.10 * (bottom - top))), max(1, round(0.10 * (right - left)))
    depth = np.float32(1 - 0.5 * min(1.0, 0.4 + facing))
    dark[top : top + deep, left:right] = depth
    if light.sun_x > 0:
        dark[top:bottom, max(left, right - side) : right] = depth
    else:
        dark[top:bottom, left : left + side] = depth
    return np.tile(dark, (grid.floors, grid.bays))


def _hollows(light: Light, grid: _Grid) -> Texture:
    """What an unfinished building shows: bare rooms, darkest under their ceilings."""
    down = np.linspace(0.3, 1.5, grid.cell_hw[0], dtype=np.float32)
    rooms = np.tile(down, grid.floors)[:, None, None] * (srgb("46433e") * light.ambient)
    return np.asarray(np.broadcast_to(rooms, (*grid.shape, 3)), np.float32)


def _panes(light: Light, rng: np.random.Generator, grid: _Grid, *, facing: float) -> Texture:
    """What the glass shows: reflected sky above, rooms, curtains and lamps below."""
    rise = np.linspace(1, 0.25, grid.shape[0], dtype=np.float32)[:, None]
    waves = (1.3 * grid.cell_hw[1], 1.7 * grid.cell_hw[0])
    wobble = fractal(grid.shape, rng, wavelength_px=waves, octaves=3)
    sky = blend(light.haze, light.zenith, 0.45)
    shine = np.clip(0.08 + np.float32(0.34 * (0.6 + facing)) * rise + 0.6 * wobble, 0.02, 0.85)
    room = np.empty((grid.floors, grid.bays, 3), np.float32)
    room[:] = srgb("1f2226") * light.ambient.mean() * 2
    curtain = rng.uniform(size=(grid.floors, grid.bays))
    room[curtain < 0.30] = srgb("a59f92") * light.ambient * 0.9
    room[curtain < 0.04] = srgb("e8c88a") * 0.45
    room *= rng.uniform(0.6, 1.4, (grid.floors, grid.bays, 1))
    size = (grid.shape[1], grid.shape[0])
    return blend(cv2.resize(room, size, interpolation=cv2.INTER_NEAREST), sky, shine)


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
        paint = srgb(str(rng.choice(SHOP_PAINTS)))
        floor[round(0.10 * height) :, left:right] = paint * 0.8
        floor[: round(0.24 * height), left:right] = paint
        pane = np.s_[round(0.30 * height) : round(0.86 * height)]
        shown[pane, left + width // 12 : right - width // 12] = 1
        if rng.uniform() < 0.4:
            cloth = np.s_[round(0.24 * height) : round(0.46 * height), left:right]
            stripe = (np.arange(left, right) * 8 // max(1, width)) % 2
            shown[cloth] = 0
            floor[cloth] = np.where(stripe[:, None] == 0, srgb("e4dccb"), paint)
        at += wide
