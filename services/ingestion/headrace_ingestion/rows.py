"""What every format comes to: typed columns of many records, and the pieces that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from headrace.contract.columns import ColumnType
from headrace.runtime.stage import Record
from headrace.wire.limits import OUTSIDE

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be read, or a whole record (row 0), with as much of its bytes as belongs to it."""

    record: Record
    row: int
    raw: bytes
    reason: str
    rule: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of a run of records.

    `columns` has the stream's columns, null where a row has no value; `record` and `row` say for each row where it
    stood: its record's place in the run, and its own in the record; `raw(i)` returns the bytes of row i. `unknown`
    counts the rows with columns that the stream does not declare.
    """

    columns: pa.Table
    record: Int64s
    row: Int64s
    raw: Callable[[int], bytes]
    broken: Sequence[Broken] = field(default=())
    unknown: int = 0


Decode = Callable[[Sequence[Record]], Decoded]
"""One format: records that have a value in, rows out; never raises for what a producer sent."""


def too_many_lines(record: Record) -> Broken | None:
    """What to say of a record with more lines than one message from outside may have; None of any other."""
    value = record.value or b""
    lines = value.count(b"\n")
    if lines <= OUTSIDE.rows:
        return None
    return Broken(record, 0, value, "too_many_rows", None, f"{lines} lines, at most {OUTSIDE.rows} are allowed")


def misfit(value: object, type_: ColumnType) -> str:
    """What to say of a value that is not of its column's type."""
    if type_ is ColumnType.TIMESTAMP:
        return f"{value!r:.100} is no timestamp: expected ISO 8601 with a zone, no finer than µs"
    return f"{value!r:.100} is no {type_}"
