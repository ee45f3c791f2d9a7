"""The order of a merged log: rows wait until every origin that is behind has come past them (design §6).

Everything is decided message by message from the log alone, so restarts and the cuts between calls change nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.contract.by_name import by_name
from headrace.contract.errors import SchemaMismatch, SnapshotError

Int64s = npt.NDArray[np.int64]

_LOWEST = int(np.iinfo(np.int64).min)  # nothing may be released: an origin that is behind has told no time yet
_HIGHEST = int(np.iinfo(np.int64).max)  # nobody is behind: nothing waits
_TIE_BREAKERS = ("_row", "_offset", "_partition")  # least significant first, as np.lexsort wants them


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One message: its rows (schema of the log) and how far its origin has come (µs; None: no time yet)."""

    offset: int
    origin: str
    progress: int | None
    behind: bool
    rows: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """Rows in the order in which they are applied; `caused_by[i]` is the offset of the message that released row i."""

    rows: pa.Table
    caused_by: Int64s


@dataclass(slots=True)
class _Origin:
    time: int | None = None
    behind: bool = True  # an origin that nobody has heard of may still have anything


class EventOrder:
    """The order of one partition of a merged log.

    `origins` are those that the plan knows. `schema` is the log's; it has `_time` (timestamp, µs), `_stream` (string),
    `_partition`, `_offset` and `_row`, none of them null. At most `bound` rows wait; past it the oldest are released.
    """

    def __init__(self, origins: Collection[str], schema: pa.Schema, bound: int) -> None:
        self._origins = {name: _Origin() for name in origins}
        self._bound = bound
        self._waiting: pa.Table = schema.empty_table()
        self._applied: int | None = None  # the largest event time released so far
        self.forced = 0  # rows released because more than `bound` were waiting
        self.late = 0  # rows released after a row with a later event time

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        return int(self._waiting.num_rows)

    @property
    def behind(self) -> bool:
        """Whether rows wait here or any origin is behind: this stage's own flag for its readers."""
        return self.waiting > 0 or any(origin.behind for origin in self._origins.values())

    def watermark(self) -> int | None:
        """How far this stage itself has come, in µs; None where it cannot claim any time yet."""
        limit = self._limit()
        if _LOWEST < limit < _HIGHEST:
            return limit
        known = [] if self._applied is None else [self._applied]
        if limit == _HIGHEST:
            known += [origin.time for origin in self._origins.values() if origin.time is not None]
        return max(known, default=None)

    def push(self, messages: Sequence[LogMessage]) -> Released:
        """Take the next messages of the log and return the rows they release.

        Equal, row for row, to taking the messages one at a time.
        """
        batches = [(index, message.rows) for index, message in enumerate(messages) if message.rows is not None]
        limits = np.array([self._hear(message) for message in messages], np.int64)
        rows = pa.concat_tables([self._waiting, *(batch for _, batch in batches)])
        arrival = np.repeat(
            np.array([0, *(index for index, _ in batches)], np.int64),
            [self._waiting.num_rows, *(batch.num_rows for _, batch in batches)],
        )
        order = _row_order(rows)
        times = _int64s(rows, "_time")[order]
        release, forced = _release(times, arrival[order], limits, self._bound)

        out = np.argsort(release, kind="stable")
        out = out[: int(np.count_nonzero(release < len(messages)))]
        offsets = np.array([message.offset for message in messages], np.int64)
        self._waiting = rows.take(order[release == len(messages)])
        self.forced += forced
        self._count_late(times[out])
        return Released(rows.take(order[out]), offsets[release[out]])

    def snapshot(self) -> tuple[dict[str, object], pa.Table]:
        """The whole state: JSON-able scalars and the waiting rows in their order."""
        origins = {name: [origin.time, origin.behind] for name, origin in sorted(self._origins.items())}
        scalars: dict[str, object] = {
            "origins": origins,
            "applied": self._applied,
            "forced": self.forced,
            "late": self.late,
        }
        return scalars, self._waiting

    def restore(self, scalars: Mapping[str, object], waiting: pa.Table) -> None:
        """Take up a snapshot's state in place of this one's.

        Rows of another schema are read by name. Raises SnapshotError when that cannot be, when it was made by another
        plan (origins) or is not a snapshot of an order.
        """
        try:
            waiting = by_name(waiting, self._waiting.schema)
        except SchemaMismatch as error:
            raise SnapshotError(f"waiting rows: {error}") from error
        match scalars:
            case {
                "origins": dict(origins),
                "applied": int() | None as applied,
                "forced": int(forced),
                "late": int(late),
            }:
                if missing := self._origins.keys() - origins.keys():
                    raise SnapshotError(f"the snapshot does not know the planned origins {sorted(missing)}")
                self._origins = {str(name): _Origin(time, behind) for name, (time, behind) in origins.items()}
                self._applied, self.forced, self.late = applied, forced, late
                self._waiting = waiting
            case _:
                raise SnapshotError(f"expected origins, applied, forced and late, found {sorted(scalars)}")

    def _hear(self, message: LogMessage) -> int:
        """Note what a message says of its origin and return the time up to which rows may now be released."""
        origin = self._origins.setdefault(message.origin, _Origin())
        if message.progress is not None:
            origin.time = message.progress if origin.time is None else max(origin.time, message.progress)
        origin.behind = message.behind
        return self._limit()

    def _limit(self) -> int:
        times = [origin.time for origin in self._origins.values() if origin.behind]
        return min((_LOWEST if time is None else time for time in times), default=_HIGHEST)

    def _count_late(self, times: Int64s) -> None:
        if not len(times):
            return
        before = np.maximum.accumulate(np.concatenate(([_LOWEST if self._applied is None else self._applied], times)))
        self.late += int(np.count_nonzero(times < before[:-1]))
        self._applied = int(before[-1])


def _release(times: Int64s, arrival: Int64s, limits: Int64s, bound: int) -> tuple[Int64s, int]:
    """The index of the message that releases each row (len(limits): none), and how many rows were forced.

    Rows are given in their order. A row goes with the first message, from its own on, whose limit has reached its
    time. Where limits do not fall that is a binary search, so messages are taken in runs that end where the limit
    falls or the bound is broken.
    """
    never = len(limits)
    release = np.full(len(times), never, np.int64)
    falls = np.flatnonzero(limits[1:] < limits[:-1]) + 1  # compared: a difference from _LOWEST would overflow
    forced = start = 0
    while start < never:
        later = falls[falls > start]
        end = int(later[0]) if len(later) else never
        here = np.flatnonzero((release == never) & (arrival < end))
        due = np.maximum(arrival[here], start + np.searchsorted(limits[start:end], times[here]))
        came = np.cumsum(np.bincount(np.maximum(arrival[here], start) - start, minlength=end - start))
        went = np.cumsum(np.bincount(due - start, minlength=end - start)[: end - start])
        over = np.flatnonzero(came - went > bound)
        if len(over):
            end = start + int(over[0]) + 1
        gone = due < end
        release[here[gone]] = due[gone]
        if len(over):
            left = here[~gone & (arrival[here] < end)]
            oldest = left[: len(left) - bound]
            release[oldest] = end - 1
            forced += len(oldest)
        start = end
    return release, forced


def _row_order(rows: pa.Table) -> Int64s:
    """Indices of the rows by (event time, stream, partition, offset, row)."""
    streams = pc.unique(rows["_stream"])
    rank = np.empty(len(streams), np.int64)
    rank[pc.sort_indices(streams).to_numpy()] = np.arange(len(streams))
    codes = pc.index_in(rows["_stream"], streams).to_numpy()
    ties = [_int64s(rows, name) for name in _TIE_BREAKERS]
    return np.lexsort([*ties, rank[codes], _int64s(rows, "_time")])


def _int64s(rows: pa.Table, name: str) -> Int64s:
    values: Int64s = rows[name].cast(pa.int64()).to_numpy()
    return values
