"""Rows of a backlog from what was read of it: exact where all was read, an estimate where not, never a guess."""

from __future__ import annotations

import pytest
from headrace_lag.rows import MOST, Count, Ledger, Message
from headrace_lag.spots import SHORT, fill, head


def read(ledger: Ledger, first: int, *rows: int) -> None:
    """Messages with these rows, one after the other from an offset on, each a second later."""
    messages = [Message(first + place, count, 1000 * (first + place)) for place, count in enumerate(rows)]
    ledger.note(first, messages, first + len(rows))


def test_what_was_read_whole_is_exact() -> None:
    ledger = Ledger()
    read(ledger, 10, 5, 0, 7)
    assert ledger.rows_between(10, 13) == Count(12.0, exact=True)
    assert ledger.rows_between(11, 12) == Count(0.0, exact=True)


def test_what_was_not_read_counts_as_the_mean_of_the_rest_and_says_so() -> None:
    ledger = Ledger()
    read(ledger, 0, 10, 20)
    assert ledger.rows_between(0, 102) == Count(30.0 + 100 * 15.0, exact=False)


def test_nothing_read_is_nothing_known() -> None:
    assert Ledger().rows_between(0, 3) is None
    assert Ledger().rows_between(3, 3) == Count(0.0, exact=True)


def test_the_mean_outlives_the_messages() -> None:
    ledger = Ledger()
    read(ledger, 0, 10, 20)
    ledger.forget_below(2)
    assert ledger.known(0, 100) == 0
    assert ledger.rows_between(2, 4) == Count(30.0, exact=False)


def test_offsets_without_a_message_have_no_rows_and_the_time_of_the_next() -> None:
    # Given a transaction's marker or a compacted stretch at 4 and 5
    ledger = Ledger()
    ledger.note(4, [Message(6, 3, 6000)], 7)
    assert ledger.rows_between(4, 7) == Count(3.0, exact=True)
    assert ledger.time_at(4) == 6000


def test_a_marker_at_the_end_is_the_end() -> None:
    ledger = Ledger()
    ledger.note(4, [], 5)
    assert ledger.skip_empty(4) == 5
    assert ledger.skip_empty(3) == 3
    assert ledger.skip_empty(5) == 5


def test_memory_is_bounded_and_the_oldest_stay() -> None:
    ledger = Ledger()
    read(ledger, MOST, *[1] * (MOST + 10))
    read(ledger, 0, 9, 9, 9)
    assert ledger.known(0, 10 * MOST) == MOST
    assert ledger.rows_between(0, 3) == Count(27.0, exact=True)


def test_the_oldest_that_waits_is_read_first() -> None:
    ledger = Ledger()
    assert head(ledger, 5, 9) == 5
    read(ledger, 5, 1)
    assert head(ledger, 5, 9) is None
    assert head(ledger, 9, 9) is None


def test_a_short_backlog_is_read_in_order_until_it_is_whole() -> None:
    ledger = Ledger()
    spots: list[int] = []
    while (spot := fill(ledger, 0, 10)) is not None:
        spots.append(spot)
        read(ledger, spot, 1, 1, 1)
    assert spots == [0, 3, 6, 9]


@pytest.mark.parametrize("brings", [1, 3, 50])
def test_a_long_backlog_is_sampled_evenly_and_then_left(brings: int) -> None:
    ledger, end = Ledger(), 100 * SHORT
    spots: list[int] = []
    while (spot := fill(ledger, 0, end)) is not None:
        spots.append(spot)
        read(ledger, spot, *[1] * brings)
    assert 64 <= len(spots) * brings < 64 + brings
    quarters = {spot * 4 // end for spot in spots}
    assert quarters == {0, 1, 2, 3} or len(spots) < 4
