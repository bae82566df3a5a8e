"""Where one class meets another."""

import numpy as np

from mass13k_tools.arrays import IGNORE, LabelMap, Mask, check_label_map


def edge_map(label_map: LabelMap) -> Mask:
    """Mark every pixel that shares a side with a pixel of another class.

    Ignore pixels are no class: they are never marked, nor is a pixel marked for touching one.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore.

    Returns:
        Shape (H, W), bool. Both sides of a class change are True, so a line is 2 px wide.

    Example:
        >>> label_map = np.array([[0, 0, 5, 5],
        ...                       [0, 0, 5, 255]], dtype=np.uint8)
        >>> edge_map(label_map).astype(int)
        array([[0, 1, 1, 0],
               [0, 1, 1, 0]])
    """
    label_map = check_label_map(label_map)
    valid = label_map != IGNORE
    edges = np.zeros(label_map.shape, dtype=np.bool_)
    for one, other in (
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),  # above, below
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),  # left, right
    ):
        change = (label_map[one] != label_map[other]) & valid[one] & valid[other]
        edges[one] |= change
        edges[other] |= change
    return edges
