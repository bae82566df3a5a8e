"""The stage: everything a place needs to be painted, and objects put in order of distance."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mass13k_tools.scenes.buildings import Box, paint_building
from mass13k_tools.scenes.clutter import paint_boat, paint_car, paint_crane, paint_lamp
from mass13k_tools.scenes.layers import Canvas
from mass13k_tools.scenes.light import Light
from mass13k_tools.scenes.people import paint_person
from mass13k_tools.scenes.terrain import cast_shadow
from mass13k_tools.scenes.trees import paint_tree
from mass13k_tools.scenes.view import View

Spot = tuple[float, float]
"""X and Z on the ground, in metres."""


@dataclass(slots=True)
class Stage:
    """A canvas with its view, light and dice; objects wait until :meth:`paint` sorts them."""

    canvas: Canvas
    view: View
    light: Light
    rng: np.random.Generator
    waiting: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def between(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """Draw a whole number, ``high`` included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, *names: str) -> str:
        """Draw a name."""
        return names[int(self.rng.integers(len(names)))]

    def spot(self, near_m: float, far_m: float, *, side: float = 0.9) -> Spot:
        """Draw a visible place on the ground; ``side`` 1 reaches to the edge of the picture."""
        z = float(np.exp(self.rng.uniform(np.log(near_m), np.log(far_m))))
        return self.between(-side, side) * self.view.half_width_m(z), z

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
            self._shadow(at_xz, (0.6 * height_m, height_m))
            paint_tree(
                self.canvas, self.view, self.light, self.rng,
                at_xz=at_xz, height_m=height_m, species=species, foliage=foliage,
            )  # fmt: skip

        self.put(at_xz[1], paint)

    def person(self, at_xz: Spot) -> None:
        """Put a person and the shadow."""

        def paint() -> None:
            self._shadow(at_xz, (0.45, 1.7))
            height_m = float(np.clip(self.rng.normal(1.71, 0.09), 1.5, 1.95))
            paint_person(
                self.canvas, self.view, self.light, self.rng, at_xz=at_xz, height_m=height_m
            )

        self.put(at_xz[1], paint)

    def car(self, at_xz: Spot) -> None:
        """Put a car and the shadow under it."""

        def paint() -> None:
            self._shadow(at_xz, (4.3, 0.6))
            paint_car(self.canvas, self.view, self.light, self.rng, at_xz=at_xz)

        self.put(at_xz[1], paint)

    def building(self, box: Box) -> None:
        """Put a building."""
        self.put(box.z0, lambda: paint_building(self.canvas, self.view, self.light, self.rng, box))

    def crane(self, at_xz: Spot, tall_m: float) -> None:
        """Put a crane."""
        self.put(
            at_xz[1],
            lambda: paint_crane(
                self.canvas, self.view, self.light, self.rng, at_xz=at_xz, tall_m=tall_m
            ),
        )

    def lamp(self, at_xz: Spot) -> None:
        """Put a street lamp."""
        self.put(at_xz[1], lambda: paint_lamp(self.canvas, self.view, self.light, at_xz=at_xz))

    def boat(self, at_xz: Spot, long_m: float) -> None:
        """Put a boat."""
        self.put(
            at_xz[1],
            lambda: paint_boat(
                self.canvas, self.view, self.light, self.rng, at_xz=at_xz, long_m=long_m
            ),
        )

    def _shadow(self, at_xz: Spot, size_m: tuple[float, float]) -> None:
        cast_shadow(self.canvas, self.view, self.light, at_xz=at_xz, size_m=size_m)
