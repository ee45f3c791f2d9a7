"""SQL over rows: pyarrow where it is a plain comparison (0.1 ms), polars for everything else (0.45 ms and up)."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from headrace_cleaning.batch import Bools

Evaluate = Callable[[pa.Table], tuple[pa.ChunkedArray, Bools]]
"""The values of an expression for each row, and which rows it fails on (null there)."""

_NULL = re.compile(r"\s*([a-z_][a-z0-9_]*)\s+IS\s+(NOT\s+)?NULL\s*", re.IGNORECASE)
_COMPARE = re.compile(
    r"\s*([a-z_][a-z0-9_]*)\s*(=|<>|!=|<=|>=|<|>)\s*(?:(-?[0-9]+(?:\.[0-9]+)?)|'([^']*)')\s*", re.IGNORECASE
)
_OPERATORS = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def compile_sql(sql: str, schema: pa.Schema, type_: pa.DataType) -> Evaluate:
    """An expression over columns of `schema` whose values are of `type_`."""
    simple = _simple(sql, schema)
    if simple is not None:
        return lambda rows: (simple(rows), np.zeros(rows.num_rows, np.bool_))
    expression = pl.sql_expr(sql).alias("value")
    names = sorted(set(expression.meta.root_names()) & set(schema.names))
    return lambda rows: _evaluate(rows, names, expression, type_)


def is_true(values: pa.ChunkedArray) -> Bools:
    """Where a condition holds; null is not true, as in SQL's WHERE."""
    plain: Bools = pc.fill_null(values, fill_value=False).to_numpy()
    return plain


def _simple(sql: str, schema: pa.Schema) -> Callable[[pa.Table], pa.ChunkedArray] | None:
    if (match := _NULL.fullmatch(sql)) and (name := match[1]) in schema.names:
        test = pc.is_valid if match[2] else pc.is_null
        return lambda rows: test(rows[name])
    if (match := _COMPARE.fullmatch(sql)) and (name := match[1]) in schema.names:
        literal = _literal(match[3], match[4], schema.field(name).type)
        if literal is not None:
            compare = _OPERATORS[match[2]]
            return lambda rows: compare(rows[name], literal)
    return None


def _literal(number: str | None, text: str | None, type_: pa.DataType) -> pa.Scalar | None:
    """The literal as the column's own type, as polars takes it too; None where the two are of different kinds."""
    if number is None:
        return pa.scalar(text, type_) if pa.types.is_string(type_) else None
    if pa.types.is_floating(type_):
        return pa.scalar(float(number), pa.float64()).cast(type_)
    if pa.types.is_int64(type_) and "." not in number and len(number) < 18:
        return pa.scalar(int(number), type_)
    return None


def _evaluate(
    rows: pa.Table, names: list[str], expression: pl.Expr, type_: pa.DataType
) -> tuple[pa.ChunkedArray, Bools]:
    """Halves what fails until only single rows fail: one bad row must not take its neighbours."""
    try:
        frame = pl.from_arrow(rows.select(names)) if names else pl.DataFrame({"": [0] * rows.num_rows})
        assert isinstance(frame, pl.DataFrame)
        values = frame.with_columns(expression).get_column("value").to_arrow().cast(type_)
        return pa.chunked_array([values]), np.zeros(rows.num_rows, np.bool_)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowInvalid):  # a panic is no Exception
        if rows.num_rows <= 1:
            return pa.chunked_array([pa.nulls(rows.num_rows, type_)]), np.ones(rows.num_rows, np.bool_)
    half = rows.num_rows // 2
    left = _evaluate(rows.slice(0, half), names, expression, type_)
    right = _evaluate(rows.slice(half), names, expression, type_)
    return pa.chunked_array([*left[0].chunks, *right[0].chunks], type_), np.concatenate([left[1], right[1]])
