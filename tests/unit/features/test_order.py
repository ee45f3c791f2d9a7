"""The order rule of a merged log, held against a slow model that anyone can read."""

from __future__ import annotations

import heapq
import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from headrace.contract.errors import SnapshotError
from headrace.features.order import EventOrder, LogMessage, Released
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEMA = pa.schema(
    [
        pa.field("_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("_stream", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("_partition", pa.int32(), nullable=False),
        pa.field("_offset", pa.int64(), nullable=False),
        pa.field("_row", pa.int32(), nullable=False),
    ]
)
ORIGINS = ("a/0", "a/1", "b/0")
ROOMY = 10**6

Row = tuple[int, str, int, int, int]  # event time and identity: what decides the order


def table(rows: list[Row]) -> pa.Table:
    records = [
        {"_time": time, "_stream": stream, "value": float(row), "_partition": part, "_offset": offset, "_row": row}
        for time, stream, part, offset, row in rows
    ]
    return pa.Table.from_pylist(records, schema=SCHEMA)


def listed(released: Released) -> list[tuple[Row, int]]:
    rows = released.rows.set_column(0, "_time", released.rows["_time"].cast(pa.int64())).to_pylist()
    keys = [(row["_time"], row["_stream"], row["_partition"], row["_offset"], row["_row"]) for row in rows]
    assert [row["value"] for row in rows] == [float(row["_row"]) for row in rows], "a row keeps its other columns"
    return list(zip(keys, released.caused_by.tolist(), strict=True))


def at(*times: int, stream: str = "a", offset: int = 0) -> pa.Table:
    return table([(time, stream, 0, offset, number) for number, time in enumerate(times)])


def times(released: Released) -> list[int]:
    return [row[0] for row, _ in listed(released)]


class SlowOrder:
    """The rule as one would tell it: a heap, one message at a time."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.time: dict[str, int | None] = dict.fromkeys(ORIGINS)
        self.behind = dict.fromkeys(ORIGINS, True)
        self.heap: list[Row] = []
        self.applied: int | None = None
        self.late = self.forced = 0

    def push(
        self, offset: int, origin: str, rows: list[Row], progress: int | None, behind: bool
    ) -> list[tuple[Row, int]]:
        for row in rows:
            heapq.heappush(self.heap, row)
        old = self.time[origin]
        if progress is not None:
            self.time[origin] = progress if old is None else max(old, progress)
        self.behind[origin] = behind
        holding = [self.time[name] for name in ORIGINS if self.behind[name]]
        out: list[Row] = []
        while self.heap and all(time is not None and self.heap[0][0] <= time for time in holding):
            out.append(heapq.heappop(self.heap))
        while len(self.heap) > self.bound:
            out.append(heapq.heappop(self.heap))
            self.forced += 1
        for row in out:
            self.late += self.applied is not None and row[0] < self.applied
            self.applied = row[0] if self.applied is None else max(self.applied, row[0])
        return [(row, offset) for row in out]


Told = tuple[int, str, list[Row], int | None, bool]


@st.composite
def logs(draw: st.DrawFn) -> list[Told]:
    """A log of up to 17 messages with small times, so that ties, late rows and falls of the limit are frequent.

    Every other log begins with all origins at their ends without a row: else few ever come to release anything.
    """
    shapes = st.tuples(
        st.integers(1, 3),
        st.sampled_from(ORIGINS),
        st.lists(st.tuples(st.integers(-3, 20), st.sampled_from(["a", "b", "ü"]), st.integers(0, 1)), max_size=4),
        st.none() | st.integers(-3, 20),
        st.booleans(),
    )
    log: list[Told] = [(n, origin, [], None, False) for n, origin in enumerate(ORIGINS)] if draw(st.booleans()) else []
    offset = len(log)
    for gap, origin, rows, progress, behind in draw(st.lists(shapes, max_size=14)):
        offset += gap
        # Identities run against the log's order now and then: only the order of identities may count.
        identified = [
            (time, name, part, 1000 - offset * part, number) for number, (time, name, part) in enumerate(rows)
        ]
        log.append((offset, origin, identified, progress, behind))
    return log


def message(told: Told) -> LogMessage:
    offset, origin, rows, progress, behind = told
    return LogMessage(offset, origin, progress, behind, table(rows) if rows else None)


@settings(deadline=None, derandomize=True, max_examples=600)
@given(logs(), st.sampled_from([0, 1, 3, ROOMY]), st.lists(st.integers(0, 17), max_size=4), st.booleans())
def test_any_cuts_and_restarts_equal_the_slow_model(
    log: list[Told], bound: int, cuts: list[int], restart: bool
) -> None:
    # Given the slow model, fed one message at a time
    slow = SlowOrder(bound)
    expected = [pair for told in log for pair in slow.push(*told)]
    # When the same log is pushed in any cuts, from a snapshot after each if so drawn
    order = EventOrder(ORIGINS, SCHEMA, bound)
    edges = [0, *sorted(min(cut, len(log)) for cut in cuts), len(log)]
    got: list[tuple[Row, int]] = []
    for begin, end in pairwise(edges):
        got += listed(order.push([message(told) for told in log[begin:end]]))
        if restart:
            scalars, waiting = order.snapshot()
            order = EventOrder(ORIGINS, SCHEMA, bound)
            order.restore(json.loads(json.dumps(scalars)), waiting)
    # Then rows, order, causes and counters are the same
    assert got == expected
    assert (order.late, order.forced, order.waiting) == (slow.late, slow.forced, len(slow.heap))
    caused = np.array([cause for _, cause in got])
    assert (np.diff(caused) >= 0).all()
    assert listed(Released(order.snapshot()[1], np.zeros(order.waiting, np.int64))) == [
        (row, 0) for row in sorted(slow.heap)
    ]


def test_rows_wait_for_an_origin_that_nobody_has_heard_of() -> None:
    order = EventOrder(["a", "b"], SCHEMA, ROOMY)
    assert times(order.push([LogMessage(0, "a", 50, False, at(10, 50))])) == []
    assert (order.behind, order.watermark()) == (True, None), "b may still bring anything"
    # When a message without rows says that b has come to 20, those rows go
    released = order.push([LogMessage(1, "b", 20, True)])
    assert times(released) == [10]
    assert released.caused_by.tolist() == [1]
    assert order.watermark() == 20
    # When b has read its input to the end, nobody waits
    assert times(order.push([LogMessage(2, "b", None, False)])) == [50]
    assert (order.behind, order.watermark()) == (False, 50)


def test_a_current_stream_does_not_wait_and_its_late_rows_are_counted() -> None:
    order = EventOrder(["a"], SCHEMA, ROOMY)
    assert times(order.push([LogMessage(0, "a", 30, False, at(30)), LogMessage(1, "a", 30, False, at(20))])) == [30, 20]
    assert (order.late, order.forced) == (1, 0)


def test_the_limit_falls_when_an_origin_goes_back_to_behind() -> None:
    order = EventOrder(["a", "b"], SCHEMA, ROOMY)
    log = [
        LogMessage(0, "b", 5, False),
        LogMessage(1, "a", 40, True, at(10, 40)),
        LogMessage(2, "b", 5, True),
        LogMessage(3, "a", 60, True, at(12, offset=3)),
        LogMessage(4, "b", 20, True),
    ]
    released = order.push(log)
    assert times(released) == [10, 40, 12]
    assert released.caused_by.tolist() == [1, 1, 4]


def test_the_limit_falls_to_nothing_when_an_origin_without_a_time_goes_back_to_behind() -> None:
    order = EventOrder(["a", "b"], SCHEMA, ROOMY)
    # Given b, which was at its end before it had a row
    order.push([LogMessage(0, "b", None, False)])
    # When, in one push, a row of a is due and b then has something before it knows of what time
    log = [
        LogMessage(1, "a", 40, True, at(10, 50)),
        LogMessage(2, "b", None, True),
        LogMessage(3, "b", 20, True),
    ]
    # Then the row goes with the message that released it, as it does when the messages come one at a time
    released = order.push(log)
    assert times(released) == [10]
    assert released.caused_by.tolist() == [1]


def test_past_the_bound_the_oldest_rows_go_and_are_counted() -> None:
    order = EventOrder(["a"], SCHEMA, bound=2)
    released = order.push([LogMessage(0, "a", None, True, at(5, 1, 4, 9))])
    assert times(released) == [1, 4]
    assert (order.forced, order.waiting, order.late) == (2, 2, 0)
    assert order.watermark() == 4, "what was applied is all it can claim"


def test_pushing_nothing_changes_nothing() -> None:
    order = EventOrder(["a"], SCHEMA, ROOMY)
    released = order.push([])
    assert released.rows.schema.equals(SCHEMA)
    assert (released.rows.num_rows, len(released.caused_by)) == (0, 0)


def test_a_snapshot_of_another_plan_is_refused() -> None:
    scalars, waiting = EventOrder(["a"], SCHEMA, ROOMY).snapshot()
    with pytest.raises(SnapshotError, match="planned origins"):
        EventOrder(["a", "b"], SCHEMA, ROOMY).restore(scalars, waiting)
    with pytest.raises(SnapshotError, match="waiting rows: column _time"):
        EventOrder(["a"], SCHEMA, ROOMY).restore(scalars, waiting.drop_columns(["_time"]))
    with pytest.raises(SnapshotError, match="expected origins"):
        EventOrder(["a"], SCHEMA, ROOMY).restore({}, waiting)


def test_rows_that_waited_under_another_schema_are_read_by_name() -> None:
    # Given a row that waits, for an origin is behind
    order = EventOrder(["a"], SCHEMA, ROOMY)
    order.push([LogMessage(0, "a", 4, True, at(5))])
    scalars, waiting = order.snapshot()
    # When the log has a column more from now on
    wider = SCHEMA.append(pa.field("later", pa.string()))
    again = EventOrder(["a"], wider, ROOMY)
    again.restore(scalars, waiting)
    # Then it waits on, with null there
    assert again.waiting == waiting.num_rows == 1
    assert again.snapshot()[1]["later"].to_pylist() == [None]
