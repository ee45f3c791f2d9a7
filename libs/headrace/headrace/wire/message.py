"""Rows to messages: one Arrow IPC stream as the value, everything else in the headers."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headrace.contract.errors import BadMessage
from headrace.wire import origin as origins
from headrace.wire.fingerprint import fingerprint
from headrace.wire.headers import Headers, Progress
from headrace.wire.origin import Origin

# Threads are the stage's to spend, and a message is too small to gain from them.
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to Kafka; `headers.encode()` is what the client takes."""

    value: bytes
    headers: Headers


def encode(
    rows: pa.Table | pa.RecordBatch,
    *,
    origin: Origin,
    progress: Progress,
    time_column: str | None,
    traceparent: str | None = None,
) -> Message:
    """One message with all of `rows`; `time_column`, where there is one, must be a timestamp in µs.

    Raises ValueError when the origin accounts for another number of rows or does not fit a header: a fault of the
    stage, not of the data.
    """
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    if origin.rows != table.num_rows:
        raise ValueError(f"the origin accounts for {origin.rows} rows, the table has {table.num_rows}")
    if len(str(origin)) > origins.TEXT_LIMIT:
        raise ValueError(f"the origin's text is above {origins.TEXT_LIMIT} characters: split the rows")
    headers = Headers(
        schema=fingerprint(table.schema),
        rows=table.num_rows,
        time=_time_range(table, time_column),
        origin=origin,
        progress=progress,
        traceparent=traceparent,
    )
    return Message(_stream(table), headers)


def encode_parts(
    rows: pa.Table | pa.RecordBatch,
    *,
    origin: Origin,
    progress: Progress,
    time_column: str | None,
    limit: int,
    traceparent: str | None = None,
) -> list[Message]:
    """As few messages as halving gives, in order, each with a value of at most `limit` bytes.

    Only the last part tells `progress`: before it, rows of times already claimed would still be on their way. The
    others claim no time and say that more waits. Raises BadMessage("row_too_large") when one row alone is too large.
    """
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    if len(str(origin)) <= origins.TEXT_LIMIT or table.num_rows <= 1:
        whole = encode(table, origin=origin, progress=progress, time_column=time_column, traceparent=traceparent)
        if len(whole.value) <= limit:
            return [whole]
    if table.num_rows <= 1:
        raise BadMessage("row_too_large", f"a row caused by {origin.key} {origin.first} is above {limit} bytes encoded")
    half = table.num_rows // 2
    halves = zip(
        (table.slice(0, half), table.slice(half)),
        origins.split(origin, half),
        (Progress(None, behind=True), progress),
        strict=True,
    )
    return [
        message
        for part, part_origin, part_progress in halves
        for message in encode_parts(
            part,
            origin=part_origin,
            progress=part_progress,
            time_column=time_column,
            limit=limit,
            traceparent=traceparent,
        )
    ]


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # Metadata is not part of the contract, so that the same rows are the same bytes whatever library made them.
    bare = table.replace_schema_metadata(None).combine_chunks()
    with pa.ipc.new_stream(sink, bare.schema, options=_OPTIONS) as writer:
        writer.write_table(bare)
    value: bytes = sink.getvalue().to_pybytes()
    return value


def _time_range(table: pa.Table, column: str | None) -> tuple[int, int] | None:
    if column is None or not table.num_rows:
        return None
    if table.schema.field(column).type not in (pa.timestamp("us"), pa.timestamp("us", tz="UTC")):
        raise ValueError(f"{column} is {table.schema.field(column).type}, expected a timestamp in microseconds, UTC")
    times = pc.min_max(table[column].cast(pa.int64()))
    if not times["min"].is_valid:
        return None
    return times["min"].as_py(), times["max"].as_py()
