"""Arrow as plain Python: a list of dicts, times as µs since 1970."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

Row = dict[str, Any]  # Any: a value of any column type


def rows_of(table: pa.Table) -> list[Row]:
    """The rows of a table."""
    columns = {}
    for field in table.schema:
        values = table[field.name]
        if pa.types.is_timestamp(field.type):
            values = values.cast(pa.timestamp("us", tz=field.type.tz)).cast(pa.int64())
        columns[field.name] = values.to_pylist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def decode(value: bytes) -> tuple[list[Row], list[str]]:
    """The rows of an Arrow IPC stream, and the names of its columns."""
    table = pa.ipc.open_stream(value).read_all()
    table.validate(full=True)
    return rows_of(table), table.schema.names
