"""Masks of new classes into a label map, box by box: who gets which pixel, and why others do not.

A *claim* is a mask and the class that it wants its pixels to have. Claims come strongest first, so
a pixel stays with the first that reaches it. Only *open* pixels can be had at all: those of the
classes that the rules name, as long as no earlier merge has changed them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import IGNORE, Counts, LabelMap, Mask, check_label_map, size_text
from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.claims import FATES, Claim, MergeRules

ADDED, IGNORED, OVERLAP, CONFLICT, STANDING = range(5)
OPEN, PRECISE, PSEUDO, NOTHING = range(4)  # kinds of pixels before a merge
MOST_BAND_PX = 255
HAIR = 1e-3  # less than what lies between two distances up to there, more than float32 errs

Owners = NDArray[np.int32]  # (H, W) number of the claim that changed a pixel + 1, 0 = none


class Merged(NamedTuple):
    """What claims did to a label map."""

    label_map: LabelMap
    """The new one, shape (H, W), uint8."""
    owners: Owners
    """Who changed a pixel, shape (H, W), int32: number of the claim + 1, 0 = nobody."""
    fates: Counts
    """Pixels of each claim by ``FATES``, shape (claims, 8)."""
    ring: Counts
    """Pixels outside all claims of its class that became 255 around each, shape (claims,)."""


def merge_claims(
    label_map: LabelMap,
    claims: Sequence[Claim],
    rules: MergeRules,
    *,
    locked: Mask | None = None,
) -> Merged:
    """Give pixels to claims.

    Args:
        label_map: Class ids, shape (H, W), uint8, 255 = ignore; it is left as it is.
        claims: The strongest first; boxes inside the label map.
        rules: What they may take.
        locked: Pixels that an earlier merge changed, shape (H, W), bool: they never change again.

    Raises:
        DatasetError: A box reaches out of the label map.

    Example:
        >>> from types import SimpleNamespace as Box
        >>> row = Box(box=Box(inside=(slice(0, 1), slice(1, 4))), pixels=np.ones((1, 3), bool))
        >>> street = np.array([[0, 0, 0, 2]], dtype=np.uint8)
        >>> merged = merge_claims(street, [Claim(row, 7)], MergeRules(over=(0,), pseudo=(7,)))
        >>> merged.label_map, merged.fates[0, [ADDED, 5]]
        (array([[0, 7, 7, 2]], dtype=uint8), array([2, 1]))
    """
    label_map = check_label_map(label_map)
    state = _State(label_map, claims, rules, locked)
    contested = _contested(state) if rules.ignore_conflict else None
    for number in range(len(claims)):
        _take(state, number, contested)
    if rules.ignore_band_px:
        for class_id in dict.fromkeys(claim.class_id for claim in claims):
            _draw_rings(state, class_id)
    merged = label_map.copy()
    at = np.flatnonzero(state.owners)
    owners = state.owners.ravel()[at]
    merged.ravel()[at] = np.where(state.ignored.ravel()[at], IGNORE, state.class_ids[owners])
    return Merged(merged, state.owners, state.fates, state.ring)


def unmerged(label_map: LabelMap, provenance: LabelMap, was: Mapping[int, int]) -> LabelMap:
    """Give pixels back the values that they had before they were merged into.

    Args:
        label_map: Class ids, shape (H, W), uint8.
        provenance: Which source changed a pixel, shape (H, W), uint8, 0 = none.
        was: Of the sources that shall be undone: what their pixels were.

    Example:
        >>> unmerged(np.array([[7, 255, 8]], np.uint8), np.array([[1, 1, 2]], np.uint8), {1: 0})
        array([[0, 0, 8]], dtype=uint8)
    """
    numbers = np.array([*was], dtype=np.intp)
    values = np.zeros(256, dtype=np.uint8)
    values[numbers] = [*was.values()]
    undone = np.zeros(256, dtype=np.bool_)
    undone[numbers] = True
    return np.where(undone[provenance], values[provenance], check_label_map(label_map))


class _State:
    """What changes while claims are served, one after the other."""

    def __init__(
        self,
        label_map: LabelMap,
        claims: Sequence[Claim],
        rules: MergeRules,
        locked: Mask | None,
    ) -> None:
        self.label_map, self.claims, self.rules = label_map, claims, rules
        self.kinds = _kinds(label_map, rules, locked)
        self.owners: Owners = np.zeros(label_map.shape, dtype=np.int32)
        self.ignored: Mask = np.zeros(label_map.shape, dtype=np.bool_)
        self.class_ids = np.array([IGNORE, *(claim.class_id for claim in claims)], dtype=np.uint8)
        self.fates: Counts = np.zeros((len(claims), len(FATES)), dtype=np.int64)
        self.ring: Counts = np.zeros(len(claims), dtype=np.int64)


def _kinds(label_map: LabelMap, rules: MergeRules, locked: Mask | None) -> LabelMap:
    lookup = np.full(256, PRECISE, dtype=np.uint8)
    lookup[IGNORE] = NOTHING
    lookup[list(rules.pseudo)] = PSEUDO
    lookup[list(rules.over)] = OPEN
    kinds = np.asarray(cv2.LUT(label_map, lookup), dtype=np.uint8)
    if locked is not None:  # of open ones that can only be ignored pixels, see --over ignore
        kinds[locked & (kinds == OPEN)] = NOTHING
    return kinds


def _mask_of(state: _State, number: int) -> tuple[tuple[slice, slice], Mask]:
    inside, mask = state.claims[number].mask.box.inside, state.claims[number].mask.pixels
    if state.kinds[inside].shape != mask.shape:
        raise DatasetError(
            f"mask {number} is {size_text(mask.shape)} in a box of "
            f"{size_text(state.kinds[inside].shape)}; is it of another picture?"
        )
    return inside, mask


def _take(state: _State, number: int, contested: Mask | None) -> None:
    """Give a claim what is left of the pixels that it wants, and count the others."""
    inside, mask = _mask_of(state, number)
    class_id, fates, owners = state.claims[number].class_id, state.fates[number], state.owners
    kinds = np.bincount(state.kinds[inside][mask], minlength=4)
    fates[STANDING] = np.count_nonzero(state.label_map[inside][mask] == class_id)
    fates[STANDING + 1 :] = kinds[PRECISE], kinds[PSEUDO] - fates[STANDING], kinds[NOTHING]
    wanted = mask & (state.kinds[inside] == OPEN)
    free = wanted & (owners[inside] == 0)
    owners[inside][free] = number + 1
    if contested is not None:
        lost = wanted & contested[inside]
        state.ignored[inside][lost] = True
        fates[CONFLICT] = np.count_nonzero(lost)
        wanted &= ~lost
        free &= ~lost
    fates[ADDED] = np.count_nonzero(free)
    holders = state.class_ids[owners[inside][wanted & ~free]]
    fates[OVERLAP] = np.count_nonzero(holders == class_id)
    fates[CONFLICT] += len(holders) - fates[OVERLAP]


def _contested(state: _State) -> Mask:
    """Mark the open pixels that claims of several classes want, shape (H, W), bool."""
    latest = np.full(state.label_map.shape, IGNORE, dtype=np.uint8)
    contested: Mask = np.zeros(state.label_map.shape, dtype=np.bool_)
    for number, claim in enumerate(state.claims):
        inside, mask = _mask_of(state, number)
        wanted = mask & (state.kinds[inside] == OPEN)
        known = latest[inside]
        contested[inside] |= wanted & (known != IGNORE) & (known != claim.class_id)
        known[wanted] = claim.class_id
    return contested


def _draw_rings(state: _State, class_id: int) -> None:
    """Make open pixels near the edge of all that was claimed for a class 255.

    Where a mask was cut off by a precise class it has no edge: that line is precise, and stays.
    """
    covered: Mask = np.zeros(state.label_map.shape, dtype=np.bool_)
    numbers = [n for n, claim in enumerate(state.claims) if claim.class_id == class_id]
    for number in numbers:
        inside, mask = _mask_of(state, number)
        covered[inside] |= mask
    for number in numbers:
        _draw_ring(state, number, covered)


def _draw_ring(state: _State, number: int, covered: Mask) -> None:
    inside, mask = _mask_of(state, number)
    width = state.rules.ignore_band_px
    window, margins = _wider(inside, width, covered.shape)
    mask = np.pad(mask, margins)
    inner = mask & _within(covered[window], width)
    outer = ~covered[window] & _within(~mask, width)
    owners, ignored = state.owners[window], state.ignored[window]
    hit = (inner | outer) & (state.kinds[window] == OPEN) & ~ignored
    free = hit & (owners == 0) & (state.label_map[window] != IGNORE)
    taken = np.bincount(owners[hit], minlength=len(state.claims) + 1)[1:]
    state.fates[:, ADDED] -= taken
    state.fates[:, IGNORED] += taken
    state.ring[number] = np.count_nonzero(free)
    owners[free] = number + 1
    ignored |= hit


def _wider(
    inside: tuple[slice, slice], width: int, size_hw: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[tuple[int, int], tuple[int, int]]]:
    """Widen a box to all sides within a picture; also say by how much to each."""
    sides = []
    for part, size in zip(inside, size_hw, strict=True):
        start, stop = max(0, part.start - width), min(size, part.stop + width)
        sides.append((slice(start, stop), (part.start - start, stop - part.stop)))
    (rows, above_below), (columns, left_right) = sides
    return (rows, columns), (above_below, left_right)


def _within(mask: Mask, reach_px: int) -> Mask:
    """Mark pixels of a mask with one that is none within a Euclidean distance, and all others."""
    found = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found <= reach_px + HAIR, dtype=np.bool_)
