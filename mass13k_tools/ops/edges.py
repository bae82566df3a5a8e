"""Where one class meets another: edge maps and signed distances.

Of two classes that meet, the one with the higher id is the inside; in a 0/1 mask that is the
object. For one class against the rest see :func:`one_against_rest`.
Distances are Euclidean, between pixel centres, so pixels that share a side are 1 apart.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, LabelMap, Mask, check_class_ids, check_label_map
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.bands import Neighbours, class_changes
from mass13k_tools.ops.compiled import compiled

EdgeMode = Literal["released", "inner", "outer", "symmetric"]
Distances = NDArray[np.float32]  # (H, W) pixels, positive inside
Ranks = NDArray[np.int32]  # (H, W) the nearer a change, the lower; see signed_distance

MOST_WIDTH_PX = 255
MOST_LIMIT_PX = 4095  # squares up to here are exact in float32
# The released code compares a pixel with those above, right, below right and below left of it
RELEASED_NEIGHBOURS: Neighbours = np.array([[0, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=np.uint8)


def edge_map(label_map: LabelMap, *, mode: EdgeMode = "symmetric", width_px: int = 2) -> Mask:
    """Mark the pixels at a class change.

    ========== =================================================================================
    mode       what is marked
    ========== =================================================================================
    inner      pixels with a pixel of a lower id within ``width_px``
    outer      pixels with a pixel of a higher id within ``width_px``
    symmetric  both, half the width each, the odd pixel inside: lines are ``width_px`` wide
    released   as the released training code: a one-sided rule, then dilated by a square
    ========== =================================================================================

    Ignore pixels are no class: they are never marked and never make an edge. Only the dilation of
    ``released`` may mark them, as it does in the released code.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        mode: Which side of a change is marked.
        width_px: Width of the lines, 1 or more; the side of the square in ``released``.

    Returns:
        Shape (H, W), bool.

    Example:
        >>> label_map = np.array([[0, 0, 5, 5],
        ...                       [0, 0, 5, 255]], dtype=np.uint8)
        >>> edge_map(label_map).astype(int)
        array([[0, 1, 1, 0],
               [0, 1, 1, 0]])
        >>> edge_map(label_map, mode="outer").astype(int)
        array([[1, 1, 0, 0],
               [1, 1, 0, 0]])
    """
    check_edge_request(mode, width_px)
    if mode == "released":
        changes = class_changes(label_map, lower=RELEASED_NEIGHBOURS, higher=RELEASED_NEIGHBOURS)
        square = np.ones((width_px, width_px), dtype=np.uint8)
        return np.asarray(cv2.dilate(changes.view(np.uint8), square)).view(np.bool_)
    inner_px, outer_px = side_widths(mode, width_px)
    return class_changes(label_map, lower=disc(inner_px), higher=disc(outer_px))


def one_against_rest(label_map: LabelMap, class_ids: Sequence[int]) -> LabelMap:
    """Make some classes together 1 and all others 0; ignore stays.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        class_ids: At least one, each once.

    Example:
        >>> one_against_rest(np.array([[0, 3, 5, 255]], dtype=np.uint8), [3, 5])
        array([[  0,   1,   1, 255]], dtype=uint8)
    """
    lookup = np.isin(np.arange(256), check_class_ids(class_ids)).astype(np.uint8)
    lookup[IGNORE] = IGNORE
    return np.asarray(cv2.LUT(check_label_map(label_map), lookup), dtype=np.uint8)


def check_edge_request(mode: EdgeMode, width_px: int) -> None:
    """Refuse an unknown mode or a width outside 1..255."""
    if mode not in get_args(EdgeMode):
        raise DatasetError(f"no edge mode '{mode}', known are: {', '.join(get_args(EdgeMode))}")
    if not 1 <= width_px <= MOST_WIDTH_PX:
        raise DatasetError(f"edges of width {width_px} px, expected 1 to {MOST_WIDTH_PX}")


def side_widths(mode: EdgeMode, width_px: int) -> tuple[int, int]:
    """Share the width of a line out to the inside and the outside of a change.

    Example:
        >>> side_widths("symmetric", 3), side_widths("outer", 3)
        ((2, 1), (0, 3))
    """
    if mode == "symmetric":
        return width_px - width_px // 2, width_px // 2
    return (width_px, 0) if mode == "inner" else (0, width_px)


def disc(radius_px: int) -> Neighbours:
    """Give all pixels within a distance, shape (2 radius + 1, 2 radius + 1), uint8 of 0 and 1."""
    offsets = np.arange(-radius_px, radius_px + 1) ** 2
    return (offsets[:, None] + offsets <= radius_px**2).astype(np.uint8)


def signed_distance(label_map: LabelMap, *, limit_px: int = 64) -> Distances:
    """Measure how far the nearest pixel of another class is, and on which side.

    Positive where that pixel has the lower id (inside), negative where it has the higher (outside);
    where both are equally near, positive. Centres are at least 1 apart, so 0 is left for ignore.
    Where no change lies within ``limit_px`` the value is -limit for class 0 and +limit for others,
    as it must be in a 0/1 mask. So a value depends only on the pixels within the limit, and a crop
    has the values of the whole map except near its frame.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.
        limit_px: Distances are cut here, 1 to 4095.

    Returns:
        Shape (H, W), float32, -limit..limit; square roots of whole numbers, correctly rounded.

    Example:
        >>> signed_distance(np.array([[0, 0, 5, 5, 255]], dtype=np.uint8), limit_px=8)
        array([[-2., -1.,  1.,  2.,  0.]], dtype=float32)
    """
    label_map = check_label_map(label_map)
    check_limit(limit_px)
    # A rank is twice the squared distance, plus 1 towards a higher id: the least one wins
    ranks = (label_map == 0).astype(np.int32)
    ranks += 2 * limit_px**2 + 2  # above any rank within the limit
    _sweep(label_map, ranks, limit_px, False)
    _sweep(label_map, ranks, limit_px, True)
    distances: Distances = np.sqrt((ranks >> 1).astype(np.float32))
    np.minimum(distances, np.float32(limit_px), out=distances)
    np.negative(distances, out=distances, where=(ranks & 1).astype(np.bool_))
    distances[label_map == IGNORE] = 0
    return distances


def check_limit(limit_px: int) -> None:
    """Refuse a limit of distances outside 1..4095."""
    if not 1 <= limit_px <= MOST_LIMIT_PX:
        raise DatasetError(f"distances up to {limit_px} px, expected 1 to {MOST_LIMIT_PX}")


@compiled
def _sweep(label_map: LabelMap, ranks: Ranks, limit_px: int, upwards: bool) -> None:
    """Lower every rank to that of the nearest other class in the rows passed so far.

    Down and then up sees every row. Within a row, pixels of one class are taken together with the
    ignore pixels between them. The nearest change of each column is a parabola over the row, and
    what is wanted is their lower envelope (Felzenszwalb and Huttenlocher, 2012).
    """
    height, width = label_map.shape
    # Per column: the class seen last, its row, the last class before it that differs, its row
    seen = np.full((4, width), IGNORE, dtype=np.int64)
    parabolas = np.empty((3, width), dtype=np.int64)
    for number in range(height):
        y = height - 1 - number if upwards else number
        row = label_map[y]
        _note_row(seen, row, y)
        x = 0
        while x < width:
            value, left, right = row[x], x, x + 1
            if value == IGNORE:
                x += 1
                continue
            while left > 0 and row[left - 1] == IGNORE:
                left -= 1
            while right < width and (row[right] == value or row[right] == IGNORE):
                right += 1
            # The pixels just beyond both ends are of other classes and count as changes at hand
            columns = max(0, left - 1), min(width, right + 1)
            count = _envelope(parabolas, seen, columns, value, y, limit_px)
            best = 0
            for pixel in range(x, right if count else x):
                while best + 1 < count and parabolas[2, best + 1] <= pixel:
                    best += 1
                rank = 2 * (pixel - parabolas[0, best]) ** 2 + parabolas[1, best]
                if row[pixel] == value and rank < ranks[y, pixel]:
                    ranks[y, pixel] = rank
            x = right


@compiled
def _note_row(seen: NDArray[np.int64], row: LabelMap, y: int) -> None:
    for x in range(len(row)):
        if row[x] != IGNORE:
            if row[x] != seen[0, x]:
                seen[2, x], seen[3, x] = seen[0, x], seen[1, x]
                seen[0, x] = row[x]
            seen[1, x] = y


@compiled
def _envelope(
    parabolas: NDArray[np.int64],
    seen: NDArray[np.int64],
    columns: tuple[int, int],
    value: int,
    y: int,
    limit_px: int,
) -> int:
    """List the parabolas that are lowest somewhere: column, lowest rank, first pixel of each.

    Returns:
        How many there are.
    """
    count = 0
    for column in range(columns[0], columns[1]):
        which = 2 if seen[0, column] == value else 0
        rise = y - seen[which + 1, column]
        if seen[which, column] == IGNORE or abs(rise) > limit_px:
            continue
        lowest = 2 * rise * rise + (seen[which, column] > value)
        first = columns[0]
        while count > 0:
            # From which pixel on is the new one at least as low as the last one?
            last = count - 1
            gain = 2 * column**2 + lowest - 2 * parabolas[0, last] ** 2 - parabolas[1, last]
            first = -(-gain // (4 * (column - parabolas[0, last])))
            if first > parabolas[2, last]:
                break
            first = columns[0]
            count -= 1
        parabolas[0, count], parabolas[1, count], parabolas[2, count] = column, lowest, first
        count += 1
    return count
