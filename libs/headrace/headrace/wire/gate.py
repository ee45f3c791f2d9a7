"""The one way in for Arrow bytes: every read of a topic goes through `admit` (design §4)."""

from __future__ import annotations

import pyarrow as pa

from headrace.contract.by_name import by_name, columns_to_read
from headrace.contract.columns import ColumnType
from headrace.contract.errors import BadMessage
from headrace.wire.fingerprint import fingerprint
from headrace.wire.headers import Headers
from headrace.wire.limits import DEFAULT, Limits
from headrace.wire.peek import peek

_READ = pa.ipc.IpcReadOptions(use_threads=False)
_TYPES = frozenset(kind.arrow for kind in ColumnType)


def admit(value: bytes | None, headers: Headers | None, schema: pa.Schema, limits: Limits = DEFAULT) -> pa.Table:
    """The rows of a message, valid in every value and with exactly the registered `schema`.

    `headers` is None for Arrow from outside, which has none of ours. A message whose header names the schema that it
    has, and not ours, was written by another version of the pipeline file: it is read by the names of its columns
    (contract.by_name, docs/adr/0012). Memory stays within a small multiple of `limits.decoded_bytes` whatever the bytes
    are. Raises BadMessage with the reason no_value, too_large, bad_frame, bad_metadata, too_many_rows,
    too_many_columns, too_many_batches, compressed, bad_schema, row_count or bad_arrow; SchemaMismatch for a good
    message that this version cannot read.
    """
    if value is None:
        raise BadMessage("no_value", "the record has no value, expected an Arrow IPC stream")
    if len(value) > limits.value_bytes:
        raise BadMessage("too_large", f"{len(value)} bytes, at most {limits.value_bytes} are allowed")
    claims = peek(value, limits)
    if headers is not None and claims.rows != headers.rows:
        raise BadMessage("row_count", f"the stream has {claims.rows} rows, its header says {headers.rows}")
    found = _schema_of(value[: claims.schema_end])
    if found.equals(schema, check_metadata=False):
        if headers is not None:
            _check_header(headers, schema)
        rows = _exact(_decode(value), schema)
    elif headers is None:
        raise _other_schema(found, schema)
    else:
        _check_header(headers, _plain(found))
        wanted = pa.ipc.IpcReadOptions(use_threads=False, included_fields=columns_to_read(found, schema))
        rows = by_name(_decode(value, wanted), schema)
    if rows.num_rows != claims.rows:
        raise BadMessage("row_count", f"{rows.num_rows} rows were decoded, the stream claims {claims.rows}")
    return rows


def _schema_of(message: bytes) -> pa.Schema:
    try:
        return pa.ipc.read_schema(pa.py_buffer(message))
    except (pa.ArrowException, OSError) as error:
        raise _bad_arrow(error) from error


def _check_header(headers: Headers, found: pa.Schema) -> None:
    if headers.schema != (actual := fingerprint(found)):
        raise BadMessage("bad_schema", f"the header names schema {headers.schema}, the stream has {actual}")


def _other_schema(found: pa.Schema, schema: pa.Schema) -> BadMessage:
    for number, (column, wanted) in enumerate(zip(found, schema, strict=False), start=1):
        if not column.equals(wanted):
            return BadMessage("bad_schema", f"column {number} is {_line(column)}, expected {_line(wanted)}")
    return BadMessage("bad_schema", f"{len(found)} columns, expected {len(schema)}")


def _plain(found: pa.Schema) -> pa.Schema:
    """The schema, if a version of Headrace can have written it: a message that none can have written is a bad one."""
    try:
        names, types = found.names, found.types
        foreign = next((name for name, type_ in zip(names, types, strict=True) if type_ not in _TYPES), None)
    except UnicodeDecodeError as error:  # only here are a stranger's names and time zones made text
        raise BadMessage("bad_schema", "a name in the schema is not UTF-8") from error
    if len(set(names)) < len(names):
        raise BadMessage("bad_schema", "a column stands twice in the schema")
    if foreign is not None:
        raise BadMessage("bad_schema", f"column {_line(foreign)} is of a type that no column of a log has")
    return found


def _decode(value: bytes, options: pa.ipc.IpcReadOptions = _READ) -> pa.Table:
    """The rows, with the columns that the options include; what is not asked for is not decoded."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(value), options=options) as reader:
            rows = reader.read_all()
        rows.validate(full=True)
        return rows
    except MemoryError:
        raise  # says something about this machine, not about the message
    except (pa.ArrowException, OSError) as error:
        raise _bad_arrow(error) from error


def _exact(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with only the registered schema's own metadata."""
    for field, column in zip(schema, rows.columns, strict=True):
        if not field.nullable and column.null_count:
            raise BadMessage("bad_arrow", f"column {field.name} has {column.null_count} nulls, expected none")
    return pa.Table.from_arrays(rows.columns, schema=schema)


def _bad_arrow(error: Exception) -> BadMessage:
    return BadMessage("bad_arrow", f"Arrow refuses it: {_line(error)}")


def _line(thing: object) -> str:
    """One short line fit for a log or a terminal, since a stranger chose some of the text."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(str(thing).split())[:200])
