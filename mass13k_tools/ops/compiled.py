"""Numba's compiler, with its cache where one can be written."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a loop over pixels on its first call.

    The machine code is cached beside the source or in the user's cache folder; where neither can be
    written, every process compiles again. Compiled loops let other threads run (no GIL).
    """
    try:
        jitted = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no folder that it may write to
        jitted = numba.njit(nogil=True)(function)
    return cast(Callable[Parameters, Result], jitted)
