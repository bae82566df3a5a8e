"""The stage: a setting whose objects wait until they are painted in order of distance."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from mass13k_tools.scenes.buildings import Box, paint_building
from mass13k_tools.scenes.clutter import paint_crane, paint_lamp
from mass13k_tools.scenes.people import paint_person
from mass13k_tools.scenes.setting import Setting
from mass13k_tools.scenes.terrain import cast_shadow, paint_tufts
from mass13k_tools.scenes.trees import paint_tree
from mass13k_tools.scenes.vehicles import paint_boat, paint_car

Spot = tuple[float, float]
"""X and Z on the ground, in metres."""


@dataclass(slots=True)
class Stage:
    """A setting, dice with short names, and the objects that wait."""

    setting: Setting
    waiting: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def between(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.setting.rng.uniform(low, high))

    def count(self, low: int, high: int) -> range:
        """Draw how often to repeat something, ``high`` included."""
        return range(int(self.setting.rng.integers(low, high + 1)))

    def chance(self, part: float) -> bool:
        """Draw yes or no."""
        return bool(self.setting.rng.uniform() < part)

    def pick(self, *names: str) -> str:
        """Draw a name."""
        return names[int(self.setting.rng.integers(len(names)))]

    def spot(self, near_m: float, far_m: float, *, side: float = 0.9) -> Spot:
        """Draw a visible place on the ground; ``side`` 1 reaches to the edge of the picture."""
        low, high = sorted((np.log(near_m), np.log(far_m)))
        z = float(np.exp(self.setting.rng.uniform(low, high)))
        return self.between(-side, side) * self.setting.view.half_width_m(z), z

    def put(self, z_m: float, paint: Callable[[], None]) -> None:
        """Let an object wait for its turn."""
        self.waiting.append((z_m, paint))

    def paint(self) -> None:
        """Paint what waits, the farthest first."""
        for _, paint in sorted(self.waiting, key=lambda entry: -entry[0]):
            paint()
        self.waiting.clear()

    def tree(self, at_xz: Spot, height_m: float, species: str, *, foliage: float = 1.0) -> None:
        """Put a tree and its shadow."""

        def paint() -> None:
            paint_tree(self.setting, at_xz, height_m=height_m, species=species, foliage=foliage)
            paint_tufts(self.setting, at_xz, wide_m=0.1 * height_m)

        self._with_shadow(at_xz, (0.6 * height_m, height_m), paint)

    def person(self, at_xz: Spot) -> None:
        """Put a person and the shadow."""
        height_m = float(np.clip(self.setting.rng.normal(1.71, 0.09), 1.5, 1.95))
        paint = partial(paint_person, self.setting, at_xz, height_m=height_m)
        self._with_shadow(at_xz, (0.45, 1.7), paint)

    def car(self, at_xz: Spot, *, from_side: bool) -> None:
        """Put a car and the shadow under it."""
        paint = partial(paint_car, self.setting, at_xz, from_side=from_side)
        self._with_shadow(at_xz, (4.3 if from_side else 1.9, 0.6), paint)

    def building(self, box: Box) -> None:
        """Put a building."""
        self.put(box.z0, partial(paint_building, self.setting, box))

    def crane(self, at_xz: Spot, tall_m: float) -> None:
        """Put a crane."""
        self.put(at_xz[1], partial(paint_crane, self.setting, at_xz, tall_m=tall_m))

    def lamp(self, at_xz: Spot) -> None:
        """Put a street lamp."""
        self.put(at_xz[1], partial(paint_lamp, self.setting, at_xz))

    def boat(self, at_xz: Spot, long_m: float) -> None:
        """Put a boat."""
        self.put(at_xz[1], partial(paint_boat, self.setting, at_xz, long_m=long_m))

    def _with_shadow(
        self, at_xz: Spot, size_m: tuple[float, float], paint: Callable[[], None]
    ) -> None:
        def paint_both() -> None:
            cast_shadow(self.setting, at_xz, size_m)
            paint()

        self.put(at_xz[1], paint_both)
