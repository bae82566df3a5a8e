"""Edge maps to PNG and signed distances to NPZ."""

from dataclasses import dataclass

import numpy as np

from mass13k_tools.arrays import LabelMap
from mass13k_tools.boundaries.origins import npz_with_origin, png_with_origin
from mass13k_tools.ops.edges import EdgeMode, edge_map, one_against_rest, signed_distance


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """Which edges are wanted, and how they are written."""

    mode: EdgeMode = "symmetric"
    width_px: int = 2
    class_ids: tuple[int, ...] = ()
    """These together against the rest; none: every class change."""
    value: int = 255
    """What an edge pixel holds; others hold 0."""

    suffix = ".png"

    def encode(self, label_map: LabelMap, origin: str) -> bytes:
        """Turn a label map into the bytes of a PNG, one channel of 8 bits."""
        edges = edge_map(
            _of_classes(label_map, self.class_ids), mode=self.mode, width_px=self.width_px
        )
        return png_with_origin(edges.view(np.uint8) * np.uint8(self.value), origin)


@dataclass(frozen=True, slots=True)
class DistanceSettings:
    """Which signed distances are wanted."""

    limit_px: int = 64
    class_ids: tuple[int, ...] = ()
    """These together against the rest; none: every class change."""

    suffix = ".npz"

    def encode(self, label_map: LabelMap, origin: str) -> bytes:
        """Turn a label map into the bytes of an NPZ with ``distance``, float16."""
        distances = signed_distance(_of_classes(label_map, self.class_ids), limit_px=self.limit_px)
        return npz_with_origin(origin, distance=distances.astype(np.float16))


def _of_classes(label_map: LabelMap, class_ids: tuple[int, ...]) -> LabelMap:
    return one_against_rest(label_map, class_ids) if class_ids else label_map
