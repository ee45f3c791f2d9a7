"""The gate lets good messages through unchanged and refuses what breaks a promise of the contract."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from headrace.contract.columns import ColumnType
from headrace.contract.errors import BadMessage, SchemaMismatch
from headrace.wire import headers
from headrace.wire.gate import admit
from headrace.wire.headers import Progress
from headrace.wire.limits import OUTSIDE, Limits
from headrace.wire.message import Message, encode
from headrace.wire.origin import OriginKey, from_offsets
from headrace.wire.position import Position

StreamWriter = Callable[..., bytes]

SCHEMA = pa.schema([pa.field(kind.value, kind.arrow) for kind in ColumnType]).with_metadata({"registered": "yes"})
VALUES = {
    "string": ["Malmö", "", None],
    "bool": [True, False, None],
    "timestamp": [0, -1, None],
    "binary": [b"\xff", b"", None],
}


def every_type() -> pa.Table:
    return pa.table([pa.array(VALUES.get(field.name, [1, 0, None]), field.type) for field in SCHEMA], schema=SCHEMA)


def message_of(table: pa.Table) -> Message:
    rows = table.num_rows
    origin = from_offsets(OriginKey("s", "t", 0), Position(0), Position(rows), np.arange(rows))
    return encode(table, origin=origin, progress=Progress(None, behind=False), time_column=None)


def test_a_message_of_every_type_comes_through_as_it_was() -> None:
    message = message_of(every_type())

    table = admit(message.value, headers.parse(message.headers.encode()), SCHEMA)

    assert table.equals(every_type())
    assert table.schema.equals(SCHEMA, check_metadata=True)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_message_of_few_or_no_rows_comes_through(rows: int) -> None:
    message = message_of(every_type().slice(0, rows))

    assert admit(message.value, message.headers, SCHEMA).num_rows == rows


def test_arrow_from_outside_comes_through_plain_and_in_several_batches(stream: StreamWriter) -> None:
    table = every_type()

    assert admit(stream(table.slice(0, 1), table.slice(1)), None, SCHEMA, OUTSIDE).equals(table)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_arrow_from_outside_is_refused_when_it_is_compressed(stream: StreamWriter, compression: str) -> None:
    with pytest.raises(BadMessage, match=r"compressed: .*turn compression off"):
        admit(stream(every_type(), compression=compression), None, SCHEMA, OUTSIDE)


def test_metadata_that_a_stranger_attached_stays_outside(stream: StreamWriter) -> None:
    plain = every_type()
    dressed = plain.replace_schema_metadata({"pandas": "{}", "x": "y"})

    assert admit(stream(dressed), None, SCHEMA).schema.metadata == {b"registered": b"yes"}


def test_a_header_that_names_another_schema_or_row_count_is_refused() -> None:
    message, other = message_of(every_type()), message_of(every_type().slice(1).select(["bool"]))

    with pytest.raises(BadMessage, match="row_count: the stream has 3 rows, its header says 2"):
        admit(message.value, other.headers, SCHEMA)
    with pytest.raises(BadMessage, match="bad_schema: the header names schema"):
        admit(message.value, message_of(every_type().select(["bool"])).headers, SCHEMA)


def test_a_message_of_another_version_is_read_by_the_names_of_its_columns() -> None:
    message = message_of(every_type())
    registered = pa.schema([pa.field("new", pa.string()), SCHEMA.field("bool"), SCHEMA.field("int64")])

    rows = admit(message.value, message.headers, registered)

    assert rows.to_pydict() == {"new": [None] * 3, "bool": [True, False, None], "int64": [1, 0, None]}


def test_a_message_of_a_version_that_cannot_be_read_is_no_bad_message() -> None:
    message = message_of(every_type())

    with pytest.raises(SchemaMismatch, match="column bool is bool there and string here"):
        admit(message.value, message.headers, pa.schema([("bool", pa.string())]))


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), "a column stands twice"),
        (pa.table({"a": [[1]]}), "column a is of a type that no column of a log has"),
    ],
)
def test_what_no_version_can_have_written_is_a_bad_message(rows: pa.Table, complaint: str) -> None:
    message = message_of(rows)

    with pytest.raises(BadMessage, match=f"bad_schema: {complaint}"):
        admit(message.value, message.headers, SCHEMA)


@pytest.mark.parametrize(
    ("registered", "complaint"),
    [
        (pa.schema([("a", pa.int64())]), "2 columns, expected 1"),
        (pa.schema([("a", pa.int64()), ("b", pa.string())]), "column 2 is .*int32.* expected .*string"),
        (pa.schema([("b", pa.int32()), ("a", pa.int64())]), "column 1 is"),
        (pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.int32())]), "column 1 is .*not null"),
    ],
)
def test_another_schema_than_the_registered_one_is_refused_and_the_difference_named(
    stream: StreamWriter, registered: pa.Schema, complaint: str
) -> None:
    value = stream(pa.table({"a": pa.array([1], pa.int64()), "b": pa.array([1], pa.int32())}))

    with pytest.raises(BadMessage, match=f"bad_schema: {complaint}"):
        admit(value, None, registered)


def test_nulls_where_none_are_allowed_are_refused(stream: StreamWriter) -> None:
    # Given: a writer that does not check its own schema (pyarrow does not)
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    value = stream(pa.Table.from_arrays([pa.array([1, None])], schema=schema))

    with pytest.raises(BadMessage, match="bad_arrow: column a has 1 nulls, expected none"):
        admit(value, None, schema)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(value_bytes=100), "too_large"),
        (Limits(rows=2), "too_many_rows"),
        (Limits(columns=9), "too_many_columns"),
        (Limits(batches=2), "too_many_batches"),
        (Limits(decoded_bytes=100), "too_large"),
    ],
)
def test_every_limit_holds_at_its_edge(stream: StreamWriter, limits: Limits, reason: str) -> None:
    table = every_type()
    value = stream(*(table.slice(row, 1) for row in range(3)))
    assert admit(value, None, SCHEMA, Limits(len(value), 3, 10, 3)).equals(table)

    with pytest.raises(BadMessage) as caught:
        admit(value, None, SCHEMA, limits)
    assert caught.value.reason == reason
