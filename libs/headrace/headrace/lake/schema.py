"""A table's columns as the Delta log writes them, made from an Arrow schema, and how they may change."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from headrace.contract.errors import PlanError

DATE = "_date"
"""The partition column of every table: the UTC date of the row's event time. It is in the path, not in the files."""

_PRIMITIVE: dict[pa.DataType, str] = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
    pa.bool_(): "boolean",
    pa.int8(): "byte",
    pa.int16(): "short",
    pa.int32(): "integer",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamp",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a Delta table; `type` is the protocol's own word for it."""

    name: str
    type: str
    nullable: bool


def columns_of(rows: pa.Schema) -> tuple[Column, ...]:
    """The table's columns for rows of this schema, with the date they are partitioned by. Raises PlanError."""
    if DATE in rows.names:
        raise PlanError(f"column {DATE}: the lake keeps this name for the event date; rename the column")
    return (*(Column(field.name, _type_of(field), field.nullable) for field in rows), Column(DATE, "date", True))


def schema_string(columns: Iterable[Column]) -> str:
    """The `schemaString` of a metaData action (Delta protocol, Schema Serialization Format)."""
    fields = [{"name": c.name, "type": c.type, "nullable": c.nullable, "metadata": {}} for c in columns]
    return json.dumps({"type": "struct", "fields": fields}, separators=(",", ":"))


def parse_schema(text: str) -> tuple[Column, ...]:
    """The columns of a `schemaString`; a nested type, which Headrace never writes, is kept as its JSON."""
    return tuple(
        Column(f["name"], f["type"] if isinstance(f["type"], str) else json.dumps(f["type"]), f["nullable"])
        for f in json.loads(text)["fields"]
    )


def evolve(table: tuple[Column, ...], wanted: tuple[Column, ...], where: str) -> tuple[Column, ...]:
    """The table's columns after rows with the wanted ones may be written: what exists, then what is new, as nullable.

    A column keeps its type for ever; one that was required may become nullable. Raises PlanError naming `where`.
    """
    by_name = {column.name: column for column in wanted}
    kept = []
    for column in table:
        new = by_name.pop(column.name, None)
        if new is not None and new.type != column.type:
            raise PlanError(
                f"{where}, column {column.name}: the table holds {column.type}, the rows hold {new.type}; "
                "give the column a new name"
            )
        kept.append(Column(column.name, column.type, column.nullable or new is None or new.nullable))
    return (*kept, *(Column(new.name, new.type, True) for new in by_name.values()))


def _type_of(field: pa.Field) -> str:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if kind not in _PRIMITIVE:
        known = ", ".join(sorted({str(known) for known in _PRIMITIVE}))
        raise PlanError(f"column {field.name}: the lake cannot hold {kind}; use one of {known}")
    return _PRIMITIVE[kind]
