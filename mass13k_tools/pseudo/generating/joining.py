"""Masks of all views of a photo become masks of its objects.

Three steps, each among masks of one class:

=====================================================  =============================================
masks                                                  what becomes of them
=====================================================  =============================================
of two tiles, each cut by the border towards the       one: their union. Scores are means, weighted
other, that agree where both tiles see (IoU from 0.5)  by area
of one object: IoU from 0.7                            the best stays: whole before cut, then of the
                                                       smaller view, which is finer, then by score
within a larger one by 80 % of its area                the larger stays, if its score is no worse or
                                                       the smaller one is cut
=====================================================  =============================================

A mask is *cut* if it reaches a border of its view that is none of the photo.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mass13k_tools.arrays import Mask
from mass13k_tools.pseudo.masks import Box, PseudoMask, pseudo_mask

AGREE_IOU, SAME_IOU, WITHIN_SHARE = 0.5, 0.7, 0.8
REACH = 0.01  # of a view's side: masks of networks end a little before its border


class Seen(NamedTuple):
    """A mask, in pixels of the photo, and where the network looked."""

    mask: PseudoMask
    view: Box


@dataclass(frozen=True, slots=True)
class _Object:
    mask: PseudoMask
    cut: bool
    view_area: int
    area_px: int

    @property
    def score(self) -> float:
        known = (self.mask.detector_score, self.mask.mask_score)
        return float(np.prod([score for score in known if score is not None]))


def joined_masks(seen: Sequence[Seen], size_hw: tuple[int, int]) -> tuple[PseudoMask, ...]:
    """Join what borders of tiles cut, and keep one mask of what was seen more than once.

    Args:
        seen: Masks of all views.
        size_hw: Of the photo, in pixels.

    Returns:
        One mask an object, the best scores first.
    """
    objects = [_joined(group, size_hw) for group in _groups(seen, size_hw)]
    best_first = sorted(objects, key=lambda one: (one.cut, one.view_area, -one.score))
    alone = _kept(best_first, _is_same)
    largest_first = sorted(alone, key=lambda one: -one.area_px)
    kept = _kept(largest_first, _is_within)
    _packed.cache_clear()
    # by place, too, so that equal scores come in one order
    kept.sort(key=lambda one: (-one.score, one.mask.box))
    return tuple(one.mask for one in kept)


def _groups(seen: Sequence[Seen], size_hw: tuple[int, int]) -> list[list[Seen]]:
    """Put pieces of one object together, also over more than two tiles."""
    leader = list(range(len(seen)))

    def first(number: int) -> int:
        while leader[number] != number:
            number = leader[number]
        return number

    for one, other in combinations(range(len(seen)), 2):
        if first(one) != first(other) and _are_pieces(seen[one], seen[other], size_hw):
            low, high = sorted((first(one), first(other)))
            leader[high] = low
    groups: dict[int, list[Seen]] = {}
    for number, each in enumerate(seen):
        groups.setdefault(first(number), []).append(each)
    return list(groups.values())


def _are_pieces(one: Seen, other: Seen, size_hw: tuple[int, int]) -> bool:
    """Say whether two masks are parts of one object that the border of a tile cuts."""
    shared = _common(one.view, other.view)
    if one.mask.class_name != other.mask.class_name or one.view == other.view or shared is None:
        return False
    if _common(one.mask.box, other.mask.box) is None:
        return False
    if not _is_cut(one, size_hw, within=shared) or not _is_cut(other, size_hw, within=shared):
        return False
    first, second = _pixels_in(one.mask, shared), _pixels_in(other.mask, shared)
    union = np.count_nonzero(first | second)
    return bool(union and np.count_nonzero(first & second) >= AGREE_IOU * union)


def _is_cut(seen: Seen, size_hw: tuple[int, int], *, within: Box) -> bool:
    """Say whether a mask reaches a side of its view that bounds some area of it, too."""
    for axis in (0, 1):
        start, length = seen.view[axis], seen.view[axis + 2]
        reach = max(1, round(REACH * length))
        mask_start, mask_stop = seen.mask.box[axis], seen.mask.box[axis] + seen.mask.box[axis + 2]
        if within[axis] == start != 0 and mask_start < start + reach:
            return True
        stop = start + length
        if within[axis] + within[axis + 2] == stop != size_hw[axis] and mask_stop > stop - reach:
            return True
    return False


def _joined(group: Sequence[Seen], size_hw: tuple[int, int]) -> _Object:
    view_area = max(seen.view.height * seen.view.width for seen in group)
    if len(group) == 1:
        (one,) = group
        return _Object(
            one.mask, _is_cut(one, size_hw, within=one.view), view_area, one.mask.area_px
        )
    masks = [seen.mask for seen in group]
    area = _around([mask.box for mask in masks])
    union = np.zeros((area.height, area.width), np.bool_)
    for mask in masks:
        union[_moved(mask.box, area).inside] |= mask.pixels
    weights = [mask.area_px for mask in masks]
    mask = pseudo_mask(
        union,
        corner_yx=(area.y, area.x),
        class_name=masks[0].class_name,
        mask_score=_mean([mask.mask_score for mask in masks], weights),
        detector_score=_mean([mask.detector_score for mask in masks], weights),
        source=masks[0].source,
    )
    return _Object(mask, False, view_area, mask.area_px)


def _mean(scores: Sequence[float | None], weights: Sequence[int]) -> float | None:
    known = [
        (score, weight) for score, weight in zip(scores, weights, strict=True) if score is not None
    ]
    if not known:
        return None
    total = sum(weight for _, weight in known)
    return min(1.0, sum(score * weight for score, weight in known) / total)


def _kept(objects: Iterable[_Object], beats: Callable[[_Object, _Object], bool]) -> list[_Object]:
    """Go through objects in order and drop those that an earlier one beats."""
    kept: list[_Object] = []
    for one in objects:
        rivals = (each for each in kept if each.mask.class_name == one.mask.class_name)
        if not any(beats(each, one) for each in rivals):
            kept.append(one)
    return kept


def _is_same(one: _Object, other: _Object) -> bool:
    areas = sorted((one.area_px, other.area_px))
    if areas[0] < SAME_IOU * areas[1]:  # not even if one lay in the other
        return False
    shared = _shared_px(one.mask, other.mask)
    return shared >= SAME_IOU * (sum(areas) - shared)


def _is_within(larger: _Object, one: _Object) -> bool:
    if not one.cut and larger.score < one.score:
        return False
    return _shared_px(larger.mask, one.mask) >= WITHIN_SHARE * one.area_px


def _shared_px(one: PseudoMask, other: PseudoMask) -> int:
    if _common(one.box, other.box) is None:
        return 0
    (place, bits), (other_place, other_bits) = _packed(one), _packed(other)
    area = _common(place, other_place)
    assert area is not None  # these boxes are no smaller
    both = bits[_moved(area, place).inside] & other_bits[_moved(area, other_place).inside]
    return int(np.bitwise_count(both).sum(dtype=np.int64))


@functools.lru_cache(maxsize=256)  # at most 400 MB of a 4K photo, were each mask all of it
def _packed(mask: PseudoMask) -> tuple[Box, NDArray[np.uint8]]:
    """Give a mask as bits, eight pixels of a row in a byte, with its box in rows and bytes."""
    before = mask.box.x % 8  # so that bytes of all masks lie on one grid
    bits = np.packbits(np.pad(mask.pixels, ((0, 0), (before, 0))), axis=1)
    return Box(mask.box.y, mask.box.x // 8, *bits.shape), bits


def _moved(area: Box, origin: Box) -> Box:
    return area._replace(y=area.y - origin.y, x=area.x - origin.x)


def _common(one: Box, other: Box) -> Box | None:
    y, x = max(one.y, other.y), max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - y
    width = min(one.x + one.width, other.x + other.width) - x
    return Box(y, x, height, width) if min(height, width) > 0 else None


def _around(boxes: Sequence[Box]) -> Box:
    y, x = min(box.y for box in boxes), min(box.x for box in boxes)
    stop_y, stop_x = (
        max(box.y + box.height for box in boxes),
        max(box.x + box.width for box in boxes),
    )
    return Box(y, x, stop_y - y, stop_x - x)


def _pixels_in(mask: PseudoMask, area: Box) -> Mask:
    """Give what an area of the photo has of a mask, shape (area.height, area.width)."""
    pixels = np.zeros((area.height, area.width), np.bool_)
    common = _common(mask.box, area)
    if common is not None:
        pixels[_moved(common, area).inside] = mask.pixels[_moved(common, mask.box).inside]
    return pixels
