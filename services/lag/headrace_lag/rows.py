"""The messages of one partition that were read: how many rows each has and when it was written."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

MOST = 4096
"""Messages that are remembered of one partition; what it knows beyond that it has to estimate."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows; `exact` unless some of the messages were not read."""

    rows: float
    exact: bool

    def __add__(self, other: Count) -> Count:
        return Count(self.rows + other.rows, self.exact and other.exact)


@dataclass(frozen=True, slots=True)
class Message:
    """What is noted of one message; `time_ms` is Kafka's timestamp."""

    offset: int
    rows: int
    time_ms: int


class Ledger:
    """Bounded: remembers at most `MOST` messages, and the mean of those it has forgotten."""

    def __init__(self) -> None:
        self._offsets: list[int] = []  # sorted
        self._messages: dict[int, Message] = {}
        self._mean: float | None = None  # of messages that were forgotten
        self._empty: tuple[int, int] = (0, 0)  # offsets that hold no message, only markers of transactions

    def note(self, asked: int, messages: Sequence[Message], following: int) -> None:
        """Book what reading on from `asked` has brought; `following` is where reading would go on.

        Offsets between that hold no message (a transaction's marker, compaction) have no rows.
        """
        if not messages:
            if following > asked:
                self._empty = (asked, following)
            return
        last = asked
        for message in messages:
            for gap in range(last, min(message.offset, last + MOST)):
                self._add(Message(gap, 0, message.time_ms))
            self._add(message)
            last = message.offset + 1

    def skip_empty(self, offset: int) -> int:
        """The first offset from `offset` on that is not known to hold no message."""
        start, end = self._empty
        return end if start <= offset < end else offset

    def rows_between(self, start: int, end: int) -> Count | None:
        """Rows of the messages in [start, end); those not read count as the mean of the rest. None: not known."""
        if end <= start:
            return Count(0.0, exact=True)
        known = [self._messages[offset].rows for offset in self._slice(start, end)]
        unknown = end - start - len(known)
        if not unknown:
            return Count(float(sum(known)), exact=True)
        mean = sum(known) / len(known) if known else self._overall_mean()
        return None if mean is None else Count(sum(known) + unknown * mean, exact=False)

    def time_at(self, offset: int) -> int | None:
        """Kafka's timestamp (ms) of the message at an offset; None when it was not read."""
        message = self._messages.get(offset)
        return None if message is None else message.time_ms

    def known(self, start: int, end: int) -> int:
        """How many messages in [start, end) were read."""
        return len(self._slice(start, end))

    def gaps(self, start: int, end: int) -> list[range]:
        """The offsets in [start, end) that were not read, as runs in order."""
        runs: list[range] = []
        for offset in [*self._slice(start, end), end]:
            if offset > start:
                runs.append(range(start, offset))
            start = offset + 1
        return runs

    def forget_below(self, offset: int) -> None:
        """Forget messages that every reader has behind it; their mean stays."""
        place = bisect_left(self._offsets, offset)
        if place:
            self._mean = self._overall_mean()
            for forgotten in self._offsets[:place]:
                del self._messages[forgotten]
            del self._offsets[:place]

    def _add(self, message: Message) -> None:
        if message.offset in self._messages:
            return
        if len(self._offsets) == MOST:  # the oldest matter most: they are what waits longest
            if message.offset > self._offsets[-1]:
                return
            del self._messages[self._offsets.pop()]
        insort(self._offsets, message.offset)
        self._messages[message.offset] = message

    def _slice(self, start: int, end: int) -> list[int]:
        return self._offsets[bisect_left(self._offsets, start) : bisect_left(self._offsets, end)]

    def _overall_mean(self) -> float | None:
        if not self._offsets:
            return self._mean
        return sum(message.rows for message in self._messages.values()) / len(self._messages)
