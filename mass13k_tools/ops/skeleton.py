"""Thin a mask to lines one pixel wide, exactly as scikit-image does.

``skimage.morphology.skeletonize`` (Zhang's method) visits the whole image in every pass, which
takes a quarter of a minute for one large object at 4K. Here a pass visits only the pixels whose
neighbours changed since they were last looked at; the pixels removed in every pass are the same.
"""

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Mask, check_mask
from mass13k_tools.ops.compiled import compiled

# A neighbourhood is a sum of these: bit 0 is the pixel above on the left, then clockwise
_NW, _N, _NE, _E, _SE, _S, _SW, _W = (1 << bit for bit in range(8))

# Where scikit-image departs from the paper. Value: 1 = removed in odd passes, 2 = in even ones,
# 3 = in both, 0 = kept.
_DEPARTURES = {
    # thin ends that Zhang and Suen remove in both passes
    _NW | _N: 1, _N | _NE: 1, _NE | _E: 1, _N | _NE | _E: 1, _NW | _N | _W: 1,
    _E | _SE: 2, _S | _SW: 2, _SW | _W: 2, _E | _SE | _S: 2, _S | _SW | _W: 2,
    _SE | _S: 0, _NW | _W: 0,
    # corners of lines, which they keep
    _N | _E: 3, _E | _S: 3, _S | _W: 3, _N | _W: 3,
    _NW | _N | _E: 1, _NW | _S | _W: 1, _N | _NE | _W: 1, _N | _W | _SW: 1,
    _N | _E | _SE: 2, _E | _S | _SW: 2, _SE | _S | _W: 2,
    _NE | _E | _S | _SW: 2, _N | _NE | _SW | _W: 1,
}  # fmt: skip


def skeleton(mask: Mask) -> Mask:
    """Thin a mask to lines one pixel wide.

    Args:
        mask: Shape (H, W), bool.

    Returns:
        Shape (H, W), bool, part of the mask; equal to ``skimage.morphology.skeletonize(mask)``.

    Raises:
        DatasetError: The array is no mask.

    Example:
        >>> angle = np.zeros((5, 8), dtype=np.bool_)
        >>> angle[:3, 1:] = angle[:, 1:4] = True
        >>> skeleton(angle).astype(int)
        array([[0, 0, 0, 0, 0, 0, 1, 0],
               [0, 0, 0, 1, 1, 1, 0, 0],
               [0, 0, 1, 0, 0, 0, 0, 0],
               [0, 1, 0, 0, 0, 0, 0, 0],
               [0, 0, 0, 0, 0, 0, 0, 0]])
    """
    mask = check_mask(mask)
    pixels = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), dtype=np.uint8)
    pixels[1:-1, 1:-1] = mask
    _thin(pixels.reshape(-1), pixels.shape[1], _REMOVALS)
    return pixels[1:-1, 1:-1].astype(np.bool_)


def _removals() -> NDArray[np.uint8]:
    """Say in which passes a pixel with each of the 256 neighbourhoods is removed, shape (256,)."""
    table = np.zeros(256, dtype=np.uint8)
    for code in range(256):
        ring = [code >> bit & 1 for bit in range(8)]
        starts = sum(
            before < after for before, after in zip(ring, ring[1:] + ring[:1], strict=True)
        )
        north, east, south, west = ring[1::2]
        if 2 <= sum(ring) <= 6 and starts == 1:
            odd = not (north and east and south) and not (east and south and west)
            even = not (north and east and west) and not (north and south and west)
            table[code] = odd + 2 * even
    for code, passes in _DEPARTURES.items():
        table[code] = passes
    return table


_REMOVALS = _removals()


@compiled
def _neighbourhood(pixels: NDArray[np.uint8], at: int, width: int) -> int:
    """Sum the bits of the eight neighbours of a pixel."""
    above, below = at - width, at + width
    return int(
        pixels[above - 1]
        | pixels[above] << 1
        | pixels[above + 1] << 2
        | pixels[at + 1] << 3
        | pixels[below + 1] << 4
        | pixels[below] << 5
        | pixels[below - 1] << 6
        | pixels[at - 1] << 7
    )


@compiled
def _outline(pixels: NDArray[np.uint8], width: int) -> NDArray[np.int64]:
    """List the pixels set that have a neighbour not set."""
    found = 0
    for at in range(pixels.size):
        found += pixels[at] and _neighbourhood(pixels, at, width) != 255
    outline = np.empty(found, dtype=np.int64)
    found = 0
    for at in range(pixels.size):
        if pixels[at] and _neighbourhood(pixels, at, width) != 255:
            outline[found] = at
            found += 1
    return outline


@compiled
def _after(
    pixels: NDArray[np.uint8],
    width: int,
    removed: NDArray[np.int64],
    waiting: NDArray[np.int64],
    visits_due: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Take the removed pixels away and list the pixels to visit in the next pass."""
    pixels[removed] = 0
    following = np.empty(waiting.size + 8 * removed.size, dtype=np.int64)
    following[: waiting.size] = waiting
    n_following = waiting.size
    for at in removed:
        for row in (at - width, at, at + width):
            for near in range(row - 1, row + 2):
                if pixels[near]:
                    if not visits_due[near]:
                        following[n_following] = near
                        n_following += 1
                    visits_due[near] = 2
    return following[:n_following]


@compiled
def _thin(pixels: NDArray[np.uint8], width: int, removals: NDArray[np.uint8]) -> None:
    """Thin in place; ``pixels`` is a flattened image of 0 and 1 within a frame of zeros."""
    visits_due = np.zeros(pixels.size, dtype=np.uint8)  # after a change: one odd and one even pass
    waiting = _outline(pixels, width)
    visits_due[waiting] = 2
    pass_bit = 1
    while waiting.size:
        removed = np.empty(waiting.size, dtype=np.int64)
        n_removed, n_waiting = 0, 0
        for at in waiting:
            visits_due[at] -= 1
            if removals[_neighbourhood(pixels, at, width)] & pass_bit:
                removed[n_removed] = at
                n_removed += 1
            elif visits_due[at]:
                waiting[n_waiting] = at
                n_waiting += 1
        waiting = _after(pixels, width, removed[:n_removed], waiting[:n_waiting], visits_due)
        pass_bit = 3 - pass_bit
