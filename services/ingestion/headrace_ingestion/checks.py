"""What a typed row must still meet: values that are never null, their limits, and a plausible event time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from headrace.contract.columns import ColumnType
from headrace.contract.duration import format_duration
from headrace.contract.pipeline import Column, Stream
from headrace.contract.quarantine import Reason

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Failure:
    """Rows that do not meet one rule; `detail` says of a value what was expected instead."""

    rows: Bools
    reason: Reason
    column: str
    detail: Callable[[object], str]


def failures(table: pa.Table, timestamps: Int64s, stream: Stream) -> Iterator[Failure]:
    """Every rule that some row breaks; `timestamps` are the Kafka timestamps of the rows' records, in ms."""
    for name, column in stream.columns.items():
        yield from (failure for failure in _of_column(table[name], name, column) if failure.rows.any())
    ahead = _too_far_ahead(table[stream.event_time], timestamps, stream.max_ahead)
    if ahead.any():
        limit = format_duration(stream.max_ahead)
        yield Failure(
            ahead,
            Reason.TOO_FAR_AHEAD,
            stream.event_time,
            lambda value: f"{value} is more than {limit} ahead of its record's Kafka timestamp",
        )


def _of_column(values: pa.ChunkedArray, name: str, column: Column) -> Iterator[Failure]:
    if not column.nullable and values.null_count:
        yield Failure(
            _plain(values.is_null()), Reason.MISSING_COLUMN, name, lambda _: "it is missing or null, and never may be"
        )
    if column.type in (ColumnType.FLOAT32, ColumnType.FLOAT64):
        endless = pc.invert(pc.is_finite(values))
        yield Failure(_plain(endless), Reason.WRONG_TYPE, name, lambda value: f"{value} is no {column.type}")
    if column.between is not None:
        low, high = column.between
        least, greatest = (_limit(limit, values.type) for limit in (low, high))
        outside = pc.or_(pc.less(values, least), pc.greater(values, greatest))
        yield Failure(
            _plain(outside), Reason.OUT_OF_RANGE, name, lambda value: f"{value} is not between {low:g} and {high:g}"
        )
    if column.one_of is not None:
        allowed = column.one_of
        strange = pc.and_(values.is_valid(), pc.invert(pc.is_in(values, pa.array(allowed, values.type))))
        yield Failure(
            _plain(strange), Reason.NOT_ALLOWED, name, lambda value: f"{value!r} is not among {list(allowed)}"
        )


def _limit(limit: float, type_: pa.DataType) -> pa.Scalar:
    """A limit as rows would have it: with 32 bits 0.1 is a little more than with 64, and must not lie above itself."""
    return pa.scalar(limit, type_ if pa.types.is_floating(type_) else pa.float64())


def _too_far_ahead(times: pa.ChunkedArray, timestamps: Int64s, limit: int) -> Bools:
    """A record without a timestamp (-1) cannot be judged."""
    event = pc.fill_null(times.cast(pa.int64()), np.iinfo(np.int64).min).to_numpy()
    ahead: Bools = (timestamps >= 0) & (event > timestamps * 1000 + limit)
    return ahead


def _plain(mask: pa.ChunkedArray) -> Bools:
    plain: Bools = pc.fill_null(mask, fill_value=False).to_numpy()
    return plain
