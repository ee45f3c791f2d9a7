"""What is replayed when: a history to learn from, then a time in which the model is judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Phases:
    """History is [start, live), replayed as fast as possible; live is [live, end), in about `live_seconds`."""

    start: datetime
    live: datetime
    end: datetime
    live_seconds: float

    @property
    def live_speed(self) -> float:
        """Event seconds per second in the live phase."""
        return (self.end - self.live).total_seconds() / self.live_seconds


def _day(month: int, day: int, year: int = 2013) -> datetime:
    return datetime(year, month, day, 0, tzinfo=UTC)


FULL = Phases(_day(1, 1), _day(11, 1), _day(1, 2, 2014), live_seconds=120.0)
QUICK = Phases(_day(1, 1), _day(2, 15), _day(3, 1), live_seconds=25.0)
