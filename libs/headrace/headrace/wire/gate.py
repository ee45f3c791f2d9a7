"""The one way in for Arrow bytes: every read of a topic goes through `admit` (design §4)."""

from __future__ import annotations

import pyarrow as pa

from headrace.contract.errors import BadMessage
from headrace.wire.fingerprint import fingerprint
from headrace.wire.headers import Headers
from headrace.wire.limits import DEFAULT, Limits
from headrace.wire.peek import peek

_READ = pa.ipc.IpcReadOptions(use_threads=False)


def admit(value: bytes | None, headers: Headers | None, schema: pa.Schema, limits: Limits = DEFAULT) -> pa.Table:
    """The rows of a message, valid in every value and with exactly the registered `schema`.

    `headers` is None for Arrow from outside, which has none of ours. Memory stays within a small multiple of
    `limits.decoded_bytes` whatever the bytes are. Raises BadMessage with the reason no_value, too_large, bad_frame,
    bad_metadata, too_many_rows, too_many_columns, too_many_batches, compressed, bad_schema, row_count or bad_arrow.
    """
    if value is None:
        raise BadMessage("no_value", "the record has no value, expected an Arrow IPC stream")
    if len(value) > limits.value_bytes:
        raise BadMessage("too_large", f"{len(value)} bytes, at most {limits.value_bytes} are allowed")
    claims = peek(value, limits)
    if headers is not None and claims.rows != headers.rows:
        raise BadMessage("row_count", f"the stream has {claims.rows} rows, its header says {headers.rows}")
    _check_schema(value[: claims.schema_end], headers, schema)
    table = _decode(value, schema)
    if table.num_rows != claims.rows:
        raise BadMessage("row_count", f"{table.num_rows} rows were decoded, the stream claims {claims.rows}")
    for field, column in zip(schema, table.columns, strict=True):
        if not field.nullable and column.null_count:
            raise BadMessage("bad_arrow", f"column {field.name} has {column.null_count} nulls, expected none")
    return table


def _check_schema(message: bytes, headers: Headers | None, schema: pa.Schema) -> None:
    expected = fingerprint(schema)
    if headers is not None and headers.schema != expected:
        raise BadMessage("bad_schema", f"the header names schema {headers.schema}, registered is {expected}")
    try:
        found = pa.ipc.read_schema(pa.py_buffer(message))
    except (pa.ArrowException, OSError) as error:
        raise _bad_arrow(error) from error
    if found.equals(schema, check_metadata=False):
        return
    for number, (column, wanted) in enumerate(zip(found, schema, strict=False), start=1):
        if not column.equals(wanted):
            raise BadMessage("bad_schema", f"column {number} is {_line(column)}, expected {_line(wanted)}")
    raise BadMessage("bad_schema", f"{len(found)} columns, expected {len(schema)}")


def _decode(value: bytes, schema: pa.Schema) -> pa.Table:
    try:
        with pa.ipc.open_stream(pa.py_buffer(value), options=_READ) as reader:
            table = reader.read_all()
        table.validate(full=True)
        # Only the registered schema's own metadata leaves here.
        return pa.Table.from_arrays(table.columns, schema=schema)
    except MemoryError:
        raise  # says something about this machine, not about the message
    except (pa.ArrowException, OSError) as error:
        raise _bad_arrow(error) from error


def _bad_arrow(error: Exception) -> BadMessage:
    return BadMessage("bad_arrow", f"Arrow refuses it: {_line(error)}")


def _line(thing: object) -> str:
    """One short line fit for a log or a terminal, since a stranger chose some of the text."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(str(thing).split())[:200])
