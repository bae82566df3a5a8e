"""One scene from its number: dice, weather, camera, place, then the photograph and its labels."""

from typing import NamedTuple

import numpy as np

from mass13k_tools.arrays import Image, LabelMap, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.scenes.camera import Camera
from mass13k_tools.scenes.layers import Canvas
from mass13k_tools.scenes.light import Light
from mass13k_tools.scenes.listing import scene_name
from mass13k_tools.scenes.places import PLACES
from mass13k_tools.scenes.setting import Setting
from mass13k_tools.scenes.sky import paint_sky
from mass13k_tools.scenes.stage import Stage
from mass13k_tools.scenes.view import View

SMALLEST_PX, LARGEST_PX = 64, 16384
PLACE_DICE, WEATHER_DICE, SCENE_DICE = 11, 12, 13  # streams of random numbers that never meet


class Scene(NamedTuple):
    """A photograph and its labels."""

    image: Image
    label_map: LabelMap
    place: str


def scene(index: int, *, seed: int, size_hw: tuple[int, int]) -> Scene:
    """Paint scene number ``index``.

    It depends on index, seed and size only, whatever else is painted. Eight scenes in a row, from a
    multiple of eight on, show the eight places once each.

    Args:
        index: 0, 1, 2 …
        seed: 0 or more.
        size_hw: Height and width, 64 to 16384 each.

    Returns:
        Image (H, W, 3) uint8 RGB, label map (H, W) uint8 with ids of the MaSS13K taxonomy, and
        the name of the place.

    Raises:
        DatasetError: The size, the index or the seed is out of range.
    """
    check_request(index, seed=seed, size_hw=size_hw)
    names = sorted(PLACES)
    order = np.random.default_rng([seed, PLACE_DICE, index // len(names)]).permutation(len(names))
    name = names[order[index % len(names)]]
    place, capture = PLACES[name], scene_name(index, seed=seed).capture
    light = Light.draw(np.random.default_rng([seed, WEATHER_DICE, capture]))
    rng = np.random.default_rng([seed, SCENE_DICE, index])
    view = View(
        size_hw=size_hw,
        horizon=float(size_hw[0] * rng.uniform(*place.horizon)),
        focal_px=float(rng.uniform(*place.zoom) * min(max(size_hw), 1.6 * min(size_hw))),
        eye_m=float(rng.uniform(*place.eye_m)),
    )
    canvas = Canvas.blank(size_hw)
    camera = Camera.draw(rng, view.unit)
    setting = Setting(canvas, view, light, rng)
    paint_sky(setting)
    place.paint(Stage(setting))
    label_map = canvas.label_map()
    return Scene(camera.develop(canvas.rgb, rng), label_map, name)


def check_request(index: int, *, seed: int, size_hw: tuple[int, int]) -> None:
    """Say what is wrong with a request before anything is painted."""
    if not all(SMALLEST_PX <= side <= LARGEST_PX for side in size_hw):
        raise DatasetError(
            f"scene size is {size_text(size_hw)}, expected {SMALLEST_PX} to {LARGEST_PX} pixels "
            "a side, such as 3072x4096"
        )
    if index < 0 or seed < 0:
        raise DatasetError(f"scene {index} with seed {seed}: both must be 0 or more")
