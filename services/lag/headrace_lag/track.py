"""One partition over time: its ledger, and how fast it is written."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from headrace.autoscale.facts import Partition, Place

from headrace_lag.lag import PartitionLag
from headrace_lag.rows import Count, Ledger
from headrace_lag.spots import fill, head

_ARRIVAL_SECONDS = 15.0
"""Time over which arrivals are measured: longer, and a burst would look like a rise."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A partition's log as it is: the oldest offset, and the one that comes next."""

    start: int
    end: int


class Track:
    """What is remembered of one partition of one topic; times are seconds of a clock that never goes back."""

    def __init__(self, place: Place, topic_id: str, *, rows_per_message: int | None, batches: bool) -> None:
        self.place = place
        self.topic_id = topic_id
        self._per_message = rows_per_message  # of a producer's record, where the format says it
        self._batches = batches  # our own messages say their rows; producers' records do not
        self.ledger = Ledger()
        self.extent = Extent(0, 0)
        self._written: deque[tuple[float, int, float]] = deque()  # (time, log end, rows or messages so far)

    def spot(self, positions: list[int]) -> int | None:
        """A message to read next, for groups at these positions: their oldest ones first, then what helps to count."""
        starts = sorted(self.position(offset) for offset in positions)
        for start in starts:
            if (oldest := head(self.ledger, start, self.extent.end)) is not None:
                return oldest
        if not self._batches:
            return None
        if starts and (inner := fill(self.ledger, starts[0], self.extent.end)) is not None:
            return inner
        last = self.extent.end - 1  # nobody waits, and still it must be known how many rows a new message has
        before = self._written[-1][1] if self._written else self.extent.start
        unseen = before <= last and not self.ledger.known(before, self.extent.end)
        return last if unseen else None

    def position(self, committed: int) -> int:
        """Where a group really reads on: behind what was deleted and behind markers that are no messages."""
        return self.ledger.skip_empty(max(committed, self.extent.start))

    def written(self, now: float) -> None:
        """Book how far the log had come at `now`, once what there was to read has been read."""
        if not self._written:
            self._written.append((now, self.extent.end, 0.0))
            return
        _, end, total = self._written[-1]
        new = self._work(end, self.extent.end)
        if new is None:
            self._written.clear()
            return
        self._written.append((now, self.extent.end, total + new.rows))
        while self._written[1][0] <= now - _ARRIVAL_SECONDS:
            self._written.popleft()

    def lag(self, committed: int | None, now_ms: float) -> PartitionLag:
        """The lag of a group that has committed this offset, at a wall-clock time in ms."""
        start, end = self.position(self.extent.start if committed is None else committed), self.extent.end
        waiting = max(0, end - start)
        work = self._work(start, end)
        rows = work if self._batches or self._per_message is not None else None
        oldest = self.ledger.time_at(start)
        facts = Partition(
            place=self.place,
            topic_id=self.topic_id,
            log_start=self.extent.start,
            log_end=end,
            # A place behind a marker at the end is the end; one before the start stays, for it tells of a loss.
            committed=start if committed is not None and start > committed >= self.extent.start else committed,
            lag_rows=None if work is None else work.rows,
            arrival_rows_s=self._arrival(),
            written_rows=self._written[-1][2] if self._written else None,
        )
        seconds = 0.0 if not waiting else None if oldest is None else max(0.0, (now_ms - oldest) / 1000)
        return PartitionLag(facts, waiting, rows, seconds)

    def _work(self, start: int, end: int) -> Count | None:
        """Rows in [start, end); for producers' records whose rows nobody knows, the records."""
        if self._batches:
            return self.ledger.rows_between(start, end)
        return Count(float(max(0, end - start)) * (self._per_message or 1), exact=True)

    def _arrival(self) -> float | None:
        if len(self._written) < 2:
            return None
        (began, _, before), (ended, _, after) = self._written[0], self._written[-1]
        return (after - before) / (ended - began)
