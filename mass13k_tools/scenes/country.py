"""Places with more green: a park, a hillside, a beach, a path under trees."""

import numpy as np

from mass13k_tools.scenes.buildings import Box
from mass13k_tools.scenes.layers import GROUND, TREE
from mass13k_tools.scenes.stage import Stage
from mass13k_tools.scenes.terrain import paint_blades, paint_hills, paint_plane, paint_turf
from mass13k_tools.scenes.town import SHADE_TREES, skyline, wires
from mass13k_tools.scenes.water import paint_water


def park(stage: Stage) -> None:
    """Lawns, a lake and a winding path."""
    setting = stage.setting
    far, near = stage.between(45, 80), stage.between(15, 20)
    paint_hills(setting, distance_m=900, height_m=stage.between(15, 60))
    paint_plane(setting, stage.pick("lawn", "meadow"))
    skyline(stage, far + 50, ("slab", "town", "glass", "brick"), (8, 40), gap=0.5)
    for _ in stage.count(8, 16):
        species = stage.pick(*SHADE_TREES, "poplar")
        stage.tree(stage.spot(far + 2, far + 40), stage.between(8, 16), species)
    for _ in stage.count(4, 9):
        stage.tree(stage.spot(far + 1, far + 3), stage.between(1.0, 2.5), "bush")
    stage.paint()
    turn = np.linspace(0, 2 * np.pi, 120)
    wide = stage.between(0.5, 0.8) * setting.view.half_width_m(far)
    x = wide * np.cos(turn) * (1 + 0.1 * np.sin(3 * turn)) - 3
    z = 0.5 * (near + far) + 0.5 * (far - near) * np.sin(turn)
    paint_water(setting, np.stack([x, z], axis=1), roughness=0.5)
    _path(stage)
    paint_turf(setting)
    for _ in stage.count(2, 5):
        species, foliage = stage.pick(*SHADE_TREES, "olive", "bare"), stage.between(0.25, 1.0)
        stage.tree(stage.spot(6, near), stage.between(6, 11), species, foliage=foliage)
    for _ in stage.count(1, 4):
        stage.tree(stage.spot(7, near), stage.between(0.7, 1.6), "bush")
    for _ in stage.count(2, 7):
        stage.person(stage.spot(4.5, near, side=0.7))
    stage.paint()
    _foreground_grass(stage)


def hillside(stage: Stage) -> None:
    """A valley with a river, a village and wooded ridges."""
    setting = stage.setting
    far, near = stage.between(160, 300), stage.between(45, 70)
    paint_hills(setting, distance_m=9000, height_m=stage.between(700, 1800), kind=GROUND)
    paint_hills(setting, distance_m=4000, height_m=stage.between(200, 700))
    ridge = GROUND if stage.chance(0.3) else TREE
    paint_hills(setting, distance_m=1500, height_m=stage.between(40, 130), kind=ridge)
    paint_plane(setting, stage.pick("meadow", "dry", "lawn"))
    for _ in stage.count(4, 10):
        x, z = stage.spot(far, 2 * far, side=0.8)
        style, wide = stage.pick("cottage", "town", "shed"), stage.between(8, 14)
        stage.building(Box(x, x + wide, z, z + 9, stage.between(4, 8), style))
    for _ in stage.count(15, 40):
        species = stage.pick("poplar", "lime", "olive", "bush")
        stage.tree(stage.spot(0.5 * far, 2 * far, side=1.0), stage.between(6, 14), species)
    stage.paint()
    bank = [(-90.0, near), (-60.0, 0.45 * far), (10.0, 0.40 * far), (0.9 * far, 0.44 * far)]
    bank += [(0.8 * far, 0.37 * far), (20.0, 0.9 * near)]
    paint_water(setting, bank, roughness=0.7, open_shore=True)
    _path(stage)
    paint_turf(setting)
    wires(stage, [(-14 + 0.35 * z, z) for z in (12.0, 45.0, 80.0, 120.0, 170.0)])
    for _ in stage.count(1, 4):
        species, foliage = stage.pick("olive", "lime", "bare", "birch"), stage.between(0.3, 1.0)
        stage.tree(stage.spot(14, 40), stage.between(6, 11), species, foliage=foliage)
    for _ in stage.count(1, 4):
        stage.person(stage.spot(6, 25, side=0.6))
    stage.paint()
    _foreground_grass(stage)


def beach(stage: Stage) -> None:
    """Sand, sea and sky, a hut and some dune grass: little that is fine."""
    setting = stage.setting
    shore, wide = stage.between(3.0, 6.0) * setting.view.nearest_m, 6000.0
    if stage.chance(0.6):
        kind = GROUND if stage.chance(0.5) else TREE
        paint_hills(setting, distance_m=7000, height_m=stage.between(100, 500), kind=kind)
    paint_plane(setting, "sand")
    bow = stage.between(-0.3, 0.3)
    x = np.linspace(-60, 60, 60)
    bank = shore * (1 + bow * x / 60 + 0.05 * np.sin(x / 4.0))
    sea = [
        *zip(x, bank, strict=True),
        (wide, shore),
        (wide, 9000.0),
        (-wide, 9000.0),
        (-wide, shore),
    ]
    paint_water(setting, sea, roughness=stage.between(0.6, 1.4))
    for _ in stage.count(0, 3):
        stage.boat(stage.spot(80, 300), stage.between(7, 12))
    for _ in stage.count(2, 6):
        stage.person(stage.spot(1.4 * setting.view.nearest_m, 0.65 * shore))
    if stage.chance(0.5):
        z = 0.6 * shore
        x0 = 0.5 * setting.view.half_width_m(z)
        stage.building(Box(x0, x0 + 5, z, z + 4, 2.8, "shed"))
    stage.paint()
    _foreground_grass(stage, side=float(np.sign(stage.between(-1, 1))))


def canopy(stage: Stage) -> None:
    """A path under trees, with the sky between their leaves."""
    setting = stage.setting
    paint_hills(setting, distance_m=700, height_m=stage.between(10, 40))
    paint_plane(setting, stage.pick("soil", "dry", "gravel"))
    skyline(stage, 90, ("town", "slab", "brick"), (6, 14), gap=0.5)
    for _ in stage.count(4, 8):
        place, species = stage.spot(16, 60), stage.pick(*SHADE_TREES)
        stage.tree(place, stage.between(7, 12), species, foliage=0.6)
    for _ in stage.count(3, 8):
        stage.tree(stage.spot(12, 30), stage.between(0.8, 1.8), "bush")
    for side in (-1.0, 1.0):
        for z in (5.5, 10.0):
            x = side * stage.between(0.5, 1.0) * setting.view.half_width_m(z)
            species, foliage = stage.pick("birch", "plane", "lime"), stage.between(0.2, 0.8)
            place = (x, z + stage.between(-1, 1))
            stage.tree(place, stage.between(7, 11), species, foliage=foliage)
    for _ in stage.count(2, 6):
        stage.person(stage.spot(6, 25, side=0.5))
    stage.paint()


def _path(stage: Stage) -> None:
    """A path that winds away from the camera."""
    z = np.geomspace(0.5 * stage.setting.view.nearest_m, 60, 40)
    sway = stage.between(2, 6) * np.sin(z / stage.between(12, 25))
    middle, half = stage.between(-2, 2) + sway, stage.between(0.9, 1.6)
    near, far = np.stack([middle - half, z], axis=1), np.stack([middle + half, z], axis=1)
    material = stage.pick("gravel", "soil", "paving", "dry")
    paint_plane(stage.setting, material, np.concatenate([near, far[::-1]]))


def _foreground_grass(stage: Stage, *, side: float = 0.0) -> None:
    """Tall grass along the lower edge of the picture, or only towards one side of it."""
    _, view, _, rng = stage.setting
    height, width = view.size_hw
    count = int(stage.between(1500, 5000) * max(0.05, view.unit))
    x = rng.uniform(0, width, count)
    if side:
        reach = width * stage.between(0.15, 0.35) * rng.beta(1, 2, count)
        x = np.where(side > 0, width - reach, reach)
    y = np.sort(height * (1.01 + 0.03 * rng.uniform(0, 1, count)))
    tall = np.full(count, stage.between(0.06, 0.16) * height)
    paint_blades(stage.setting, np.stack([x, y], axis=1), tall)
