"""The order of an epoch: everything once, the same for everyone, from any position."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.order import (
    Share,
    Ticket,
    batches,
    epoch_order,
    sample_rng,
    step_starts,
    uneven_text,
)

counts = st.integers(1, 40)
small = st.integers(1, 5)
uneven = st.sampled_from(["drop", "pad"])


def tickets_of(count, share, *, position=0, seed=3, epoch=2):
    """List the tickets of a rank, batch by batch."""
    order = epoch_order(count, seed=seed, epoch=epoch)
    starts = step_starts(count, share, position=position)
    return list(batches(order, starts, share, seed=seed, epoch=epoch))


def all_ranks(count, batch_size, ranks, uneven="drop", **options):
    """List the tickets of all ranks, step by step."""
    by_rank = [
        tickets_of(
            count, Share(batch_size=batch_size, rank=rank, ranks=ranks, uneven=uneven), **options
        )
        for rank in range(ranks)
    ]
    assert len({len(steps) for steps in by_rank}) == 1  # all take as many steps
    return [[ticket for part in step for ticket in part] for step in zip(*by_rank, strict=True)]


@given(counts, small, small)
def test_dropping_gives_nobody_twice_and_leaves_less_than_a_step(count, batch_size, ranks):
    steps = all_ranks(count, batch_size, ranks)
    seen = [ticket.sample for step in steps for ticket in step]
    assert len(seen) == len(set(seen)) == count - count % (batch_size * ranks)
    assert set(seen) <= set(range(count))


@given(counts, small, small)
def test_padding_gives_everybody_and_less_than_a_step_of_them_again(count, batch_size, ranks):
    steps = all_ranks(count, batch_size, ranks, "pad")
    seen = [ticket.sample for step in steps for ticket in step]
    assert set(seen) == set(range(count))
    assert 0 <= len(seen) - count < batch_size * ranks
    order = epoch_order(count, seed=3, epoch=2).tolist()
    assert seen == [order[position % count] for position in range(len(seen))]
    positions = [ticket.position for step in steps for ticket in step]
    assert positions == list(range(len(seen)))  # so samples that come again are cropped anew


@given(counts, st.tuples(small, small), st.tuples(small, small), uneven, st.integers(0, 9))
def test_another_number_of_ranks_goes_on_where_the_first_stopped(
    count, first_cut, other_cut, uneven, done
):
    first = all_ranks(count, *first_cut, uneven)[:done]
    position = min(sum(map(len, first)), count)
    rest = all_ranks(count, *other_cut, uneven, position=position)
    seen = [ticket for step in [*first, *rest] for ticket in step][:count]
    alone = [ticket for step in all_ranks(count, 1, 1) for ticket in step]
    assert seen == alone[: len(seen)]
    if uneven == "pad":
        assert len(seen) == count


def test_orders_differ_by_seed_and_epoch_and_by_nothing_else():
    orders = [epoch_order(50, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    np.testing.assert_array_equal(epoch_order(50, seed=1, epoch=0), orders[2])


def test_random_numbers_differ_by_seed_epoch_position_and_attempt():
    numbers = [
        sample_rng(Ticket(seed, epoch, position, 0), attempt).random()
        for seed in (0, 1)
        for epoch in (0, 1)
        for position in (0, 1)
        for attempt in (0, 1)
    ]
    numbers += [
        np.random.default_rng([seed, epoch]).random() for seed in (0, 1) for epoch in (0, 1)
    ]
    assert len(set(numbers)) == 20
    first, second = (sample_rng(Ticket(4, 5, 6, sample)).random() for sample in (0, 1))
    assert first == second


def test_what_fills_no_step_is_told():
    share = Share(batch_size=2, ranks=2, uneven="pad")
    assert uneven_text(8, share) is None
    assert uneven_text(9, share) == (
        "the last 1 of 9 samples fill no step of 2 x 2; 3 samples from the epoch's beginning come "
        "again"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0, expected 1 or more"),
        ({"rank": 2, "ranks": 2}, "rank 2 of 2, expected 0 to 1"),
        ({"rank": -1}, "rank -1 of 1"),
        ({"uneven": "wrap"}, "uneven is 'wrap', expected 'drop' or 'pad'"),
    ],
)
def test_impossible_shares_are_refused(changes, message):
    with pytest.raises(DatasetError, match=message):
        Share(**{"batch_size": 1, **changes})
