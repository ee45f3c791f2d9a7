"""Features as design §6 has them: rows in the order that the log itself decides, requests answered from the rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sim.judge_hop import Wanted
from sim.judge_log import Row, Taken

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class View:
    """A view as the pipeline file declares it; `windows` in seconds."""

    name: str
    source: str
    key: str
    value: str
    aggregates: tuple[str, ...]
    windows: tuple[tuple[str, int], ...]
    hop: int = 10 * _SECOND

    @property
    def reach(self) -> int:
        """How far behind the largest event time a tile may start and still exist."""
        return max(seconds for _, seconds in self.windows) * _SECOND + self.hop


@dataclass(frozen=True, slots=True)
class LogSpec:
    """A merged log: its view, where its rows go on to, and where its requests leave."""

    view: View
    origins: tuple[str, ...]
    onward: str | None
    leaving: str | None


@dataclass(slots=True)
class _Applied:
    kept: list[tuple[int, Row]] = field(default_factory=list)
    largest: int | None = None


def featured(log: LogSpec, messages: Sequence[Taken]) -> Iterator[Wanted]:
    """The rows that leave a partition of a log, in order."""
    applied = _Applied()
    for offset, row in _in_event_time(log.origins, messages):
        out = dict(row)
        if row["_stream"] == "orders":
            out |= _answer(log.view, applied, row)
        _apply(log.view, applied, row)
        if log.onward:
            yield Wanted(offset, log.onward, out)
        if log.leaving and row["_stream"] == "orders":
            request = {name: value for name, value in out.items() if name not in ("_stream", "_time", "people")}
            yield Wanted(offset, log.leaving, request | {"at": row["_time"]})


def _in_event_time(origins: Sequence[str], messages: Sequence[Taken]) -> Iterator[tuple[int, Row]]:
    """Rows with the offset of the message that released them: they wait for every origin that is behind."""
    times: dict[str, float] = dict.fromkeys(origins, -math.inf)
    behind = dict.fromkeys(origins, True)
    waiting: list[Row] = []
    for message in messages:
        if not message.origin:
            continue
        assert message.origin in times, f"{message.origin} is not planned"
        if message.time is not None:
            times[message.origin] = max(times[message.origin], message.time)
        behind[message.origin] = message.behind
        waiting += [row for _, row in message.rows]
        limit = min((times[name] for name in origins if behind[name]), default=math.inf)
        waiting.sort(key=lambda row: (row["_time"], row["_stream"], row["_partition"], row["_offset"], row["_row"]))
        while waiting and waiting[0]["_time"] <= limit:
            yield message.offset, waiting.pop(0)
    assert not waiting, f"{len(waiting)} rows wait for ever"


def _apply(view: View, applied: _Applied, row: Row) -> None:
    start = row["_time"] // view.hop * view.hop
    if row["_stream"] == view.source and (applied.largest is None or start >= applied.largest - view.reach):
        applied.kept.append((start, row))
    applied.largest = max(applied.largest or row["_time"], row["_time"])


def _answer(view: View, applied: _Applied, row: Row) -> Row:
    end = row["_time"] // view.hop * view.hop
    answer: Row = {}
    for label, seconds in view.windows:
        oldest = max(end - seconds * _SECOND, (applied.largest or 0) - view.reach)
        values = [
            kept[view.value]
            for start, kept in applied.kept
            if oldest <= start < end and kept[view.key] == row[view.key]
        ]
        for aggregate in view.aggregates:
            name = f"{view.name}__{view.value}__{aggregate}__{label}"
            match aggregate:
                case "count":
                    answer[name] = len(values)
                case "sum":
                    answer[name] = sum(values) if values else None
                case _:
                    answer[name] = max(values) if values else None
    return answer
