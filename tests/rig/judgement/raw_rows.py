"""What must become of a raw record: one value after the other, by the declared types and limits of its stream."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rig.judgement.arrow_rows import Row
from rig.judgement.content import Record
from rig.judgement.facts import Column, Facts, Stream
from rig.judgement.moments import microseconds
from rig.judgement.outcomes import Kept, Outcome, Rejected

_INTEGERS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)")


class Misfit(Exception):
    """A value is not of its column's type."""


def outcomes_of(record: Record, stream: Stream, facts: Facts) -> list[Outcome]:
    """What must become of each row of a record."""
    if record.value is None:
        return [_refused(record, 0, "no_value", None, b"")]
    return [_one(record, row, text, stream, facts) for row, text in _texts(record.value, stream.format)]


def _texts(value: bytes, format_: str) -> Iterator[tuple[int, bytes]]:
    if format_ == "json":
        yield 0, value
        return
    assert format_ == "ndjson", f"the judge reads no {format_}"
    lines = [(row, line) for row, line in enumerate(value.split(b"\n")) if line.strip()]
    yield from lines or [(0, value)]


def _one(record: Record, place: int, text: bytes, stream: Stream, facts: Facts) -> Outcome:
    try:
        said = json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _refused(record, place, "unreadable", None, text)
    if not isinstance(said, dict):
        return _refused(record, place, "wrong_type", None, text)
    row: Row = {}
    for name, column in stream.columns.items():
        try:
            row[name] = _typed(said.get(name), column.type)
        except Misfit:
            return _refused(record, place, "wrong_type", name, text)
    for name, column in stream.columns.items():
        if (reason := _broken(row[name], column)) is not None:
            return _refused(record, place, reason, name, text)
    if record.timestamp >= 0 and row[stream.event_time] > record.timestamp * 1000 + stream.max_ahead:
        return _refused(record, place, "too_far_ahead", stream.event_time, text)
    row |= {"_partition": record.partition, "_offset": record.offset, "_row": place}
    if _length(row) > facts.message_bytes // 2:
        return Rejected((record.partition, record.offset, place), "row_too_large", None, row=row)
    return Kept((record.partition, record.offset, place), row)


def _typed(value: Any, type_: str) -> Any:
    """A JSON value as a column of this type has it; null as it is."""
    if value is None:
        return None
    match type_:
        case "string" if isinstance(value, str):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "float64" if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        case "float32" if isinstance(value, int | float) and not isinstance(value, bool):
            return single(float(value))
        case "timestamp" if isinstance(value, str) and _MOMENT.fullmatch(value):
            return microseconds(datetime.fromisoformat(value))
        case "binary" if isinstance(value, str):
            return base64.b64decode(value)
        case _ if type_ in _INTEGERS and isinstance(value, int) and not isinstance(value, bool):
            half = 2 ** (_INTEGERS[type_] - 1)
            if -half <= value < half:
                return value
    raise Misfit


def single(value: float) -> float:
    """The nearest number of 32 bits; a finite one beyond them all does not fit."""
    try:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        raise Misfit from None
    return rounded


def _broken(value: Any, column: Column) -> str | None:
    """The first rule of its column that a value breaks."""
    if value is None:
        return None if column.nullable else "missing_column"
    if isinstance(value, float) and not math.isfinite(value):
        return "wrong_type"
    if column.between is not None:
        low, high = (single(limit) if column.type == "float32" else limit for limit in column.between)
        if not low <= value <= high:
            return "out_of_range"
    if column.one_of is not None and str(value) not in column.one_of:
        return "not_allowed"
    return None


def _length(row: Row) -> int:
    return sum(len(value.encode()) for value in row.values() if isinstance(value, str))


def _refused(record: Record, place: int, reason: str, rule: str | None, raw: bytes) -> Rejected:
    return Rejected((record.partition, record.offset, place), reason, rule, raw=raw)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
