"""Rows to Parquet objects, one for each event date, with the statistics that let readers skip files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_ROW_GROUP = 131_072
_DICTIONARY_SHARE = 0.1  # a text column is dictionary-encoded when at most this share of its values is distinct
_SAMPLE = 10_000
_EPOCH = date(1970, 1, 1)
_DAY = 86_400_000_000  # µs
_FIRST_TIME = (date.min - _EPOCH).days * _DAY
_END_OF_TIME = ((date.max - _EPOCH).days + 1) * _DAY


def by_date(rows: pa.Table, time_column: str) -> Iterator[tuple[date | None, pa.Table]]:
    """The rows of each UTC date of their event time, oldest date first, in the order they have.

    Rows without a time, or with one outside the years 1 to 9999 that a date can say, come first, as None.
    """
    days = rows[time_column].cast(pa.timestamp("us")).cast(pa.date32()).combine_chunks()
    sayable = pc.and_(pc.greater_equal(days, pa.scalar(date.min)), pc.less_equal(days, pa.scalar(date.max)))
    days = pc.if_else(sayable, days, pa.scalar(None, pa.date32()))
    if len(pc.unique(days)) > 1:
        order = pc.sort_indices(days, sort_keys=[("", "ascending", "at_start")])  # stable
        rows, days = rows.take(order), days.take(order)
    runs = pc.run_end_encode(days)
    start = 0
    for day, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield day, rows.slice(start, end - start)
        start = end


def encode(rows: pa.Table) -> bytes:
    """One Parquet file: zstd level 1, row groups of 128 k rows."""
    sink = BytesIO()
    pq.write_table(
        rows,
        sink,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        compression_level=1,
        use_dictionary=[field.name for field in rows.schema if _repeats(rows, field)],
        write_statistics=[field.name for field in rows.schema if _is_ordered(field.type)],
        store_schema=False,
    )
    return sink.getvalue()


def statistics(rows: pa.Table) -> str:
    """The `stats` of an add action (Delta protocol, Per-file Statistics), for numbers and times.

    A column with a value that JSON or a calendar cannot say has no bounds: readers then read the file.
    """
    lowest: dict[str, float | str] = {}
    highest: dict[str, float | str] = {}
    for field in rows.schema:
        if _is_ordered(field.type) and (bounds := _bounds(rows[field.name])):
            lowest[field.name], highest[field.name] = bounds
    nulls = {field.name: rows[field.name].null_count for field in rows.schema}
    return json.dumps({"numRecords": rows.num_rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls})


def _bounds(column: pa.ChunkedArray) -> tuple[float | str, float | str] | None:
    if pa.types.is_floating(column.type) and not pc.all(pc.is_finite(column)).as_py():
        return None  # readers sort NaN above all numbers, min and max pass it over
    low, high = pc.min_max(column).values()
    if not low.is_valid:
        return None
    if not pa.types.is_timestamp(column.type):
        return low.as_py(), high.as_py()
    if low.value < _FIRST_TIME or high.value >= _END_OF_TIME:
        return None
    return _text(low.as_py()), _text(high.as_py())


def _repeats(rows: pa.Table, field: pa.Field) -> bool:
    if not pa.types.is_string(field.type):
        return False
    sample = rows[field.name].slice(0, _SAMPLE)
    return bool(len(pc.unique(sample)) <= max(16, _DICTIONARY_SHARE * len(sample)))


def _is_ordered(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_timestamp(type_))


def _text(time: datetime) -> str:
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
