"""Observations of readers, as small as a test needs them."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.autoscale.decision import Answer, Cause, Decision, Unknown
from headrace.autoscale.facts import Partition, Place
from headrace_lag.board import Board, Standing
from headrace_lag.lag import GroupLag, PartitionLag, Reader
from headrace_lag.rows import Count

READER = Reader("acme", "flights", "feature-engineering")
OTHER = Reader("acme", "flights", "lake")
STALE = 20.0
FIVE = Answer(5, Cause.UP, "more is needed")
NOBODY_KNOWS = Unknown(Cause.UNREAD, "the API server is away")


def partition(number: int, messages: int, rows: Count | None, seconds: float | None) -> PartitionLag:
    facts = Partition(
        place=Place("by.origin", number),
        topic_id="id",
        log_start=0,
        log_end=messages,
        committed=0,
        lag_rows=None if rows is None else rows.rows,
        arrival_rows_s=0.0,
    )
    return PartitionLag(facts, messages, rows, seconds)


def standing(decision: Decision = FIVE, *, at: float = 100.0, seconds: float | None = 1.5) -> Standing:
    """Two partitions: 3 messages of 30 rows, and 1 of 12, estimated."""
    parts = (
        partition(0, 3, Count(30.0, exact=True), seconds),
        partition(1, 1, Count(12.0, exact=False), 0.25),
    )
    return Standing(at, datetime(2026, 1, 2, 3, 4, 5, 678, UTC), GroupLag(parts, stable=True, members=2), decision)


def board(*readers: Reader) -> Board:
    made = Board(STALE, "/etc/headrace/pipelines")
    made.expect(readers or (READER, OTHER), {})
    return made
