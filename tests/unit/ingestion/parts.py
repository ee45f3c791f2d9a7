"""What the stories of ingestion are told with."""

from __future__ import annotations

import pyarrow as pa


def ipc(table: pa.Table, compression: str | None = None) -> bytes:
    """A table as the record of a producer that sends Arrow."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    value: bytes = sink.getvalue().to_pybytes()
    return value
