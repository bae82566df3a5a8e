"""Random label maps: few classes, ignore, odd sizes down to one pixel, stripes and specks."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

VALUES = (0, 1, 2, 254, 255)


@st.composite
def batches(draw, most=2):
    """Draw a batch of label maps of one size, shape (B, H, W), uint8."""
    shape = draw(st.tuples(st.integers(1, most), st.integers(1, 9), st.integers(1, 9)))
    values = st.sampled_from(draw(st.sampled_from([VALUES, (0, 1), (3, 255), (0, 0, 0, 0, 7)])))
    small = draw(arrays.arrays(np.uint8, shape, elements=values))
    # Repeated rows and columns: blocks and lines are likelier than in noise
    return small.repeat(draw(st.integers(1, 2)), axis=1).repeat(draw(st.integers(1, 3)), axis=2)


def label_maps():
    """Draw one label map, shape (H, W), uint8."""
    return batches(most=1).map(lambda batch: batch[0])
