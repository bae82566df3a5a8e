"""Anti-aliased shapes, painted straight into colours and class shares.

Pixel (row, column) covers the square from (column, row) to (column + 1, row + 1); every point is
(x, y) in these coordinates. A shape of coverage ``a`` takes ``a`` of a pixel's colour and ``a`` of
its class shares, so that colours and labels always agree.
"""

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.ops.compiled import compiled

Rows = NDArray[np.float32]
"""One shape a row."""
Pixels = NDArray[np.float32]
"""(H, W, 3) linear light, RGB."""
Shares = NDArray[np.uint16]
"""(H, W, classes) parts of a pixel that each class covers, 65535 = all of it."""

WHOLE = 65535
SCANLINES = 5  # per pixel row of a polygon; across, coverage is exact


@compiled
def _blend(
    rgb: Pixels,
    shares: Shares,
    pixel: tuple[int, int],
    colour: tuple[float, float, float],
    alpha: float,
    which: int,
) -> None:
    y, x = pixel
    if alpha > 0.999:
        for channel in range(3):
            rgb[y, x, channel] = colour[channel]
        for other in range(shares.shape[2]):
            shares[y, x, other] = 0
        shares[y, x, which] = WHOLE
        return
    kept = np.float32(1.0 - alpha)
    for channel in range(3):
        rgb[y, x, channel] = rgb[y, x, channel] * kept + np.float32(colour[channel] * alpha)
    rest, left = int(65536 * kept), WHOLE
    for other in range(shares.shape[2]):
        if other != which:
            share = (int(shares[y, x, other]) * rest) >> 16
            shares[y, x, other] = share
            left -= share
    shares[y, x, which] = left


@compiled
def paint_field(
    rgb: Pixels,
    shares: Shares,
    which: int,
    corner_yx: tuple[int, int],
    coverage: NDArray[np.float32],
    colour: Pixels,
) -> None:
    """Paint a box of coverage (h, w) in 0..1 and colour (h, w, 3) whose top left pixel is given."""
    top, left = corner_yx
    for row in range(max(0, -top), min(coverage.shape[0], rgb.shape[0] - top)):
        for column in range(max(0, -left), min(coverage.shape[1], rgb.shape[1] - left)):
            alpha = coverage[row, column]
            if alpha > 0:
                here = colour[row, column]
                pixel = (top + row, left + column)
                _blend(rgb, shares, pixel, (here[0], here[1], here[2]), min(alpha, 1.0), which)


@compiled
def _stroke_span(stroke: Rows, y: float, reach: float, width: int) -> tuple[int, int]:
    """Columns that a stroke can touch in the pixel row centred at y."""
    start, stop = 0.0, 1.0
    rise = stroke[4] - stroke[1]
    if abs(rise) > 1e-3:
        one = (y - reach - stroke[1]) / rise
        two = (y + reach - stroke[1]) / rise
        start, stop = max(0.0, min(one, two)), min(1.0, max(one, two))
        if start > stop:
            start, stop = (0.0, 0.0) if start > 1 or stop < 0 else (stop, start)
            start, stop = max(0.0, start), min(1.0, stop)
    one = stroke[0] + (stroke[3] - stroke[0]) * start
    two = stroke[0] + (stroke[3] - stroke[0]) * stop
    first = int(np.floor(min(one, two) - reach))
    last = int(np.ceil(max(one, two) + reach))
    return max(0, first), min(width, last)


@compiled
def paint_strokes(rgb: Pixels, shares: Shares, which: int, strokes: Rows) -> None:
    """Paint tapered lines.

    A row holds x0, y0, radius0, x1, y1, radius1, red, green, blue, roundness, cap. Roundness
    lightens the side towards +x (or towards -x if negative); cap 1 gives round ends, cap 0 cuts
    them straight so that the pieces of a thin line do not overlap.
    """
    height, width = rgb.shape[:2]
    for number in range(strokes.shape[0]):
        s = strokes[number]
        dx, dy = s[3] - s[0], s[4] - s[1]
        length2 = max(dx * dx + dy * dy, np.float32(1e-6))
        reach = max(s[2], s[5]) + 0.8
        first = max(0, int(np.floor(min(s[1], s[4]) - reach)))
        last = min(height, int(np.ceil(max(s[1], s[4]) + reach)))
        for y in range(first, last):
            left, right = _stroke_span(s, y + 0.5, reach, width)
            for x in range(left, right):
                px, py = x + 0.5 - s[0], y + 0.5 - s[1]
                along = (px * dx + py * dy) / length2
                if s[10] == 0 and (along < 0 or along >= 1):
                    continue
                along = min(max(along, 0.0), 1.0)
                ox, oy = px - dx * along, py - dy * along
                away = np.sqrt(ox * ox + oy * oy)
                radius = s[2] + (s[5] - s[2]) * along
                alpha = min(0.5, away + radius) - max(-0.5, away - radius)
                if alpha > 0:
                    lit = 1.0 + s[9] * min(1.0, max(-1.0, ox / max(radius, 0.5)))
                    colour = (s[6] * lit, s[7] * lit, s[8] * lit)
                    _blend(rgb, shares, (y, x), colour, min(alpha, 1.0), which)


@compiled
def _leaf_span(cos: float, sin: float, py: float, half: float, wide: float) -> tuple[float, float]:
    """Where a pixel row, py below a leaf's middle, can meet it: its box turned by the angle."""
    first, last = -half - wide, half + wide
    if abs(cos) > 0.05:
        one, two = (-half - py * sin) / cos, (half - py * sin) / cos
        first, last = max(first, min(one, two)), min(last, max(one, two))
    if abs(sin) > 0.05:
        one, two = (py * cos - wide) / sin, (py * cos + wide) / sin
        first, last = max(first, min(one, two)), min(last, max(one, two))
    return first, last


@compiled
def paint_leaves(rgb: Pixels, shares: Shares, which: int, leaves: Rows) -> None:
    """Paint pointed leaves, lighter on one side of the midrib.

    A row holds x, y, half length, half width, angle, red, green, blue.
    """
    height, width = rgb.shape[:2]
    for number in range(leaves.shape[0]):
        leaf = leaves[number]
        half, wide = leaf[2], max(leaf[3], np.float32(0.3))
        cos, sin = np.cos(leaf[4]), np.sin(leaf[4])
        shrink, solid = 1 / half, min(1.0, 2.0 * wide)
        light = (leaf[5] * 1.08, leaf[6] * 1.08, leaf[7] * 1.08)
        dark = (leaf[5] * 0.92, leaf[6] * 0.92, leaf[7] * 0.92)
        reach = abs(sin) * half + abs(cos) * wide + 0.7
        for y in range(max(0, int(leaf[1] - reach)), min(height, int(leaf[1] + reach) + 1)):
            py = y + 0.5 - leaf[1]
            first, last = _leaf_span(cos, sin, py, half + 0.7, wide + 0.7)
            left = max(0, int(np.floor(leaf[0] + first - 0.5)))
            for x in range(left, min(width, int(np.ceil(leaf[0] + last)) + 1)):
                px = x + 0.5 - leaf[0]
                along = (px * cos + py * sin) * shrink
                across = py * cos - px * sin
                inside = wide * (1 - along * along) - abs(across)
                steep = 2 * wide * along * shrink
                if inside < -0.5 * (1 + abs(steep)):
                    continue
                alpha = solid
                if inside < 0.5 * (1 + abs(steep)):  # at the rim
                    alpha = min(solid, 0.5 + inside / np.sqrt(1 + steep * steep))
                if alpha > 0:
                    colour = light if across < 0 else dark
                    _blend(rgb, shares, (y, x), colour, alpha, which)


@compiled
def fill_polygon(points: Rows, coverage: NDArray[np.float32]) -> None:
    """Add the coverage of a polygon (N, 2) of x, y to a box (h, w) of zeros; even-odd rule."""
    height, width = coverage.shape
    crossings = np.empty(len(points), np.float32)
    for line in range(height * SCANLINES):
        y = (line + 0.5) / SCANLINES
        count = 0
        for corner in range(len(points)):
            x0, y0 = points[corner - 1]
            x1, y1 = points[corner]
            if (y0 <= y) != (y1 <= y):
                crossings[count] = x0 + (x1 - x0) * (y - y0) / (y1 - y0)
                count += 1
        ordered = np.sort(crossings[:count])
        for pair in range(count // 2):
            start = min(max(ordered[2 * pair], 0.0), float(width))
            stop = min(max(ordered[2 * pair + 1], 0.0), float(width))
            for x in range(int(start), min(width, int(np.ceil(stop)))):
                coverage[line // SCANLINES, x] += (
                    max(0.0, min(stop, x + 1.0) - max(start, float(x))) / SCANLINES
                )


@compiled
def largest_share(shares: Shares, ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Name the class that covers most of each pixel; the first of equals."""
    height, width, classes = shares.shape
    label_map = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            best = 0
            for which in range(1, classes):
                if shares[y, x, which] > shares[y, x, best]:
                    best = which
            label_map[y, x] = ids[best]
    return label_map
