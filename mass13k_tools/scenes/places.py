"""Places: how the camera is held in each, and what stands there."""

from collections.abc import Callable
from dataclasses import dataclass

from mass13k_tools.scenes.country import beach, canopy, hillside, park
from mass13k_tools.scenes.stage import Stage
from mass13k_tools.scenes.town import harbour, site, street


@dataclass(frozen=True, slots=True)
class Place:
    """One row of the table of places."""

    horizon: tuple[float, float]
    """Row of the horizon, in picture heights."""
    zoom: tuple[float, float]
    """Focal length, in the longer side of the picture (of panoramas, less)."""
    eye_m: tuple[float, float]
    paint: Callable[[Stage], None]


def portrait(stage: Stage) -> None:
    """One or two people close by, and a place out of focus behind them."""
    (harbour, park, street, hillside)[int(stage.setting.rng.integers(4))](stage)
    view = stage.setting.view
    stage.setting.canvas.defocus(stage.between(2.0, 8.0) * view.unit)
    z = stage.between(1.25, 2.0)
    for _ in stage.count(1, 2):
        z += stage.between(0.0, 0.5)
        stage.person((stage.between(-0.55, 0.55) * view.half_width_m(z), z))
    stage.paint()


PLACES = {
    "street": Place((0.52, 0.64), (0.75, 1.0), (1.6, 1.8), street),
    "harbour": Place((0.45, 0.60), (0.9, 1.3), (2.5, 6.0), harbour),
    "park": Place((0.50, 0.64), (0.8, 1.1), (1.6, 2.2), park),
    "hillside": Place((0.50, 0.64), (0.8, 1.2), (3.0, 7.0), hillside),
    "site": Place((0.60, 0.72), (0.75, 1.0), (1.7, 2.5), site),
    "beach": Place((0.40, 0.60), (0.8, 1.2), (1.6, 3.0), beach),
    "canopy": Place((0.72, 0.84), (0.7, 0.9), (1.5, 1.7), canopy),
    "portrait": Place((0.42, 0.55), (0.9, 1.2), (1.5, 1.62), portrait),
}
