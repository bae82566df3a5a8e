"""Merging against a pixel-by-pixel version, and what it promises of its counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.claims import FATES, Claim, MergeRules
from mass13k_tools.ops.merge import merge_claims, unmerged
from mass13k_tools.pseudo.choosing import MergeSettings, choose
from mass13k_tools.pseudo.masks import pseudo_mask

# pycocotools 2.0.11 decodes into arrays in a way that numpy 2 warns of

NEW = (7, 8)  # ids of new classes; 3 is one of an earlier merge, 0 is all else, 255 ignored
VALUES = np.array([0, 0, 0, 1, 3, 7, 255], np.uint8)


def drawn(seed, *, height, width, claims):
    """Draw a label map, what was merged into it before, and claims that overlap."""
    rng = np.random.default_rng(seed)
    label_map = rng.choice(VALUES, (height, width))
    locked = np.isin(label_map, (3, 7)) | ((label_map == 255) & (rng.random(label_map.shape) < 0.5))
    masks = []
    for _ in range(claims):
        mask = np.zeros(label_map.shape, bool)
        y, x = rng.integers(height), rng.integers(width)
        mask[y : y + rng.integers(1, height + 1), x : x + rng.integers(1, width + 1)] = True
        mask &= rng.random(mask.shape) < 0.9
        mask[y, x] = True
        masks.append(mask)
    ids = rng.choice(NEW, claims).tolist()
    return label_map, locked, masks, ids


def slow_merge(label_map, masks, ids, rules, locked):
    """Do the same pixel by pixel; gives label map, owners, fates by name and rings."""
    owners, ignored = np.zeros(label_map.shape, int), np.zeros(label_map.shape, bool)
    is_open = np.isin(label_map, rules.over) & ~locked
    fates = [dict.fromkeys(FATES, 0) for _ in masks]
    for place in np.ndindex(label_map.shape):
        wanting = [n for n, mask in enumerate(masks) if mask[place]]
        contested = rules.ignore_conflict and len({ids[n] for n in wanting}) > 1
        for n in wanting:
            value = label_map[place]
            if is_open[place]:
                same = ids[n] == ids[wanting[0]]
                fate = "added" if n == wanting[0] else "overlap" if same else "conflict"
                fate = "conflict" if contested else fate
            else:
                fate = slow_denial(value, ids[n], rules)
            fates[n][fate] += 1
        if is_open[place] and wanting:
            owners[place], ignored[place] = wanting[0] + 1, contested
    ring = [0] * len(masks)
    for n, place in slow_ring(masks, ids, rules.ignore_band_px, is_open):
        if not ignored[place]:
            ignored[place] = True
            if owners[place]:
                fates[owners[place] - 1]["added"] -= 1
                fates[owners[place] - 1]["ignored"] += 1
            elif label_map[place] != 255:
                owners[place] = n + 1
                ring[n] += 1
    new = np.where(ignored, 255, np.array([255, *ids])[owners])
    return np.where(owners > 0, new, label_map), owners, fates, ring


def slow_denial(value, class_id, rules):
    if value == class_id:
        return "standing"
    if value == 255:
        return "denied_ignore"
    return "denied_pseudo" if value in rules.pseudo else "denied_precise"


def slow_ring(masks, ids, width_px, is_open):
    """Give mask and place of all open pixels near the edge of what is claimed for a class."""
    for class_id in dict.fromkeys(ids) if width_px else ():
        numbers = [n for n, each in enumerate(ids) if each == class_id]
        covered = np.any([masks[n] for n in numbers], axis=0)
        for n in numbers:
            for place in map(tuple, np.argwhere(is_open)):
                inner = masks[n][place] and is_near(~covered, place, width_px)
                if inner or (not covered[place] and is_near(masks[n], place, width_px)):
                    yield n, place


def is_near(mask, place, reach_px):
    offsets = np.argwhere(mask) - place
    return bool((np.sum(offsets**2, axis=1) <= reach_px**2).any())


def claims_of(masks, ids):
    return [Claim(pseudo_mask(mask), class_id) for mask, class_id in zip(masks, ids, strict=True)]


rules_drawn = st.builds(
    MergeRules,
    over=st.sampled_from([(0,), (0, 1), (0, 255), (1,)]),
    pseudo=st.just((3, *NEW)),
    ignore_conflict=st.booleans(),
    ignore_band_px=st.integers(0, 3),
)
seeds, sides = st.integers(0, 2**32), st.integers(1, 9)


@settings(deadline=None, max_examples=60)
@given(seeds, sides, sides, st.integers(0, 5), rules_drawn)
def test_merging_is_what_it_is_pixel_by_pixel(seed, height, width, count, rules):
    label_map, locked, masks, ids = drawn(seed, height=height, width=width, claims=count)
    before = label_map.copy()
    merged = merge_claims(label_map, claims_of(masks, ids), rules, locked=locked)
    expected, owners, fates, ring = slow_merge(label_map, masks, ids, rules, locked)
    np.testing.assert_array_equal(label_map, before)  # arrays that come in stay as they are
    np.testing.assert_array_equal(merged.label_map, expected)
    np.testing.assert_array_equal(merged.owners, owners)
    assert [dict(zip(FATES, row, strict=True)) for row in merged.fates.tolist()] == fates
    assert merged.ring.tolist() == ring


@settings(deadline=None)
@given(seeds, sides, sides, st.integers(1, 5), rules_drawn)
def test_counts_add_up_and_only_open_pixels_change(seed, height, width, count, rules):
    label_map, locked, masks, ids = drawn(seed, height=height, width=width, claims=count)
    merged = merge_claims(label_map, claims_of(masks, ids), rules, locked=locked)
    assert merged.fates.sum(axis=1).tolist() == [int(mask.sum()) for mask in masks]
    changed = merged.label_map != label_map
    assert not changed[locked].any()
    assert np.isin(label_map[changed], rules.over).all()
    assert ((merged.owners > 0) | ~changed).all()
    for class_id in NEW:
        added = sum(row[0] for row, each in zip(merged.fates, ids, strict=True) if each == class_id)
        assert added == ((merged.label_map == class_id) & (merged.owners > 0)).sum()


@settings(deadline=None)
@given(seeds, sides, sides, st.integers(1, 5), rules_drawn)
def test_what_was_changed_becomes_what_it_was(seed, height, width, count, rules):
    label_map, locked, masks, ids = drawn(seed, height=height, width=width, claims=count)
    merged = merge_claims(label_map, claims_of(masks, ids), rules, locked=locked)
    provenance = np.where(merged.owners > 0, label_map, 99).astype(np.uint8)
    was = {value: value for value in rules.over}
    np.testing.assert_array_equal(unmerged(merged.label_map, provenance, was), label_map)


@settings(deadline=None, max_examples=50)
@given(seeds, sides, sides, st.integers(1, 5), rules_drawn)
def test_merging_again_into_what_came_out_changes_nothing(seed, height, width, count, rules):
    label_map, locked, masks, ids = drawn(seed, height=height, width=width, claims=count)
    claims = claims_of(masks, ids)
    once = merge_claims(label_map, claims, rules, locked=locked)
    twice = merge_claims(once.label_map, claims, rules, locked=locked | (once.owners > 0))
    np.testing.assert_array_equal(twice.label_map, once.label_map)
    assert not twice.owners.any() and not twice.fates[:, :4].any()


def test_a_line_drawn_by_a_precise_class_gets_no_ring():
    label_map = np.zeros((1, 12), np.uint8)
    label_map[0, 6:] = 2
    mask = np.zeros((1, 12), bool)
    mask[0, 3:9] = True  # reaches into the building, whose edge is precise
    rules = MergeRules(over=(0,), pseudo=(7,), ignore_band_px=1)
    merged = merge_claims(label_map, claims_of([mask], [7]), rules)
    assert merged.label_map.tolist() == [[0, 0, 255, 255, 7, 7, 2, 2, 2, 2, 2, 2]]


def test_the_frame_of_a_picture_is_no_edge():
    rules = MergeRules(over=(0,), pseudo=(7,), ignore_band_px=3)
    merged = merge_claims(
        np.zeros((4, 5), np.uint8), claims_of([np.ones((4, 5), bool)], [7]), rules
    )
    assert (merged.label_map == 7).all()


def test_a_mask_that_reaches_out_of_the_picture_is_refused():
    claims = claims_of([np.ones((3, 5), bool)], [7])
    with pytest.raises(DatasetError, match="another picture"):
        merge_claims(np.zeros((3, 4), np.uint8), claims, MergeRules(over=(0,), pseudo=(7,)))


def squares(*sides, **scores):
    """Make square masks; scores by name, one value for each."""
    rows = [dict(zip(scores, values, strict=True)) for values in zip(*scores.values(), strict=True)]
    return [
        pseudo_mask(np.ones((side, side), bool), class_name="car", **about)
        for side, about in zip(sides, rows or [{}] * len(sides), strict=True)
    ]


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        ("others-only", [0, 1, 2]),
        ("ignore-conflict", [0, 1, 2]),
        ("last", [2, 1, 0]),
        ("score", [1, 2, 0]),
        ("small-first", [1, 0, 2]),
        ("large-first", [2, 0, 1]),
        ("priority", [1, 2, 0]),
    ],
)
def test_policies_say_which_mask_comes_first(policy, order):
    masks = squares(3, 2, 4, mask_score=(None, 0.9, 0.5))
    choice = choose(masks, MergeSettings(("car",), policy))
    assert [wanted.number for wanted in choice.wanted] == order


def test_priority_goes_before_scores():
    masks = squares(1, 1, 1, mask_score=(0.9, 0.2, 0.8))
    masks[1:] = [
        pseudo_mask(np.ones((1, 1), bool), class_name="bus", mask_score=s) for s in (0.2, 0.8)
    ]
    settings = MergeSettings(("car", "bus"), "priority", priority=("bus",))
    assert [wanted.number for wanted in choose(masks, settings).wanted] == [2, 1, 0]


def test_what_is_too_weak_too_small_or_of_another_class_is_dropped_and_said():
    masks = squares(
        1, 3, 3, 3, mask_score=(0.9, 0.2, None, 0.9), detector_score=(0.9, 0.9, 0.9, 0.3)
    )
    masks.append(pseudo_mask(np.ones((9, 9), bool), class_name="Tram"))
    settings = MergeSettings(("car",), min_score=0.5, min_detector_score=0.4, min_area_px=2)
    choice = choose(masks, settings)
    assert choice.wanted == ()
    assert [tuple(row) for row in choice.dropped] == [
        (0, "area", "1 < 2"),
        (1, "mask-score", "0.2 < 0.5"),
        (2, "mask-score", "none < 0.5"),
        (3, "detector-score", "0.3 < 0.4"),
        (4, "class", "Tram"),
    ]


def test_names_lead_masks_to_classes_whatever_their_capitals():
    named = [pseudo_mask(np.ones((1, 1), bool), class_name=name) for name in ("Sedan", "CAR", None)]
    kept = choose(named, MergeSettings(("car",), names=(("sedan", "car"),))).wanted
    assert [wanted.number for wanted in kept] == [0, 1]
    kept = choose(named, MergeSettings(("car",), names=(("", "car"),))).wanted
    assert [wanted.number for wanted in kept] == [1, 2]


@pytest.mark.parametrize(
    ("classes", "about"),
    [
        ((), {}),
        (("car", "car"), {}),
        (("car",), {"priority": ("car",)}),
        (("car",), {"policy": "priority", "priority": ("bus",)}),
        (("car",), {"names": (("sedan", "bus"),)}),
        (("car",), {"min_score": float("nan")}),
    ],
)
def test_settings_that_contradict_themselves_are_refused(classes, about):
    with pytest.raises(DatasetError):
        MergeSettings(classes, **about)
