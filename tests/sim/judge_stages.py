"""What each stage should make of its input, written from the design and the simulated pipeline file by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from sim.judge_hop import Wanted
from sim.judge_log import Record, Row, Taken

QUARANTINE = "default.sim.quarantine"

_HOUR = 3_600_000_000
_IDENTITY = ("_partition", "_offset", "_row")


def relayed(target: str, messages: Sequence[Taken], bad: int) -> Iterator[Wanted]:
    """The relay: everything goes on but rows whose `n` is `bad`."""
    for message in messages:
        if not message.origin:
            yield _refused(message.offset)
        for _, row in message.rows:
            if row["n"] == bad:
                yield _rejected(message.offset, row, None)
            else:
                yield Wanted(message.offset, target, row)


def ingested(stream: str, partition: int, records: Sequence[Record]) -> Iterator[Wanted]:
    """Ingestion: JSON objects with all their columns, others to quarantine."""
    columns = {"orders": ("id", "at", "shop", "town", "amount"), "visits": ("at", "town", "people")}[stream]
    for record in records:
        known = {"_partition": partition, "_offset": record.offset, "_row": 0}
        try:
            event = json.loads(record.value or b"")
            row = {name: event[name] for name in columns}
        except (ValueError, KeyError):
            yield _rejected(record.offset, known, stream)
            continue
        row["at"] = int(datetime.fromisoformat(row["at"]).timestamp()) * 1_000_000
        yield Wanted(record.offset, f"default.sim.ingested.{stream}", row | known)


def cleaned(stream: str, messages: Sequence[Taken]) -> Iterator[Wanted]:
    """Cleaning: none of 13, those that are not paid to quarantine, the other orders once per id within an hour."""
    kept: dict[str, int] = {}
    largest: int | None = None
    for message in messages:
        if not message.origin:
            yield _refused(message.offset)
        for _, row in message.rows:
            at = row["at"]
            wanted = Wanted(message.offset, "default.sim.by.shop", _as_log_row(stream, row))
            if stream == "visits":
                yield wanted
                continue
            if row["amount"] == 13:
                continue
            if row["amount"] <= 0:
                yield _rejected(message.offset, row, stream)
                continue
            before = kept.get(row["id"])
            if before is not None and (largest is None or before >= largest - _HOUR):
                repeats = abs(at - before) <= _HOUR
                kept[row["id"]] = before if repeats else max(before, at)
            else:
                repeats = False
                kept[row["id"]] = at
            largest = at if largest is None else max(largest, at)
            if not repeats:
                yield wanted


def _as_log_row(stream: str, row: Row) -> Row:
    return {"_stream": stream, "_time": row["at"]} | {name: value for name, value in row.items() if name != "at"}


def _rejected(offset: int, row: Row, stream: str | None) -> Wanted:
    return Wanted(offset, QUARANTINE, {"stream": stream, "topic_offset": offset} | {n: row[n] for n in _IDENTITY})


def _refused(offset: int) -> Wanted:
    return Wanted(offset, QUARANTINE, {"topic_offset": offset, "_offset": None})
