"""The order of a merged log (design §6, docs/adr/0001), message by message."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rig.judgement.arrow_rows import Row
from rig.judgement.content import Message

_EVERYTHING = float("inf")
_NOTHING = float("-inf")

Place = tuple[int, str, int, int, int]
"""Event time, stream and identity: rows are applied by it."""


@dataclass(slots=True)
class _Origin:
    time: int | None = None
    behind: bool = True  # one not heard of yet counts as behind


class EventOrder:
    """One partition of a log; `known` are the origins that the plan knows, at most `bound` rows wait."""

    def __init__(self, known: Iterable[str], bound: int) -> None:
        self._origins = {key: _Origin() for key in known}
        self._bound = bound
        self._waiting: list[tuple[Place, int, Row]] = []
        self._came = 0
        self._newest: int | None = None
        self.late = 0
        self.forced = 0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def take(self, message: Message) -> Iterator[Row]:
        """The rows that a message releases, in the order in which they are applied."""
        origin = self._origins.setdefault(message.origin.key, _Origin())
        if message.progress is not None:
            origin.time = message.progress if origin.time is None else max(origin.time, message.progress)
        origin.behind = message.behind
        for row in message.rows:
            place = (row["_time"], row["_stream"], row["_partition"], row["_offset"], row["_row"])
            heapq.heappush(self._waiting, (place, self._came, row))
            self._came += 1
        limit = self._limit()
        while self._waiting and self._waiting[0][0][0] <= limit:
            yield self._apply()
        while len(self._waiting) > self._bound:
            self.forced += 1
            yield self._apply()

    def _limit(self) -> float:
        """Every origin that is behind has come past this time."""
        behind = [origin.time for origin in self._origins.values() if origin.behind]
        return min((_NOTHING if time is None else time for time in behind), default=_EVERYTHING)

    def _apply(self) -> Row:
        place, _, row = heapq.heappop(self._waiting)
        if self._newest is not None and place[0] < self._newest:
            self.late += 1
        self._newest = place[0] if self._newest is None else max(self._newest, place[0])
        return row
