"""Rows to Parquet objects, one for each event date, with the statistics that let readers skip files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_ROW_GROUP = 131_072
_DICTIONARY_SHARE = 0.1  # a text column is dictionary-encoded when at most this share of its values is distinct
_SAMPLE = 10_000


def by_date(rows: pa.Table, time_column: str) -> Iterator[tuple[date | None, pa.Table]]:
    """The rows of each UTC date of their event time, oldest date first; rows without a time come as None."""
    days = rows[time_column].cast(pa.timestamp("us")).cast(pa.date32())
    for day in sorted(pc.unique(days).to_pylist(), key=lambda day: (day is not None, day)):
        which = pc.is_null(days) if day is None else pc.equal(days, pa.scalar(day, pa.date32()))
        yield day, rows.filter(which)


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
    """The `stats` of an add action (Delta protocol, Per-file Statistics), for numbers and times."""
    lowest: dict[str, Any] = {}
    highest: dict[str, Any] = {}
    for field in rows.schema:
        if _is_ordered(field.type):
            ends = pc.min_max(rows[field.name])
            low, high = ends["min"].as_py(), ends["max"].as_py()
            if low is not None and not (isinstance(low, float) and not np.isfinite([low, high]).all()):
                lowest[field.name], highest[field.name] = _plain(low), _plain(high)
    nulls = {field.name: rows[field.name].null_count for field in rows.schema}
    return json.dumps({"numRecords": rows.num_rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls})


def _repeats(rows: pa.Table, field: pa.Field) -> bool:
    if not pa.types.is_string(field.type):
        return False
    sample = rows[field.name].slice(0, _SAMPLE)
    return bool(len(pc.unique(sample)) <= max(16, _DICTIONARY_SHARE * len(sample)))


def _is_ordered(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_timestamp(type_))


def _plain(value: float | datetime) -> float | str:
    """A time as text, to the microsecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value
