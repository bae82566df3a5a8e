"""Places in town: a street, a harbour, a building site."""

import numpy as np

from mass13k_tools.scenes.buildings import Box
from mass13k_tools.scenes.clutter import paint_railing, paint_wires
from mass13k_tools.scenes.layers import GROUND
from mass13k_tools.scenes.stage import Spot, Stage
from mass13k_tools.scenes.terrain import paint_hills, paint_plane
from mass13k_tools.scenes.water import paint_water

SHADE_TREES = ("lime", "maple", "plane", "birch")


def wires(stage: Stage, poles_xz: list[Spot]) -> None:
    """Put a line of poles with wires, as near as its nearest pole."""
    nearest = min(z for _, z in poles_xz)
    stage.put(nearest + 0.1, lambda: paint_wires(stage.setting, poles_xz))


def skyline(
    stage: Stage,
    z_m: float,
    styles: tuple[str, ...],
    tall_m: tuple[float, float],
    *,
    gap: float = 0.15,
) -> None:
    """Put houses side by side across the whole view; ``gap`` is the part that is left out."""
    reach = 1.1 * stage.setting.view.half_width_m(z_m)
    x = -reach
    while x < reach:
        wide = stage.between(0.06, 0.16) * reach
        if not stage.chance(gap):
            z, tall = z_m * stage.between(1.0, 1.25), stage.between(*tall_m)
            stage.building(Box(x, x + wide, z, z + 14, tall, stage.pick(*styles)))
        x += wide * stage.between(0.9, 1.1)


def street(stage: Stage) -> None:
    """A street between two rows of houses."""
    setting = stage.setting
    half, tallest = stage.between(7, 11), stage.between(14, 26)
    road = 0.55 * half
    paint_hills(setting, distance_m=2500, height_m=stage.between(20, 160))
    paint_plane(setting, stage.pick("paving", "cobbles"))
    paint_plane(setting, "asphalt", [(-road, 0), (-road, 300), (road, 300), (road, 0)])
    _kerbs_and_lanes(stage, road)
    _shade_of_houses(stage, half, 0.8 * tallest)
    for side in (-1.0, 1.0):
        _row_of_houses(stage, side * half, (9.0, tallest))
    stage.paint()  # before what stands on the pavement, which is nearer than the wall behind it
    for side in (-1.0, 1.0):
        for number in range(5):
            x, z = side * (half - 1.8), 9 + 14 * number + stage.between(-2, 2)
            if stage.chance(0.5):
                foliage = stage.between(0.3, 0.9)
                stage.tree((x, z), stage.between(5, 9), stage.pick(*SHADE_TREES), foliage=foliage)
            elif stage.chance(0.5):
                stage.lamp((x, z))
        for _ in stage.count(1, 4):
            stage.car((side * (road - 1.1), stage.between(10, 60)), from_side=False)
    for _ in stage.count(5, 12):
        stage.person((stage.between(-half + 1, half - 1), stage.between(7, 45)))
    if stage.chance(0.7):
        wires(stage, [(half - 1.0, z) for z in (6.0, 26.0, 46.0, 70.0, 100.0)])
    stage.paint()


def _kerbs_and_lanes(stage: Stage, road_m: float) -> None:
    canvas, view, light, _ = stage.setting
    stone = light.on(np.full(3, 0.36), light.on_ground)
    for side in (-1.0, 1.0):
        kerb = [(side * road_m, 0.0), (side * road_m, 200.0)]
        kerb += [(side * (road_m + 0.18), 200.0), (side * (road_m + 0.18), 0.0)]
        canvas.polygon(GROUND, view.ground(kerb), light.through_air(stone, 8.0))
    white = light.on(np.array([0.55, 0.54, 0.50]), light.on_ground)
    for number in range(14):
        z = 4.0 + 6.0 * number
        corners = view.ground([(-0.07, z), (-0.07, z + 2.6), (0.07, z + 2.6), (0.07, z)])
        canvas.polygon(GROUND, corners, light.through_air(white, z))


def _shade_of_houses(stage: Stage, half_m: float, tall_m: float) -> None:
    """The row on the sun's side throws its shadow across the street."""
    canvas, view, light, _ = stage.setting
    side = float(np.sign(light.sun_x))
    edge = side * (half_m - tall_m * abs(light.sun_x) * 0.5 / (light.sun_height + 0.15))
    z = np.linspace(0, 150, 60)
    jagged = edge + side * np.repeat(stage.setting.rng.uniform(-1.5, 1.5, 12), 5)
    outline = [(side * half_m, 150.0), (side * half_m, 0.0), *zip(jagged, z, strict=True)]
    canvas.shade(view.ground(outline), 1 - 0.8 * light.shadow_depth, soft_px=6 * view.unit)


def _row_of_houses(stage: Stage, x_m: float, tall_m: tuple[float, float]) -> None:
    z = 0.6 * stage.setting.view.nearest_m + stage.between(2, 5)
    while z < 140:
        deep, style = stage.between(9, 18), stage.pick("town", "brick", "town", "slab", "glass")
        x0, x1 = (x_m, x_m + 16) if x_m > 0 else (x_m - 16, x_m)
        stage.building(Box(x0, x1, z, z + deep, stage.between(*tall_m), style))
        z += deep + (stage.between(2, 7) if stage.chance(0.15) else 0.0)


def harbour(stage: Stage) -> None:
    """A quay, boats on the water, a town with cranes on the far shore."""
    setting = stage.setting
    far, quay = stage.between(110, 220), stage.between(1.7, 2.6) * setting.view.nearest_m
    paint_hills(setting, distance_m=5000, height_m=stage.between(200, 600))
    if stage.chance(0.6):
        paint_hills(setting, distance_m=1800, height_m=stage.between(30, 90))
    paint_plane(setting, "gravel")
    styles = ("town", "brick", "cottage", "shed", "slab", "glass")
    skyline(stage, far + 8, styles, (7.0, stage.between(14, 30)))
    for _ in stage.count(2, 4):
        stage.crane(stage.spot(far + 20, far + 90), stage.between(25, 60))
    for _ in stage.count(4, 12):
        species = stage.pick(*SHADE_TREES, "poplar")
        stage.tree(stage.spot(far + 4, far + 6), stage.between(6, 12), species)
    stage.paint()
    wide = 3 * setting.view.half_width_m(far)
    shore = [(-wide, quay), (-wide, far), (wide, far), (wide, quay)]
    paint_water(setting, shore, roughness=stage.between(0.5, 1.6))
    for _ in stage.count(3, 9):
        stage.boat(stage.spot(1.6 * quay, 0.7 * far), stage.between(6, 12))
    stage.paint()
    _quay(stage, quay)


def _quay(stage: Stage, quay_m: float) -> None:
    setting = stage.setting
    near, wide = setting.view.nearest_m, 2 * setting.view.half_width_m(quay_m)
    edge = [(-wide, 0.0), (-wide, quay_m), (wide, quay_m), (wide, 0.0)]
    paint_plane(setting, stage.pick("paving", "cobbles"), edge)
    rail = [(-wide, 0.97 * quay_m), (wide, 0.97 * quay_m)]
    stage.put(0.97 * quay_m, lambda: paint_railing(setting, rail))
    for _ in stage.count(2, 6):
        stage.person(stage.spot(1.25 * near, 0.95 * quay_m))
    if stage.chance(0.6):
        species = stage.pick(*SHADE_TREES, "bare")
        place = stage.spot(0.7 * quay_m, 0.95 * quay_m)
        stage.tree(place, stage.between(6, 9), species, foliage=stage.between(0.3, 0.8))
    stage.paint()


def site(stage: Stage) -> None:
    """A building site: raw concrete, cranes, a fence, puddles."""
    setting = stage.setting
    paint_hills(setting, distance_m=4000, height_m=stage.between(50, 300))
    paint_plane(setting, "soil")
    skyline(stage, 220, ("slab", "glass", "town"), (15, 60), gap=0.3)
    for _ in stage.count(2, 4):
        stage.crane(stage.spot(60, 160), stage.between(35, 75))
    for x in (-34.0, 4.0):
        x0, z = x + stage.between(-4, 4), stage.between(45, 75)
        stage.building(Box(x0, x + 24, z, z + 18, stage.between(10, 34), "raw"))
    for _ in stage.count(2, 5):
        species = stage.pick("bare", "birch", "lime")
        stage.tree(stage.spot(30, 60), stage.between(5, 9), species, foliage=0.6)
    fence = [(-30.0, 22.0), (30.0, 20.0)]
    stage.put(21, lambda: paint_railing(setting, fence, tall_m=1.9))
    wires(stage, [(-9.0, 9.0), (-10.0, 40.0), (-11.0, 75.0), (-12.0, 120.0)])
    turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    for _ in stage.count(1, 3):
        x, z = stage.spot(6, 14, side=0.6)
        wobble = 1 + 0.25 * np.sin(2 * turn + stage.between(0, 6)) + 0.12 * np.sin(5 * turn)
        puddle = np.stack([x + 1.5 * wobble * np.cos(turn), z + 1.1 * wobble * np.sin(turn)], 1)
        paint_water(setting, puddle, roughness=0.12)
    for _ in stage.count(3, 7):
        stage.person(stage.spot(7, 30, side=0.7))
    for _ in stage.count(0, 2):
        stage.car(stage.spot(24, 40, side=0.6), from_side=True)
    stage.paint()
