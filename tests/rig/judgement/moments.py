"""Moments as whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_START = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime) -> int:
    """A moment with a zone, in µs."""
    return (at - _START) // timedelta(microseconds=1)


def date_of(at: int) -> date:
    """The UTC date of a moment in µs."""
    return (_START + timedelta(microseconds=at)).date()
