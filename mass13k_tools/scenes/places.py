"""Places: what stands where in a street, at a harbour, in a park …"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mass13k_tools.scenes.buildings import Box
from mass13k_tools.scenes.clutter import paint_railing, paint_wires
from mass13k_tools.scenes.layers import GROUND, TREE
from mass13k_tools.scenes.stage import Stage
from mass13k_tools.scenes.terrain import paint_blades, paint_hills, paint_plane
from mass13k_tools.scenes.water import paint_water

SHADE_TREES = ("lime", "maple", "plane", "birch")


@dataclass(frozen=True, slots=True)
class Place:
    """One row of the table of places: how the camera is held, and what it sees."""

    horizon: tuple[float, float]
    """Row of the horizon, in picture heights."""
    zoom: tuple[float, float]
    """Focal length, in picture widths."""
    eye_m: tuple[float, float]
    paint: Callable[[Stage], None]


def _ground(
    stage: Stage, material: str, outline_xz: list[tuple[float, float]] | None = None
) -> None:
    paint_plane(stage.canvas, stage.view, stage.light, stage.rng, material, outline_xz)


def _hills(stage: Stage, distance_m: float, height_m: float, *, bare: bool = False) -> None:
    paint_hills(
        stage.canvas, stage.view, stage.light, stage.rng,
        distance_m=distance_m, height_m=height_m, kind=GROUND if bare else TREE,
    )  # fmt: skip


def _row_of_houses(
    stage: Stage, x_m: float, side: float, styles: tuple[str, ...], tall: tuple[float, float]
) -> None:
    z = 0.6 * stage.view.nearest_m + stage.between(2, 5)
    while z < 140:
        deep, style = stage.between(9, 18), stage.pick(*styles)
        box = (x_m, x_m + 16) if side > 0 else (-x_m - 16, -x_m)
        stage.building(Box(*box, z, z + deep, stage.between(*tall), style))
        z += deep + (stage.between(2, 7) if stage.rng.uniform() < 0.15 else 0.0)


def _street(stage: Stage) -> None:
    half = stage.between(7, 11)
    _hills(stage, 2500, stage.between(20, 160))
    _ground(stage, stage.pick("paving", "cobbles", "paving"))
    road = 0.55 * half
    _ground(stage, "asphalt", [(-road, 0), (-road, 300), (road, 300), (road, 0)])
    _lane_marks(stage)
    tall = (9.0, stage.between(14, 26))
    for side in (-1.0, 1.0):
        _row_of_houses(stage, half, side, ("town", "brick", "town", "slab", "glass"), tall)
        for number in range(5):
            z = 9 + 14 * number + stage.between(-2, 2)
            x = side * (half - 1.8)
            if stage.rng.uniform() < 0.45:
                stage.tree(
                    (x, z),
                    stage.between(5, 9),
                    stage.pick(*SHADE_TREES),
                    foliage=stage.between(0.4, 1.1),
                )
            elif stage.rng.uniform() < 0.5:
                stage.lamp((x, z))
        for _ in range(stage.count(1, 3)):
            stage.car((side * (road - 1.0), stage.between(14, 50)))
    for _ in range(stage.count(5, 12)):
        z = stage.between(7, 45)
        stage.person((stage.between(-half + 1, half - 1), z))
    if stage.rng.uniform() < 0.7:
        _wires(stage, [(half - 1.0, z) for z in (6.0, 26.0, 46.0, 70.0, 100.0)])
    stage.paint()


def _lane_marks(stage: Stage) -> None:
    white = stage.light.on(np.array([0.62, 0.61, 0.57], np.float32), stage.light.on_ground)
    for number in range(14):
        z = 4.0 + 6.0 * number
        corners = stage.view.ground([(-0.07, z), (-0.07, z + 2.6), (0.07, z + 2.6), (0.07, z)])
        stage.canvas.polygon(GROUND, corners, stage.light.through_air(white, z))


def _wires(stage: Stage, poles_xz: list[tuple[float, float]]) -> None:
    stage.put(
        min(z for _, z in poles_xz) + 0.1,
        lambda: paint_wires(stage.canvas, stage.view, stage.light, stage.rng, poles_xz),
    )


def _skyline(
    stage: Stage,
    z_m: float,
    styles: tuple[str, ...],
    tall: tuple[float, float],
    *,
    gap: float = 0.15,
) -> None:
    reach = 1.1 * stage.view.half_width_m(z_m)
    x = -reach
    while x < reach:
        wide = stage.between(0.06, 0.16) * reach
        if stage.rng.uniform() > gap:
            z = z_m * stage.between(1.0, 1.25)
            stage.building(Box(x, x + wide, z, z + 14, stage.between(*tall), stage.pick(*styles)))
        x += wide * stage.between(0.9, 1.1)


def _harbour(stage: Stage) -> None:
    _hills(stage, 5000, stage.between(200, 600))
    if stage.rng.uniform() < 0.6:
        _hills(stage, 1800, stage.between(30, 90))
    _ground(stage, "gravel")
    far, quay = stage.between(110, 220), stage.between(2.0, 3.2) * stage.view.nearest_m
    _skyline(
        stage,
        far + 8,
        ("town", "brick", "cottage", "shed", "slab", "glass"),
        (7.0, stage.between(14, 30)),
    )
    for _ in range(stage.count(2, 4)):
        stage.crane(stage.spot(far + 20, far + 90), stage.between(25, 60))
    for _ in range(stage.count(4, 12)):
        stage.tree(
            stage.spot(far + 4, far + 6), stage.between(6, 12), stage.pick(*SHADE_TREES, "poplar")
        )
    stage.paint()
    wide = 3 * stage.view.half_width_m(far)
    shore = [(-wide, quay), (-wide, far), (wide, far), (wide, quay)]
    paint_water(
        stage.canvas, stage.view, stage.light, stage.rng, shore, roughness=stage.between(0.5, 1.6)
    )
    for _ in range(stage.count(3, 9)):
        stage.boat(stage.spot(1.6 * quay, 0.7 * far), stage.between(6, 12))
    stage.paint()
    wide = 2 * stage.view.half_width_m(quay)
    _ground(
        stage, stage.pick("paving", "cobbles"), [(-wide, 0), (-wide, quay), (wide, quay), (wide, 0)]
    )
    rail = [(-wide, 0.97 * quay), (wide, 0.97 * quay)]
    stage.put(
        0.97 * quay, lambda: paint_railing(stage.canvas, stage.view, stage.light, path_xz=rail)
    )
    for _ in range(stage.count(2, 6)):
        stage.person(stage.spot(1.25 * stage.view.nearest_m, 0.95 * quay))
    if stage.rng.uniform() < 0.6:
        stage.tree(
            stage.spot(0.7 * quay, 0.95 * quay),
            stage.between(6, 9),
            stage.pick(*SHADE_TREES, "bare"),
            foliage=0.6,
        )
    stage.paint()


def _park(stage: Stage) -> None:
    _hills(stage, 900, stage.between(15, 60))
    _ground(stage, stage.pick("lawn", "meadow"))
    far = stage.between(45, 80)
    _skyline(stage, far + 50, ("slab", "town", "glass", "brick"), (8, 40), gap=0.5)
    for _ in range(stage.count(8, 16)):
        stage.tree(
            stage.spot(far + 2, far + 40), stage.between(8, 16), stage.pick(*SHADE_TREES, "poplar")
        )
    stage.paint()
    near = stage.between(12, 18)
    turn = np.linspace(0, 2 * np.pi, 60)
    wide = stage.between(0.5, 0.8) * stage.view.half_width_m(far)
    lake = [
        (
            wide * np.cos(t) * (1 + 0.1 * np.sin(3 * t)) - 3,
            0.5 * (near + far) + 0.5 * (far - near) * np.sin(t),
        )
        for t in turn
    ]
    paint_water(stage.canvas, stage.view, stage.light, stage.rng, lake, roughness=0.5)
    _path(stage)
    for _ in range(stage.count(3, 6)):
        x, z = stage.spot(8, 26)
        stage.tree(
            (x, z),
            stage.between(6, 12),
            stage.pick(*SHADE_TREES, "olive", "bare"),
            foliage=stage.between(0.35, 1.2),
        )
    for _ in range(stage.count(2, 7)):
        stage.tree(stage.spot(7, 30), stage.between(0.8, 2.0), "bush")
    for _ in range(stage.count(3, 8)):
        stage.person(stage.spot(5, 30, side=0.7))
    stage.paint()
    _meadow_edge(stage)


def _path(stage: Stage) -> None:
    """A path that winds away from the camera."""
    z = np.geomspace(0.5 * stage.view.nearest_m, 60, 40)
    middle = stage.between(-2, 2) + stage.between(2, 6) * np.sin(z / stage.between(12, 25))
    half = stage.between(0.9, 1.6)
    outline = [*zip(middle - half, z, strict=True), *zip(middle[::-1] + half, z[::-1], strict=True)]
    _ground(stage, stage.pick("gravel", "soil", "paving", "dry"), outline)


def _meadow_edge(stage: Stage) -> None:
    """Blades of grass close to the camera, along the lower edge of the picture."""
    height, width = stage.view.size_hw
    count = int(stage.between(1500, 6000) * max(0.05, stage.view.unit))
    x = stage.rng.uniform(0, width, count)
    y = height * (1.01 + 0.03 * stage.rng.uniform(0, 1, count))
    order = np.argsort(y, kind="stable")
    edge = np.stack([x, y], axis=1)[order]
    paint_blades(
        stage.canvas,
        stage.view,
        stage.light,
        stage.rng,
        edge,
        tall_px=stage.between(0.06, 0.16) * height,
    )


def _hillside(stage: Stage) -> None:
    _hills(stage, 9000, stage.between(700, 1800), bare=True)
    _hills(stage, 4000, stage.between(200, 700))
    _hills(stage, 1500, stage.between(40, 130), bare=stage.rng.uniform() < 0.3)
    _ground(stage, stage.pick("meadow", "dry", "lawn"))
    far = stage.between(160, 300)
    for _ in range(stage.count(4, 10)):
        x, z = stage.spot(far, 2 * far, side=0.8)
        wide = stage.between(8, 14)
        stage.building(
            Box(x, x + wide, z, z + 9, stage.between(4, 8), stage.pick("cottage", "town", "shed"))
        )
    for _ in range(stage.count(15, 40)):
        stage.tree(
            stage.spot(0.5 * far, 2 * far, side=1.0),
            stage.between(6, 14),
            stage.pick("poplar", "lime", "olive", "bush"),
        )
    stage.paint()
    near = stage.between(30, 60)
    river = [
        (-90, near),
        (-60, 0.42 * far),
        (10, 0.36 * far),
        (0.9 * far, 0.4 * far),
        (0.8 * far, 0.33 * far),
        (20, 0.8 * near),
    ]
    paint_water(stage.canvas, stage.view, stage.light, stage.rng, river, roughness=0.7)
    _path(stage)
    _wires(stage, [(-14 + 0.35 * z, z) for z in (12.0, 45.0, 80.0, 120.0, 170.0)])
    for _ in range(stage.count(1, 4)):
        stage.tree(
            stage.spot(14, 40),
            stage.between(6, 11),
            stage.pick("olive", "lime", "bare", "birch"),
            foliage=stage.between(0.5, 1.2),
        )
    for _ in range(stage.count(1, 4)):
        stage.person(stage.spot(6, 25, side=0.6))
    stage.paint()
    _meadow_edge(stage)


def _site(stage: Stage) -> None:
    _hills(stage, 4000, stage.between(50, 300))
    _ground(stage, "soil")
    _skyline(stage, 220, ("slab", "glass", "town"), (15, 60), gap=0.3)
    for _ in range(stage.count(2, 4)):
        stage.crane(stage.spot(60, 160), stage.between(35, 75))
    for x in (-34.0, 4.0):
        z = stage.between(45, 75)
        stage.building(
            Box(x + stage.between(-4, 4), x + 24, z, z + 18, stage.between(10, 34), "raw")
        )
    for _ in range(stage.count(2, 5)):
        stage.tree(
            stage.spot(30, 60),
            stage.between(5, 9),
            stage.pick("bare", "birch", "lime"),
            foliage=0.7,
        )
    fence = [(-30.0, 22.0), (30.0, 20.0)]
    stage.put(
        21, lambda: paint_railing(stage.canvas, stage.view, stage.light, path_xz=fence, tall_m=1.9)
    )
    _wires(stage, [(-9.0, 9.0), (-10.0, 40.0), (-11.0, 75.0), (-12.0, 120.0)])
    puddle = [
        (stage.between(-3, 2) + 1.6 * np.cos(t) * (1 + 0.3 * np.sin(2 * t)), 9 + 1.8 * np.sin(t))
        for t in np.linspace(0, 6.2, 40)
    ]
    paint_water(stage.canvas, stage.view, stage.light, stage.rng, puddle, roughness=0.15)
    for _ in range(stage.count(3, 7)):
        stage.person(stage.spot(7, 30, side=0.7))
    for _ in range(stage.count(0, 2)):
        stage.car(stage.spot(24, 40, side=0.6))
    stage.paint()


def _beach(stage: Stage) -> None:
    if stage.rng.uniform() < 0.6:
        _hills(stage, 7000, stage.between(100, 500), bare=stage.rng.uniform() < 0.5)
    wide, shore = 6000.0, stage.between(3.0, 6.0) * stage.view.nearest_m
    _ground(stage, "sand")
    paint_water(
        stage.canvas,
        stage.view,
        stage.light,
        stage.rng,
        [(-wide, shore), (-wide, 9000), (wide, 9000), (0.5 * wide, 0.9 * shore), (wide, shore)],
        roughness=stage.between(0.6, 1.4),
    )
    for _ in range(stage.count(0, 3)):
        stage.boat(stage.spot(80, 300), stage.between(7, 12))
    for _ in range(stage.count(2, 6)):
        stage.person(stage.spot(1.4 * stage.view.nearest_m, 0.95 * shore))
    if stage.rng.uniform() < 0.5:
        x, z = 0.5 * stage.view.half_width_m(0.8 * shore), 0.8 * shore
        stage.building(Box(x, x + 5, z, z + 4, 2.8, "shed"))
    stage.paint()


def _canopy(stage: Stage) -> None:
    _hills(stage, 700, stage.between(10, 40))
    _ground(stage, stage.pick("soil", "dry", "gravel"))
    _skyline(stage, 90, ("town", "slab", "brick"), (6, 14), gap=0.5)
    for _ in range(stage.count(6, 12)):
        stage.tree(stage.spot(14, 60), stage.between(7, 14), stage.pick(*SHADE_TREES), foliage=0.7)
    for side in (-1.0, 1.0):
        for z in (5.0, 8.5, 13.0):
            x = side * stage.between(0.45, 1.0) * stage.view.half_width_m(z)
            stage.tree(
                (x, z + stage.between(-1, 1)),
                stage.between(8, 13),
                stage.pick("birch", "plane", "lime"),
                foliage=stage.between(0.25, 0.7),
            )
    for _ in range(stage.count(2, 6)):
        stage.person(stage.spot(6, 25, side=0.5))
    stage.paint()


def _portrait(stage: Stage) -> None:
    """One or two people close by, and a place out of focus behind them."""
    stage.rng.choice(np.array([_harbour, _park, _street, _hillside], dtype=object))(stage)
    stage.canvas.defocus(stage.between(2.0, 9.0) * stage.view.unit)
    z = stage.between(1.25, 2.2)
    for _ in range(stage.count(1, 2)):
        z += stage.between(0.0, 0.5)
        stage.person((stage.between(-0.55, 0.55) * stage.view.half_width_m(z), z))
    stage.paint()


PLACES = {
    "street": Place((0.52, 0.64), (0.75, 1.0), (1.6, 1.8), _street),
    "harbour": Place((0.45, 0.60), (0.9, 1.3), (2.5, 6.0), _harbour),
    "park": Place((0.50, 0.64), (0.8, 1.1), (1.6, 2.2), _park),
    "hillside": Place((0.50, 0.64), (0.8, 1.2), (3.0, 7.0), _hillside),
    "site": Place((0.60, 0.72), (0.75, 1.0), (1.7, 2.5), _site),
    "beach": Place((0.40, 0.60), (0.8, 1.2), (1.6, 3.0), _beach),
    "canopy": Place((0.72, 0.84), (0.7, 0.9), (1.5, 1.7), _canopy),
    "portrait": Place((0.42, 0.55), (0.9, 1.2), (1.5, 1.62), _portrait),
}
