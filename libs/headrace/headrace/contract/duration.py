"""Durations as the pipeline file writes them: `90s`, `5m`, `2d`, `250ms`."""

from __future__ import annotations

import re

_UNITS_US = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_FORM = re.compile(r"(\d+)(ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """Return the microseconds that `text` stands for; raises ValueError with the accepted form."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write a whole number and ms, s, m, h or d, such as 5m")
    return int(match[1]) * _UNITS_US[match[2]]


def format_duration(microseconds: int) -> str:
    """Return the shortest text that `parse_duration` reads back as `microseconds` (a whole number of milliseconds)."""
    for unit, size in reversed(_UNITS_US.items()):
        if microseconds % size == 0 and (microseconds or unit == "s"):
            return f"{microseconds // size}{unit}"
    raise ValueError(f"{microseconds} µs is finer than a millisecond")
