"""Arrow from outside to columns: through the gate first, and only with types that lose nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from headrace.contract.errors import BadMessage
from headrace.contract.pipeline import Column
from headrace.contract.quarantine import Reason
from headrace.runtime.stage import Record
from headrace.wire import gate
from headrace.wire.limits import OUTSIDE
from headrace.wire.peek import peek

from headrace_ingestion.rows import Broken, Decode, Decoded


def arrow_decode(columns: Mapping[str, Column]) -> Decode:
    """One IPC stream per record."""
    return lambda records: _read(records, columns)


def _read(records: Sequence[Record], columns: Mapping[str, Column]) -> Decoded:
    schema = pa.schema([(name, column.type.arrow) for name, column in columns.items()])
    tables = [schema.empty_table()]
    places: list[tuple[int, int]] = []
    broken: list[Broken] = []
    unknown = 0
    for number, record in enumerate(records):
        try:
            found = _admit(record.value)
            tables.append(_fitted(found, schema))
        except BadMessage as error:
            rule = error.detail.split(":", 1)[0] if error.reason == Reason.WRONG_TYPE else None
            broken.append(Broken(number, 0, record.value or b"", error.reason, rule, error.detail))
            continue
        places += [(number, row) for row in range(found.num_rows)]
        unknown += found.num_rows if set(found.schema.names) - set(columns) else 0
    table = pa.concat_tables(tables)
    where = np.array(places, np.int64).reshape(-1, 2)
    return Decoded(table, where[:, 0], where[:, 1], lambda row: _row_as_json(table, row), broken, unknown)


def _admit(value: bytes | None) -> pa.Table:
    """The record's table, valid in every value; raises BadMessage."""
    if value is None:
        raise BadMessage("no_value", "the record has no value, expected an Arrow IPC stream")
    if len(value) > OUTSIDE.value_bytes:
        raise BadMessage("too_large", f"{len(value)} bytes, at most {OUTSIDE.value_bytes} are allowed")
    claims = peek(value, OUTSIDE)
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(value[: claims.schema_end]))
    except (pa.ArrowException, OSError) as error:
        raise BadMessage("bad_arrow", f"its schema cannot be read: {error}"[:200]) from error
    return gate.admit(value, None, schema.remove_metadata(), OUTSIDE)


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    arrays = []
    for field in schema:
        if field.name not in table.schema.names:
            arrays.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table[field.name]
        if not _fits(column.type, field.type):
            raise BadMessage(Reason.WRONG_TYPE, f"{field.name}: it is {column.type}, expected {field.type}")
        arrays.append(column.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether every value of one type is a value of the other."""
    if found == wanted:
        return True
    if pa.types.is_large_string(found):
        return bool(pa.types.is_string(wanted))
    if pa.types.is_large_binary(found):
        return bool(pa.types.is_binary(wanted))
    if pa.types.is_signed_integer(found) and pa.types.is_signed_integer(wanted):
        return bool(found.bit_width <= wanted.bit_width)
    if pa.types.is_floating(found) and pa.types.is_floating(wanted):
        return bool(found.bit_width <= wanted.bit_width)
    if pa.types.is_timestamp(found) and pa.types.is_timestamp(wanted):
        return found.tz is not None and found.unit in ("s", "ms", "us")
    return False


def _row_as_json(table: pa.Table, row: int) -> bytes:
    return json.dumps(table.slice(row, 1).to_pylist()[0], default=str, ensure_ascii=False).encode()
