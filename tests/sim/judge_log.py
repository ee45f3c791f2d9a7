"""The reader's rule of design §5.3, written from the page: shares no code with the suite, like `rig.judge`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import pyarrow as pa

Row = dict[str, Any]


class Record(Protocol):
    """A record of a log."""

    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...
    @property
    def moment(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """What a reader gets of one message: rows that it has not seen, each with the input offset that caused it."""

    offset: int
    moment: int
    origin: str  # stage, topic and partition; empty for what is no message of the suite
    time: int | None  # what it says of its origin's progress
    behind: bool
    rows: tuple[tuple[int, Row], ...]


def read(log: Sequence[Record]) -> Iterator[Taken]:
    """A partition as a reader sees it: repetitions are dropped, messages that straddle its mark trimmed."""
    marks: dict[str, tuple[int, int]] = {}
    for record in log:
        headers = dict(record.headers)
        if "headrace-origin" not in headers:
            yield Taken(record.offset, record.moment, "", None, True, ())
            continue
        key, first, following, places = _origin(headers["headrace-origin"].decode())
        mark = marks.get(key, (0, 0))
        if following < mark or (following == mark and first != following):
            continue
        rows = _rows(record.value or b"")
        assert len(rows) == len(places), f"offset {record.offset}: the origin accounts for {len(places)} rows"
        fresh = tuple((place[0], row) for place, row in zip(places, rows, strict=True) if place >= mark)
        marks[key] = following
        time, _, state = headers["headrace-progress"].decode().partition(",")
        yield Taken(record.offset, record.moment, key, None if time == "-" else int(time), state == "behind", fresh)


@lru_cache(20_000)
def _rows(value: bytes) -> tuple[Row, ...]:
    table = pa.ipc.open_stream(value).read_all()
    columns = [
        (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for column in table.columns
    ]
    return tuple(dict(zip(table.schema.names, values, strict=True)) for values in zip(*columns, strict=True))


@lru_cache(20_000)
def _origin(text: str) -> tuple[str, tuple[int, int], tuple[int, int], tuple[tuple[int, int], ...]]:
    """Key, first and next position, and the position of each row."""
    stage, topic, partition, first_text, next_text, runs = text.split(" ")
    first, following = _position(first_text), _position(next_text)
    places = []
    offset, base = first
    for run in [] if runs == "-" else runs.split(","):
        rows, _, times = run.partition("x")
        for _ in range(int(times or 1)):
            places += [(offset, base + row) for row in range(int(rows))]
            offset, base = offset + 1, 0
    return f"{stage} {topic} {partition}", first, following, tuple(places)


def _position(text: str) -> tuple[int, int]:
    offset, _, row = text.partition(".")
    return int(offset), int(row or 0)
