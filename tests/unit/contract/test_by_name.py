"""Rows of one version of the pipeline file, read by another."""

from __future__ import annotations

import pyarrow as pa
import pytest
from headrace.contract.by_name import by_name, columns_to_read
from headrace.contract.errors import SchemaMismatch

ROWS = pa.table({"a": pa.array([1, 2], pa.int64()), "b": pa.array(["x", None]), "c": pa.array([0.5, 1.5])})
A, B, C = ROWS.schema


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([C, A, B], {"c": [0.5, 1.5], "a": [1, 2], "b": ["x", None]}),  # another order
        ([A], {"a": [1, 2]}),  # columns that it does not want
        ([A, pa.field("new", pa.string())], {"a": [1, 2], "new": [None, None]}),  # a column that came later
        ([A.with_nullable(False)], {"a": [1, 2]}),  # never null from now on, and none was
        ([], {}),
    ],
)
def test_what_a_reader_wants_is_found_by_name(wanted: list[pa.Field], expected: dict[str, list[object]]) -> None:
    rows = by_name(ROWS, pa.schema(wanted))

    assert rows.to_pydict() == expected
    assert rows.schema == pa.schema(wanted)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (pa.field("a", pa.int32()), "column a is int64 there and int32 here"),
        (pa.field("new", pa.int64(), nullable=False), "column new, which is never null here, is not there"),
        (B.with_nullable(False), "column b, which is never null here, has 1 nulls there"),
    ],
)
def test_what_cannot_be_read_is_named(wanted: pa.Field, complaint: str) -> None:
    with pytest.raises(SchemaMismatch, match=complaint):
        by_name(ROWS, pa.schema([A, wanted] if wanted.name != "a" else [wanted]))


def test_only_what_is_wanted_need_be_decoded() -> None:
    assert columns_to_read(ROWS.schema, pa.schema([C, pa.field("new", pa.int8()), A])) == [2, 0]
