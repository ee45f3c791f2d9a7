"""What every format comes to: typed columns of many records, and the pieces that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from headrace.runtime.stage import Record

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row or a whole record that cannot be read: its record's place in the run, and its place in the record."""

    record: int
    row: int
    raw: bytes
    reason: str
    rule: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of a run of records.

    `columns` has the stream's columns, null where a row has no value; `record` and `row` say for each row where it
    stood; `raw(i)` returns the bytes of row i. `unknown` counts the rows with columns that the stream does not declare.
    """

    columns: pa.Table
    record: Int64s
    row: Int64s
    raw: Callable[[int], bytes]
    broken: Sequence[Broken] = field(default=())
    unknown: int = 0


Decode = Callable[[Sequence[Record]], Decoded]
"""One format: records in, rows out; never raises for what a producer sent."""
