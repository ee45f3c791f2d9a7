"""One partition over time: lag in three units, arrivals, and places that are not what they seem."""

from __future__ import annotations

import pytest
from headrace.autoscale.facts import Place
from headrace_lag.lag import GroupLag
from headrace_lag.rows import Count, Message
from headrace_lag.track import Extent, Track


def track(*, batches: bool = True, rows_per_message: int | None = None, start: int = 0, end: int = 0) -> Track:
    made = Track(Place("visits", 0), "id", rows_per_message=rows_per_message, batches=batches)
    made.extent = Extent(start, end)
    return made


def test_a_group_that_has_committed_nothing_has_everything_before_it() -> None:
    read = track(start=2, end=4)
    read.ledger.note(2, [Message(2, 5, 60_000), Message(3, 6, 61_000)], 4)
    lag = read.lag(None, now_ms=90_000)
    assert (lag.messages, lag.rows, lag.seconds) == (2, Count(11.0, exact=True), 30.0)
    assert lag.facts.committed is None


def test_nothing_that_waits_is_no_lag_and_needs_no_reading() -> None:
    read = track(end=9)
    lag = read.lag(9, now_ms=1.0)
    assert (lag.messages, lag.rows, lag.seconds) == (0, Count(0.0, exact=True), 0.0)


def test_an_age_that_was_not_read_is_not_known() -> None:
    lag = track(end=9).lag(3, now_ms=1.0)
    assert (lag.messages, lag.rows, lag.seconds, lag.facts.lag_rows) == (6, None, None, None)
    group = GroupLag((lag, track(end=1).lag(1, now_ms=1.0)), stable=True, members=1)
    assert (group.messages, group.rows, group.seconds) == (6, None, None)


def test_a_clock_ahead_of_ours_makes_no_negative_age() -> None:
    read = track(end=1)
    read.ledger.note(0, [Message(0, 1, 5000)], 1)
    assert read.lag(0, now_ms=1000).seconds == 0.0


@pytest.mark.parametrize(("per_message", "rows"), [(1, Count(7.0, exact=True)), (None, None)])
def test_records_of_producers_are_rows_only_where_their_format_says_so(
    per_message: int | None, rows: Count | None
) -> None:
    lag = track(batches=False, rows_per_message=per_message, end=10).lag(3, now_ms=1.0)
    assert (lag.rows, lag.messages) == (rows, 7)
    assert lag.facts.lag_rows == 7.0  # what a replica works is counted in records, then


def test_a_place_that_was_deleted_stays_in_the_facts() -> None:
    # The decision must see that records are gone; the lag counts what is left
    lag = track(start=5, end=8, batches=False, rows_per_message=1).lag(2, now_ms=1.0)
    assert (lag.messages, lag.facts.committed, lag.facts.log_start) == (3, 2, 5)


def test_a_marker_at_the_end_of_a_topic_is_no_lag() -> None:
    read = track(end=5, batches=False, rows_per_message=1)
    read.ledger.note(4, [], 5)
    lag = read.lag(4, now_ms=1.0)
    assert (lag.messages, lag.seconds, lag.facts.committed) == (0, 0.0, 5)


def test_arrivals_are_measured_over_the_last_looks() -> None:
    read = track(end=0, batches=False, rows_per_message=1)
    read.written(0.0)
    assert read.lag(0, 1.0).facts.arrival_rows_s is None  # one look is no rate
    for second in range(5, 105, 5):
        read.extent = Extent(0, 50 if second < 50 else second * 10)
        read.written(float(second))
    facts = read.lag(0, 1.0).facts
    assert facts.arrival_rows_s == pytest.approx(10.0)
    assert facts.written_rows == 1000


def test_one_new_message_is_read_even_when_nobody_is_behind() -> None:
    # Given a group that is always at the end, so that nothing ever waits
    read = track(end=8)
    assert read.spot([8]) == 7
    read.ledger.note(7, [Message(7, 3, 0)], 8)
    assert read.spot([8]) is None
    read.written(0.0)
    # When more was written and read meanwhile
    read.extent = Extent(0, 10)
    assert read.spot([10]) == 9


def test_the_oldest_of_each_group_is_read_before_rows_are_counted() -> None:
    read = track(end=10)
    read.ledger.note(2, [Message(2, 1, 0)], 3)
    assert read.spot([2, 6]) == 6
    read.ledger.note(6, [Message(6, 1, 0)], 7)
    assert read.spot([2, 6]) == 3
