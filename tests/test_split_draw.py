"""Drawn splits keep captures together, approach their shares, and never move what was drawn."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mass13k_tools.errors import DatasetError
from mass13k_tools.splits.draw import (
    FRACTIONS,
    draw_splits,
    parse_fractions,
    read_statistics,
    strata_of,
)

KEYS = {f"k{number:05}": f"k{number:05}" for number in range(4000)}  # every key its own capture
CAPTURES = {f"k{number:05}": f"c{number // 7:04}" for number in range(4000)}


def split_of(lists: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {key: split for split, keys in lists.items() for key in keys}


def row(key: str, mipq: float | None = 10.0, **pixels: int) -> dict:
    return {"key": key, "split": "all", "mipq": mipq, "pixels": pixels}


def strata_by_class(captures: dict[str, str], *, water_every: int) -> dict[str, str]:
    """Let every n-th capture show water, the others not."""
    rows = [
        row(key, int(key[1:]) % 97, sky=5, water=int(int(capture[1:]) % water_every == 0))
        for key, capture in captures.items()
    ]
    return strata_of(rows, captures)


@pytest.mark.parametrize("strata", [None, strata_by_class(CAPTURES, water_every=10)])
def test_no_capture_is_in_two_splits_and_no_key_is_lost(strata):
    lists = draw_splits(CAPTURES, strata=strata)

    drawn = split_of(lists)
    assert sorted(drawn) == sorted(CAPTURES)
    assert sum(map(len, lists.values())) == len(CAPTURES)
    splits: dict[str, set[str]] = {}
    for key, capture in CAPTURES.items():
        splits.setdefault(capture, set()).add(drawn[key])
    assert all(len(some) == 1 for some in splits.values())


def test_many_keys_approach_the_fractions():
    counts = {split: len(keys) for split, keys in draw_splits(KEYS).items()}

    for split, share in FRACTIONS.items():
        assert counts[split] / len(KEYS) == pytest.approx(share, abs=0.02)


def test_same_seed_draws_the_same_and_another_seed_does_not():
    shuffled = dict(reversed(CAPTURES.items()))
    by_key = {key: key[-1] for key in CAPTURES}  # strata that cut through captures

    for strata in (None, by_key):
        first = draw_splits(CAPTURES, seed=5, strata=strata)
        assert draw_splits(shuffled, seed=5, strata=strata) == first
        assert draw_splits(CAPTURES, seed=6, strata=strata) != first


def test_place_of_a_capture_is_the_same_on_every_machine_and_in_every_version():
    lists = draw_splits({name: name for name in "abcdefghij"}, fractions={"x": 0.5, "y": 0.5})

    assert lists == {"x": ("b", "d", "f", "g", "h", "i", "j"), "y": ("a", "c", "e")}


@given(st.sets(st.text(max_size=4)), st.sets(st.text(max_size=4)), st.integers())
def test_hash_draw_moves_no_old_key_when_files_are_added(old, new, seed):
    before = split_of(draw_splits({key: key for key in old}, seed=seed))
    after = split_of(draw_splits({key: key for key in old | new}, seed=seed))

    assert {key: after[key] for key in old} == before


def test_balanced_draw_moves_no_old_key_when_the_old_lists_are_kept():
    old = {key: capture for key, capture in CAPTURES.items() if int(key[1:]) < 2001}
    before = split_of(draw_splits(old, strata=strata_by_class(old, water_every=10)))
    strata = strata_by_class(CAPTURES, water_every=10)

    lists = draw_splits(CAPTURES, strata=strata, kept=before)

    after = split_of(lists)
    assert {key: after[key] for key in old} == before
    assert after["k02001"] == before["k02000"]  # its capture was drawn before
    for split, share in FRACTIONS.items():  # kept captures count towards the quotas
        assert len(lists[split]) / len(CAPTURES) == pytest.approx(share, abs=0.005)


def test_without_old_lists_a_balanced_draw_moves_few_keys():
    old = {key: key for key in list(KEYS)[:-1]}
    before = split_of(draw_splits(old, strata=dict.fromkeys(old, "one")))

    after = split_of(draw_splits(KEYS, strata=dict.fromkeys(KEYS, "one")))

    assert sum(before[key] != after[key] for key in old) <= 2


def test_kept_keys_stay_in_splits_that_are_not_drawn_and_lost_keys_are_forgotten():
    kept = {"k00000": "extra", "gone": "lost"}

    for strata in (None, dict.fromkeys(KEYS, "one")):
        lists = draw_splits(KEYS, kept=kept, strata=strata)

        assert list(lists) == ["train", "val", "test", "extra"]
        assert lists["extra"] == ("k00000",)
        assert sum(map(len, lists.values())) == len(KEYS)


def test_balanced_draw_makes_up_for_what_is_kept():
    kept = dict.fromkeys(list(KEYS)[:300], "test")

    lists = draw_splits(KEYS, kept=kept, strata=dict.fromkeys(KEYS, "one"))

    assert {split: len(keys) for split, keys in lists.items()} == {
        "train": 3400,
        "val": 160,
        "test": 440,
    }


def test_split_that_has_too_much_already_gets_nothing_more():
    captures = {key: key for key in "abcdefghij"}

    lists = draw_splits(
        captures,
        fractions={"train": 0.5, "val": 0.25, "test": 0.25},
        kept=dict.fromkeys("abcde", "val"),
        strata=dict.fromkeys(captures, "one"),
    )

    assert lists["val"] == tuple("abcde")
    assert (len(lists["train"]), len(lists["test"])) in {(3, 2), (4, 1)}  # of 3.3 and 1.7


def test_over_many_seeds_every_stratum_gets_its_share_of_every_split():
    sizes = {"a": 3, "b": 3, "c": 19, "d": 90}
    strata = {f"{name}{n}": name for name, size in sizes.items() for n in range(size)}
    drawn = Counter()
    for seed in range(400):
        lists = draw_splits({key: key for key in strata}, strata=strata, seed=seed)
        drawn.update((strata[key], split) for split, keys in lists.items() for key in keys)
    for name, size in sizes.items():
        for split, share in FRACTIONS.items():
            assert drawn[name, split] / 400 == pytest.approx(share * size, abs=0.3)


def test_captures_are_shared_out_whole():
    captures = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    fractions = {"train": 0.6, "test": 0.4}

    lists = draw_splits(captures, fractions=fractions, strata=dict.fromkeys(captures, "one"))

    assert {split: len(keys) for split, keys in lists.items()} == {"train": 2, "test": 2}


def test_new_key_follows_most_of_its_capture():
    captures = dict.fromkeys("abcd", "one")

    lists = draw_splits(captures, kept={"a": "val", "b": "test", "c": "test"})

    assert lists == {"train": (), "val": ("a",), "test": ("b", "c", "d")}


def test_balanced_draw_shares_out_a_rare_class():
    strata = strata_by_class(CAPTURES, water_every=20)
    water = {key for key, stratum in strata.items() if stratum.startswith("water/")}
    assert len(water) == 203

    lists = draw_splits(CAPTURES, strata=strata)

    for split, share in FRACTIONS.items():
        rare = len(water & set(lists[split]))
        assert rare == pytest.approx(share * len(water), abs=7)  # captures have 7 keys
        assert rare > 0
        assert len(lists[split]) == pytest.approx(share * len(CAPTURES), abs=7)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_balanced_draw_keeps_the_shares_over_many_small_strata(sizes):
    keys = [f"{name}_{number}" for name, size in enumerate(sizes) for number in range(size)]
    strata = {key: key.partition("_")[0] for key in keys}

    lists = draw_splits({key: key for key in keys}, strata=strata)

    for split, share in FRACTIONS.items():
        assert abs(len(lists[split]) - share * len(keys)) <= 2


def test_stratum_is_the_rarest_class_and_the_third_of_complexity():
    statistics = [
        row("a", 1.0, sky=9, water=1),
        row("b", 2.0, sky=9, water=0),
        row("c", 3.0, sky=9, person=4),
        row("d", 4.0, sky=9, person=4),
        row("e", None),
    ]
    captures = {key: key for key in "abcde"}

    assert strata_of(statistics, captures) == {
        "a": "water/0",
        "b": "sky/1",
        "c": "person/1",
        "d": "person/2",
        "e": "/0",
    }


def test_keys_of_one_capture_have_one_stratum():
    statistics = [row("a", 1.0, sky=9), row("b", 9.0, water=9), row("c", 4.0, sky=1)]

    strata = strata_of(statistics, {"a": "one", "b": "one", "c": "two"})

    assert strata["a"] == strata["b"]


def test_key_without_statistics_is_an_error():
    with pytest.raises(DatasetError, match="1 keys have no statistics, such as 'b'"):
        strata_of([row("a")], {"a": "a", "b": "b"})


@pytest.mark.parametrize("fractions", [{"train": 0.9}, {"train": 1.5, "val": -0.5}])
def test_fractions_that_are_no_shares_are_an_error(fractions):
    with pytest.raises(DatasetError, match="expected shares of at least 0 that sum to 1"):
        draw_splits(KEYS, fractions=fractions)


def test_split_of_fraction_zero_stays_empty():
    assert draw_splits(KEYS, fractions={"train": 0.5, "val": 0.0, "test": 0.5})["val"] == ()


@pytest.mark.parametrize("text", ["0.5,0.5", "a,b,c", ""])
def test_fractions_that_are_no_three_numbers_are_an_error(text):
    with pytest.raises(DatasetError, match="expected three numbers"):
        parse_fractions(text)


def test_statistics_are_read_from_the_output_of_stats(tmp_path):
    path = tmp_path / "stats.json"
    path.write_text(json.dumps({"dataset": {}, "images": [row("a", sky=3)]}))

    assert read_statistics(path) == [row("a", sky=3)]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", '{"images": [{"key": "a"}]}', '{"images": 3}', 9999 * "["),
        '{"images": [{"key": "a", "mipq": "x", "pixels": {}}]}',
        '{"images": [{"key": "a", "mipq": NaN, "pixels": {}}]}',
        '{"images": [{"key": "a", "mipq": 1, "pixels": null}]}',
        '{"images": [{"key": [1], "mipq": 1, "pixels": {}}]}',
    ],
)
def test_file_that_holds_no_statistics_is_an_error(tmp_path, text):
    (tmp_path / "stats.json").write_text(text)

    with pytest.raises(DatasetError, match="expected the output of 'mass13k stats --json'"):
        read_statistics(tmp_path / "stats.json")
    with pytest.raises(DatasetError, match="No such file"):
        read_statistics(tmp_path / "missing.json")
