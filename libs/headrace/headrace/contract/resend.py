"""A rejected row as a record that its raw topic takes once more."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from headrace.contract.columns import ColumnType
from headrace.contract.identity import IDENTITY, OFFSET
from headrace.contract.pipeline import Format, Stream
from headrace.contract.quarantine import RAW_LIMIT

Rejected = Mapping[str, Any]  # Any: one row of the quarantine table, each value of its column's type

_OF_RECORDS = "ingestion"  # keeps the record itself
_OF_ROWS = "cleaning"  # keeps the typed row as JSON


def why_not(row: Rejected, streams: Mapping[str, Stream]) -> str | None:
    """Why a rejected row cannot be sent again; None when it can."""
    if row[OFFSET] is None:
        return "a whole message between two services: it has no raw record of its own"
    if row["stage"] not in (_OF_RECORDS, _OF_ROWS):
        return f"rejected by {row['stage']}, after cleaning had kept it: sent again it would be there twice"
    if row["stream"] not in streams:
        return f"the pipeline file has no stream {row['stream']} any more"
    if not row["raw"]:
        return "a record without a value"
    if len(row["raw"]) >= RAW_LIMIT:
        return f"longer than the {RAW_LIMIT >> 20} MiB that quarantine keeps: its sender must send it again"
    return None


def resent(row: Rejected, stream: Stream) -> bytes:
    """The value of the record, in the stream's format, for a row of which `why_not` says nothing."""
    if row["stage"] == _OF_RECORDS:
        raw: bytes = row["raw"]
        return raw
    lineage = {field.name for field in IDENTITY}
    values = {name: value for name, value in json.loads(row["raw"]).items() if name not in lineage}
    match stream.format:
        case Format.JSON | Format.NDJSON:
            return json.dumps(values, ensure_ascii=False).encode()
        case Format.CSV:
            return _csv(values)
        case Format.ARROW:
            return _arrow(values, stream)


def _csv(values: Mapping[str, Any]) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(values)
    lines.writerow(str(value).lower() if isinstance(value, bool) else value for value in values.values())
    return text.getvalue().encode()


def _arrow(values: Mapping[str, Any], stream: Stream) -> bytes:
    columns = {name: column.type for name, column in stream.columns.items() if name in values}
    arrays = [pa.array([_typed(values[name], type_)], type_.arrow) for name, type_ in columns.items()]
    table = pa.Table.from_arrays(arrays, names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _typed(value: Any, type_: ColumnType) -> Any:
    """The inverse of how a row is written as JSON."""
    if value is not None and type_ is ColumnType.TIMESTAMP:
        return datetime.fromisoformat(value)
    return base64.b64decode(value) if value is not None and type_ is ColumnType.BINARY else value
