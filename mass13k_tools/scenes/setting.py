"""What every painter is handed: the canvas, the eye, the light and the dice."""

from typing import NamedTuple

import numpy as np

from mass13k_tools.scenes.layers import Canvas
from mass13k_tools.scenes.light import Light
from mass13k_tools.scenes.view import View


class Setting(NamedTuple):
    """One scene in the making."""

    canvas: Canvas
    view: View
    light: Light
    rng: np.random.Generator
