"""Rows that another version of the pipeline file wrote, read by the names of their columns.

The rules are Avro's for a reader whose schema is not the writer's (https://avro.apache.org/docs/1.12.0/specification/,
"Schema Resolution"), without its promotions of types: the lake gives a column one type for ever.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from headrace.contract.errors import SchemaMismatch


def columns_to_read(found: pa.Schema, wanted: pa.Schema) -> Sequence[int]:
    """The places in `found` of the columns that `wanted` has too; raises SchemaMismatch when it cannot be read so.

    A column that the reader does not want is ignored; one that the writer did not have is null, where it may be.
    """
    places = []
    for field in wanted:
        place = found.get_field_index(field.name)
        if place >= 0:
            if found.field(place).type != field.type:
                raise SchemaMismatch(f"column {field.name} is {found.field(place).type} there and {field.type} here")
            places.append(place)
        elif not field.nullable:
            raise SchemaMismatch(f"column {field.name}, which is never null here, is not there")
    return places


def by_name(rows: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The rows with exactly the schema `wanted`; raises SchemaMismatch as `columns_to_read` does, and for nulls."""
    columns_to_read(rows.schema, wanted)
    columns = []
    for field in wanted:
        if field.name not in rows.schema.names:
            columns.append(pa.chunked_array([pa.nulls(rows.num_rows, field.type)]))
            continue
        column = rows[field.name]
        if column.null_count and not field.nullable:
            raise SchemaMismatch(f"column {field.name}, which is never null here, has {column.null_count} nulls there")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=wanted)
