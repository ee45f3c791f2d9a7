"""How many rows were rejected in a while, against what the pipeline allows."""

from __future__ import annotations

from collections import deque

from headrace.contract.duration import format_duration
from headrace.contract.errors import QuarantineOverflow
from headrace.contract.pipeline import QuarantineLimit


class RejectionLimit:
    """A sliding window over rejected rows; time is a parameter, in seconds of any monotonic clock."""

    def __init__(self, limit: QuarantineLimit) -> None:
        self._limit = limit
        self._recent: deque[tuple[float, int]] = deque()
        self._rows = 0

    def add(self, rows: int, now: float) -> None:
        """Book rejected rows; raises QuarantineOverflow when the window holds more than the limit."""
        if rows:
            self._recent.append((now, rows))
            self._rows += rows
        while self._recent and self._recent[0][0] < now - self._limit.within / 1e6:
            self._rows -= self._recent.popleft()[1]
        if self._rows > self._limit.rows:
            raise QuarantineOverflow(
                f"{self._rows} rows were rejected within {format_duration(self._limit.within)}, and the pipeline allows"
                f" {self._limit.rows}: look at them with `headrace quarantine list`, mend what sends them, or raise"
                " quarantine.rows in the pipeline file"
            )
