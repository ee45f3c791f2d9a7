"""Arrow from outside to columns: through the gate first, and only with values that lose nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from headrace.contract.errors import BadMessage
from headrace.contract.exact import Bools, cast
from headrace.contract.pipeline import Column
from headrace.contract.quarantine import Reason
from headrace.runtime.stage import Record
from headrace.wire import gate
from headrace.wire.limits import OUTSIDE
from headrace.wire.peek import peek

from headrace_ingestion.rows import Broken, Decode, Decoded


def arrow_decode(columns: Mapping[str, Column]) -> Decode:
    """One IPC stream per record."""
    schema = pa.schema([(name, column.type.arrow) for name, column in columns.items()])
    return lambda records: _read(records, schema)


def _read(records: Sequence[Record], schema: pa.Schema) -> Decoded:
    tables = [schema.empty_table()]
    sources: list[pa.Table] = []
    places: list[tuple[int, int, int]] = []  # record's place in the run, row, index in sources
    broken: list[Broken] = []
    unknown = 0
    for number, record in enumerate(records):
        try:
            source = _admit(record.value or b"")
            _check_types(source, schema)
        except BadMessage as error:
            rule = error.detail.split(":", 1)[0] if error.reason == Reason.WRONG_TYPE else None
            broken.append(Broken(record, 0, record.value or b"", error.reason, rule, error.detail))
            continue
        table, wrong = _fitted(source, schema)
        kept = np.ones(source.num_rows, np.bool_)
        for row, name in wrong.items():
            detail = f"{name}: a {source[name].type} that is no {schema.field(name).type}"
            broken.append(Broken(record, row, _row_alone(source, row), Reason.WRONG_TYPE, name, detail))
            kept[row] = False
        tables.append(table.filter(pa.array(kept)) if wrong else table)
        places += [(number, row, len(sources)) for row in np.flatnonzero(kept).tolist()]
        sources.append(source)
        unknown += source.num_rows if set(source.schema.names) - set(schema.names) else 0
    where = np.array(places, np.int64).reshape(-1, 3)

    def raw(row: int) -> bytes:
        return _row_alone(sources[where[row, 2]], int(where[row, 1]))

    return Decoded(pa.concat_tables(tables), where[:, 0], where[:, 1], raw, broken, unknown)


def _admit(value: bytes) -> pa.Table:
    """The record's table, valid in every value; raises BadMessage."""
    if len(value) > OUTSIDE.value_bytes:
        raise BadMessage("too_large", f"{len(value)} bytes, at most {OUTSIDE.value_bytes} are allowed")
    claims = peek(value, OUTSIDE)
    if not claims.rows:
        raise BadMessage(Reason.UNREADABLE, "a stream without rows")
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(value[: claims.schema_end]))
    except (pa.ArrowException, OSError) as error:
        raise BadMessage("bad_arrow", f"its schema cannot be read: {error}"[:200]) from error
    if len(set(schema.names)) != len(schema.names):
        raise BadMessage("bad_schema", "a column stands twice in the schema")
    return gate.admit(value, None, schema.remove_metadata(), OUTSIDE)


def _check_types(table: pa.Table, schema: pa.Schema) -> None:
    for field in schema:
        if field.name in table.schema.names:
            found = table.schema.field(field.name).type
            if not _may_fit(found, field.type):
                raise BadMessage(Reason.WRONG_TYPE, f"{field.name}: it is {found}, expected {field.type}"[:200])


def _fitted(table: pa.Table, schema: pa.Schema) -> tuple[pa.Table, dict[int, str]]:
    """The stream's columns, and for each row with a value that does not fit the first such column."""
    arrays, wrong = [], dict[int, str]()
    for field in schema:
        if field.name not in table.schema.names:
            arrays.append(pa.nulls(table.num_rows, field.type))
            continue
        bad: Bools
        array, bad = cast(pa.concat_arrays(table[field.name].chunks), field.type)
        for row in np.flatnonzero(bad).tolist():
            wrong.setdefault(row, field.name)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=schema), wrong


def _may_fit(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of one type can be values of the other without any change of meaning."""
    types = pa.types
    if found == wanted or types.is_null(found):
        return True
    if types.is_string(wanted):
        return bool(types.is_large_string(found) or types.is_string_view(found))
    if types.is_binary(wanted):
        return bool(types.is_large_binary(found) or types.is_binary_view(found) or types.is_fixed_size_binary(found))
    if types.is_integer(wanted):
        return bool(types.is_integer(found))
    if types.is_floating(wanted):
        return bool(types.is_integer(found) or (types.is_floating(found) and found.bit_width <= wanted.bit_width))
    return bool(types.is_timestamp(wanted) and types.is_timestamp(found) and found.tz is not None)


def _row_alone(table: pa.Table, row: int) -> bytes:
    """One row as a record that could be produced again."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.slice(row, 1))
    alone: bytes = sink.getvalue().to_pybytes()
    return alone
