"""The Kafka headers of a message (all ASCII): what it is, how much, from where, and how far its origin has come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headrace.contract.errors import BadMessage
from headrace.wire import origin as origins
from headrace.wire.origin import Origin

CONTENT_TYPE = "content-type"
SCHEMA = "headrace-schema"
ROWS = "headrace-rows"
TIME = "headrace-time"
ORIGIN = "headrace-origin"
PROGRESS = "headrace-progress"
TRACEPARENT = "traceparent"
ARROW_STREAM = "application/vnd.apache.arrow.stream"

_REASON = "bad_header"
_OURS = frozenset({CONTENT_TYPE, SCHEMA, ROWS, TIME, ORIGIN, PROGRESS, TRACEPARENT})
_COUNT_LIMIT = 64
_INT64 = range(-(2**63), 2**63)
_NUMBER = r"(0|-?[1-9][0-9]{0,18})"
_SCHEMA = re.compile(r"[0-9a-f]{16}", re.ASCII)
_ROWS = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_TIME = re.compile(rf"{_NUMBER},{_NUMBER}", re.ASCII)
_PROGRESS = re.compile(rf"(?:-|{_NUMBER}),(behind|current)", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)  # W3C Trace Context §3.2


@dataclass(frozen=True, slots=True)
class Progress:
    """The event time (µs) its origin has reached, None when it claims none, and whether more was already waiting."""

    time: int | None
    behind: bool

    def __str__(self) -> str:
        return f"{'-' if self.time is None else self.time},{'behind' if self.behind else 'current'}"


@dataclass(frozen=True, slots=True)
class Headers:
    """Everything a message says about itself; `time` is (min, max) event time in µs, None when no row has one."""

    schema: str
    rows: int
    time: tuple[int, int] | None
    origin: Origin
    progress: Progress
    traceparent: str | None = None

    def encode(self) -> list[tuple[str, bytes]]:
        """The headers as Kafka takes them."""
        texts = [
            (CONTENT_TYPE, ARROW_STREAM),
            (SCHEMA, self.schema),
            (ROWS, str(self.rows)),
            (TIME, "-" if self.time is None else f"{self.time[0]},{self.time[1]}"),
            (ORIGIN, str(self.origin)),
            (PROGRESS, str(self.progress)),
        ]
        if self.traceparent is not None:
            texts.append((TRACEPARENT, self.traceparent))
        return [(name, text.encode("ascii")) for name, text in texts]


def parse(raw: Sequence[tuple[str, bytes | None]]) -> Headers:
    """The inverse of `Headers.encode`; other names are ignored, since bridges and tracers add their own.

    Raises BadMessage: "bad_origin" for the origin, "bad_header" for a missing, doubled or malformed header.
    """
    texts = _collect(raw)
    if _required(texts, CONTENT_TYPE) != ARROW_STREAM:
        raise _bad(CONTENT_TYPE, texts[CONTENT_TYPE], ARROW_STREAM)
    rows = int(_match(texts, ROWS, _ROWS, "a count")[0])
    origin = origins.parse(_required(texts, ORIGIN))
    if origin.rows != rows:
        raise BadMessage("bad_origin", f"{ORIGIN} accounts for {origin.rows} rows, {ROWS} says {rows}")
    traceparent = _match(texts, TRACEPARENT, _TRACEPARENT, "a W3C traceparent")[0] if TRACEPARENT in texts else None
    return Headers(
        schema=_match(texts, SCHEMA, _SCHEMA, "16 hex characters")[0],
        rows=rows,
        time=_parse_time(texts, rows),
        origin=origin,
        progress=_parse_progress(texts),
        traceparent=traceparent,
    )


def trace_of(raw: Sequence[tuple[str, bytes | None]]) -> str | None:
    """The trace that a stranger's record belongs to, None where it names none in the form of W3C Trace Context."""
    for name, value in raw:
        if name == TRACEPARENT and value is not None and value.isascii() and _TRACEPARENT.fullmatch(value.decode()):
            return value.decode()
    return None


def _collect(raw: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    if len(raw) > _COUNT_LIMIT:
        raise BadMessage(_REASON, f"{len(raw)} headers, more than {_COUNT_LIMIT}")
    texts: dict[str, str] = {}
    for name, value in raw:
        if name not in _OURS:
            continue
        if name in texts:
            raise BadMessage(_REASON, f"{name} is there twice")
        if value is None or not value.isascii() or len(value) > origins.TEXT_LIMIT:
            raise BadMessage(_REASON, f"{name} is not ASCII text of at most {origins.TEXT_LIMIT} characters")
        texts[name] = value.decode("ascii")
    return texts


def _required(texts: dict[str, str], name: str) -> str:
    if name not in texts:
        raise BadMessage(_REASON, f"{name} is missing")
    return texts[name]


def _match(texts: dict[str, str], name: str, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
    text = _required(texts, name)
    match = pattern.fullmatch(text)
    if match is None:
        raise _bad(name, text, expected)
    return match


def _parse_time(texts: dict[str, str], rows: int) -> tuple[int, int] | None:
    if _required(texts, TIME) == "-":
        return None
    match = _match(texts, TIME, _TIME, "min,max in µs or -")
    low, high = int(match[1]), int(match[2])
    if not (low <= high and low in _INT64 and high in _INT64 and rows):
        raise _bad(TIME, texts[TIME], "min,max in µs, in order, for at least one row")
    return low, high


def _parse_progress(texts: dict[str, str]) -> Progress:
    match = _match(texts, PROGRESS, _PROGRESS, "µs or -, then behind or current")
    time = None if match[1] is None else int(match[1])
    if time is not None and time not in _INT64:
        raise _bad(PROGRESS, texts[PROGRESS], "a time within int64")
    return Progress(time, behind=match[2] == "behind")


def _bad(name: str, found: str, expected: str) -> BadMessage:
    return BadMessage(_REASON, f"{name} is {found[:80]!r}, expected {expected}")
