"""Which message of a partition to read next, so that little reading tells much."""

from __future__ import annotations

from headrace_lag.rows import Ledger

SHORT = 500
"""Messages not read yet, up to which a backlog is read whole; a longer one is sampled."""

_SAMPLE = 64
"""Messages read, from which on the rows of a long backlog are taken as known well enough."""


def head(ledger: Ledger, start: int, end: int) -> int | None:
    """The oldest message that waits in [start, end), unless it was read: its time is the lag in seconds."""
    return start if start < end and ledger.time_at(start) is None else None


def fill(ledger: Ledger, start: int, end: int) -> int | None:
    """A message to read so that the rows in [start, end) are known better; None when they are known well enough."""
    gaps = ledger.gaps(start, end)
    if not gaps:
        return None
    if sum(map(len, gaps)) <= SHORT:
        return gaps[0].start
    if ledger.known(start, end) >= _SAMPLE:
        return None
    widest = max(gaps, key=len)
    return widest.start + len(widest) // 2
