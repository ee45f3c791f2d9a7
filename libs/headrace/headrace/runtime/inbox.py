"""The records that wait for one partition, bounded in bytes: the poller fills, the partition's worker takes runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from headrace.runtime.intake import Consumed
from headrace.wire.headers import ROWS

_RECORD_OVERHEAD = 200  # bytes of Python objects around a small record


class Inbox:
    """Records in the order of their offsets.

    `pause` is called when `bound` bytes wait, `resume` when less than half of that do. What was already on its way
    when the bound was reached is taken too: at most one answer of the broker.
    """

    def __init__(self, bound: int, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._records: deque[Consumed] = deque()
        self._bytes = 0
        self._bound = bound
        self._pause = pause
        self._resume = resume
        self._paused = False
        self._arrived = asyncio.Event()
        self.following = 0  # the offset after everything that was put in, control records included

    def __len__(self) -> int:
        return len(self._records)

    def put(self, records: Sequence[Consumed], following: int) -> None:
        """Append what the poller got; `following` is the consumer's position after it."""
        self._records.extend(records)
        self._bytes += sum(size_of(record) for record in records)
        self.following = following
        if self._bytes >= self._bound and not self._paused:
            self._paused = True
            self._pause()
        self._arrived.set()

    def wake(self) -> None:
        """End a wait, with records or without."""
        self._arrived.set()

    async def wait(self, seconds: float) -> bool:
        """Whether records wait: as soon as they do, and at the latest after `seconds` or a `wake`."""
        if not self._records:
            self._arrived.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
            except TimeoutError:
                return False
        return bool(self._records)

    def has(self, rows: int, size: int) -> bool:
        """Whether at least as many bytes or (taking each record for one row) rows wait."""
        return self._bytes >= size or len(self._records) >= rows

    def take(self, rows: int, size: int) -> tuple[list[Consumed], int]:
        """The next run, at least one record, and the offset after it: up to `size` bytes or `rows` rows."""
        run: list[Consumed] = []
        taken = counted = 0
        while self._records and (not run or (taken < size and counted < rows)):
            record = self._records.popleft()
            run.append(record)
            taken += size_of(record)
            counted += _rows_of(record)
        self._bytes -= taken
        if self._paused and self._bytes < self._bound // 2:
            self._paused = False
            self._resume()
        return run, self._records[0].offset if self._records else self.following


def size_of(record: Consumed) -> int:
    """Bytes that a waiting record takes, roughly."""
    return len(record.value or b"") + _RECORD_OVERHEAD


def _rows_of(record: Consumed) -> int:
    """Rows that a message claims; only a hint for the size of a step, so anything odd counts as one row."""
    for name, value in record.headers:
        if name == ROWS and value is not None and value.isdigit() and len(value) < 10:
            return int(value)
    return 1
