"""What a network is shown of a photo: all of it, and overlapping tiles, in which small things show.

A segmenter draws its mask on some 256x256 pixels, whatever it is shown: in a 4K photo as a whole,
one of them is 16 wide.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mass13k_tools.errors import DatasetError
from mass13k_tools.pseudo.masks import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How a photo becomes views."""

    tile_px: int = 2048
    """Side of a tile; 0: no tiles."""
    overlap_px: int = 512
    """What neighbouring tiles share, at least."""
    whole: bool = True
    """Show the photo as a whole, too."""

    def __post_init__(self) -> None:
        if self.tile_px and not 0 <= self.overlap_px <= self.tile_px // 2:
            raise DatasetError(
                f"tiles of {self.tile_px} pixels overlap by {self.overlap_px}, expected 0 to "
                f"{self.tile_px // 2}, half a tile"
            )


def views(size_hw: tuple[int, int], cutting: Cutting) -> Iterator[Box]:
    """Cut a photo.

    Args:
        size_hw: Of the photo, in pixels.
        cutting: How.

    Yields:
        The whole photo, if it is wanted or no larger than a tile; then the tiles, row by row.

    Example:
        >>> [tuple(view) for view in views((60, 100), Cutting(tile_px=60, overlap_px=20))]
        [(0, 0, 60, 100), (0, 0, 60, 60), (0, 40, 60, 60)]
    """
    height, width = size_hw
    tiled = 0 < cutting.tile_px < max(size_hw)
    if cutting.whole or not tiled:
        yield Box(0, 0, height, width)
    if tiled:
        side, overlap = cutting.tile_px, cutting.overlap_px
        for y in _starts(height, side, overlap):
            for x in _starts(width, side, overlap):
                yield Box(y, x, min(side, height), min(side, width))


def _starts(length: int, side: int, overlap: int) -> list[int]:
    """Spread as few spans as will do over a line, evenly."""
    if length <= side:
        return [0]
    steps = -(-(length - side) // (side - overlap))
    return [number * (length - side) // steps for number in range(steps + 1)]
