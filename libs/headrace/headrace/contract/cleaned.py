"""What columns a stream has once its `clean` steps are done."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from headrace.contract.clean import Cast, Derive, Fill
from headrace.contract.columns import ColumnType
from headrace.contract.errors import PlanError
from headrace.contract.pipeline import Stream


@dataclass(frozen=True, slots=True)
class CleanColumn:
    """A column of a cleaned row. A derived column can be null; a column that was declared so, or filled, cannot."""

    type: ColumnType
    nullable: bool


def cleaned_columns(stream: Stream) -> dict[str, CleanColumn]:
    """Return the columns of a cleaned row in order; raises PlanError where an expression does not fit the columns."""
    columns = {name: CleanColumn(column.type, column.nullable) for name, column in stream.columns.items()}
    for step in stream.clean:
        if isinstance(step, Derive):
            for name, sql in step.derive.items():
                columns[name] = CleanColumn(expression_type(sql, columns), nullable=True)
        elif isinstance(step, Cast):
            columns |= {name: CleanColumn(type_, columns[name].nullable) for name, type_ in step.cast.items()}
        elif isinstance(step, Fill):
            columns |= {name: CleanColumn(columns[name].type, nullable=False) for name in step.fill}
    return columns


def expression_type(sql: str, columns: dict[str, CleanColumn]) -> ColumnType:
    """Return the type of a SQL expression over these columns; raises PlanError that says what does not fit."""
    # An empty frame that is really computed: the planner alone takes a number that is compared with text for right.
    frame = pl.DataFrame(schema={name: _POLARS[column.type] for name, column in columns.items()})
    try:
        found = frame.select(pl.sql_expr(sql).alias("value")).schema["value"]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:  # a panic is no Exception
        why = str(error).split("\n")[0]
        raise PlanError(f"{sql!r} cannot be computed from {', '.join(columns)}: {why}") from error
    for type_, polars_type in _POLARS.items():
        if found == polars_type:
            return type_
    raise PlanError(f"{sql!r} gives {found}, which no column can hold: cast it to one of {', '.join(ColumnType)}")


_POLARS: dict[ColumnType, pl.DataType] = {
    ColumnType.STRING: pl.String(),
    ColumnType.BOOL: pl.Boolean(),
    ColumnType.INT8: pl.Int8(),
    ColumnType.INT16: pl.Int16(),
    ColumnType.INT32: pl.Int32(),
    ColumnType.INT64: pl.Int64(),
    ColumnType.FLOAT32: pl.Float32(),
    ColumnType.FLOAT64: pl.Float64(),
    ColumnType.TIMESTAMP: pl.Datetime("us", "UTC"),
    ColumnType.BINARY: pl.Binary(),
}
