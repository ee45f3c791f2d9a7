"""Streams as Kafka records, merged into the one order in which the world would have produced them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from headrace_flights.events import EVENT_TIME, KEY

ORDER = ("event_time", "stream", "row")


def merged_records(
    streams: Mapping[str, pl.DataFrame], *, start: datetime | None = None, end: datetime | None = None
) -> pl.DataFrame:
    """All events with start <= event time < end as records, in the order (event time, stream, row of the stream).

    Columns: event_time (microseconds, UTC), stream (string), row (uint32: the event's place in its stream), key
    (binary), value (binary: one JSON object; instants in ISO 8601 with Z, missing values as null).
    """
    parts = [_records(name, frame, start, end) for name, frame in streams.items()]
    return pl.concat(parts).sort(ORDER)


def _records(name: str, stream: pl.DataFrame, start: datetime | None, end: datetime | None) -> pl.DataFrame:
    time = pl.col(EVENT_TIME[name])
    events = stream.with_row_index("row")
    if start is not None:
        events = events.filter(time >= start)
    if end is not None:
        events = events.filter(time < end)
    return events.select(
        event_time=time,
        stream=pl.lit(name),
        row="row",
        key=pl.col(KEY[name]).cast(pl.Binary),
        value=pl.struct(_json_column(column, dtype) for column, dtype in stream.schema.items())
        .struct.json_encode()
        .cast(pl.Binary),
    )


def _json_column(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).dt.to_string("%Y-%m-%dT%H:%M:%SZ") if dtype.is_temporal() else pl.col(name)
