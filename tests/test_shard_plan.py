"""Samples are dealt to shards evenly, and what no shard can hold is refused before any work."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mass13k_tools.classes import MASS13K
from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import Sample, find_dataset
from mass13k_tools.shards.plan import ShardSettings, check_keys, deal, parse_size, plan_shards
from mass13k_tools.shards.tar_reader import member_name

PLAIN = ShardSettings()


def plans_of(root, *, size=20_000, settings=PLAIN, taxonomy=MASS13K):
    samples = find_dataset(root).samples
    return plan_shards(samples, taxonomy, name="tiny", size_bytes=size, settings=settings)


def named(key, split="train"):
    return Sample(key, split, Path(f"/i/{key}.jpg"), Path(f"/l/{key}.png"))


@given(
    sizes=st.lists(st.integers(1, 10**6), min_size=1, max_size=40),
    size_bytes=st.integers(1, 4 * 10**6),
)
def test_every_sample_is_dealt_once_and_numbers_differ_by_one_at_most(sizes, size_bytes):
    samples = {named(f"{number:03}"): size for number, size in enumerate(sizes)}
    shards = deal(samples, size_bytes)
    assert sorted(sample.key for shard in shards for sample in shard) == [s.key for s in samples]
    counts = [len(shard) for shard in shards]
    assert max(counts) - min(counts) <= 1
    assert len(shards) == min(len(sizes), -(-sum(sizes) // size_bytes))


def test_bytes_are_balanced_too():
    samples = {named(f"{number:03}"): number % 10 + 1 for number in range(80)}
    filled = [sum(samples[sample] for sample in shard) for shard in deal(samples, 55)]
    assert len(filled) == 8
    assert max(filled) - min(filled) <= 2


def test_the_plan_depends_on_samples_and_settings_not_on_their_order(tiny_dataset):
    plans = plans_of(tiny_dataset)
    samples = find_dataset(tiny_dataset).samples
    again = plan_shards(
        samples[::-1], MASS13K, name="tiny", size_bytes=20_000, settings=ShardSettings()
    )
    assert {plan.name: plan for plan in plans} == {plan.name: plan for plan in again}
    assert [plan.name for plan in plans][:2] == ["tiny-train-000000", "tiny-val-000000"]


@pytest.mark.parametrize(
    "settings",
    [
        ShardSettings(copy=True),
        ShardSettings(edges=True),
        ShardSettings(order="shuffle"),
        ShardSettings(order="shuffle", seed=1),
    ],
)
def test_other_settings_give_other_digests(tiny_dataset, settings):
    plans, others = plans_of(tiny_dataset), plans_of(tiny_dataset, settings=settings)
    assert all(one.digest != other.digest for one, other in zip(plans, others, strict=True))


def test_other_classes_or_sources_give_other_digests(tiny_dataset):
    before = plans_of(tiny_dataset)
    lookup = (1, *MASS13K.lookup[1:])
    other = plans_of(tiny_dataset, taxonomy=replace(MASS13K, lookup=lookup))
    assert before[0].digest != other[0].digest
    path = before[0].samples[0].label_path
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    after = plans_of(tiny_dataset)
    assert [a.digest == b.digest for a, b in zip(before, after, strict=True)] == [0, 1, 1]


def test_a_shuffle_is_its_seeds_and_keeps_who_is_in_which_shard(tiny_dataset):
    def orders(seed):
        settings = ShardSettings(order="shuffle", seed=seed)
        (plan,) = [
            plan for plan in plans_of(tiny_dataset, settings=settings) if "train" in plan.name
        ]
        return tuple(sample.key for sample in plan.samples)

    assert orders(3) == orders(3)
    assert len({orders(seed) for seed in range(20)}) > 2
    assert len({frozenset(orders(seed)) for seed in range(20)}) == 1


@pytest.mark.parametrize("key", ["a.b", "a/b", "a\\b", "a\nb", "a\udcff", "", "a:b"])
def test_a_key_that_readers_would_cut_is_refused_by_name(key):
    with pytest.raises(DatasetError, match="which no shard can hold"):
        check_keys([named("fine"), replace(named("x"), key=key)])


@given(st.text(min_size=1, max_size=4))
@example("a:b")
@example("\u00e9:")
def test_every_key_that_is_written_is_one_that_is_read(key):
    try:
        check_keys([named(key)])
    except DatasetError:
        return
    assert member_name(f"{key}.label.png".encode()) == f"{key}.label.png"


def test_two_samples_of_one_key_are_refused_in_a_split_only():
    check_keys([named("a", "train"), named("a", "val")])
    with pytest.raises(DatasetError, match="two samples of 'train' have the key 'a'"):
        check_keys([named("a"), replace(named("a"), image_path=Path("/other/a.jpg"))])


def test_a_missing_file_is_named_before_any_work(tiny_dataset):
    samples = find_dataset(tiny_dataset).samples
    samples[2].image_path.unlink()
    with pytest.raises(DatasetError, match=samples[2].image_path.name):
        plan_shards(samples, MASS13K, name="x", size_bytes=1, settings=ShardSettings())


@pytest.mark.parametrize(
    ("text", "size"),
    [("1GB", 10**9), ("1 GiB", 2**30), ("500mb", 5 * 10**8), ("1048576", 2**20), ("7B", 7)],
)
def test_sizes_are_read_with_their_units(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "0", "-1GB", "1PB", "9999999TB", "0.1", "1e9", "1iB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(DatasetError, match="is no size"):
        parse_size(text)
