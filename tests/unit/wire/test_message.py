"""Rows become one Arrow stream, or several when they are too many for one message."""

import datetime
import itertools

import numpy as np
import pyarrow as pa
import pytest
from headrace.contract.columns import TIMESTAMP
from headrace.contract.errors import BadMessage
from headrace.wire.fingerprint import fingerprint
from headrace.wire.headers import Progress
from headrace.wire.message import encode, encode_parts
from headrace.wire.origin import TEXT_LIMIT, Origin, OriginKey, from_offsets
from headrace.wire.position import Position

KEY = OriginKey("ingestion", "default.flights.raw.weather", 0)
REACHED = Progress(1_700_000_000_000_000, behind=False)


def weather(rows: int) -> pa.Table:
    times = pa.array(np.arange(rows) * 1_000_000 + 1_600_000_000_000_000, TIMESTAMP)
    noise = np.random.default_rng(7).bytes(rows * 50)
    text = pa.array([noise[i * 50 : i * 50 + 50].hex() for i in range(rows)], pa.string())
    return pa.table({"time": times, "text": text})


def one_offset(rows: int) -> Origin:
    return from_offsets(KEY, Position(5), Position(6), np.full(rows, 5))


def test_the_value_is_exactly_one_lz4_arrow_stream_with_the_rows() -> None:
    table = weather(1_000)

    message = encode(table, origin=one_offset(1_000), progress=REACHED, time_column="time")

    assert pa.ipc.open_stream(message.value).read_all().equals(table)
    assert len(message.value) < table.nbytes  # hex text compresses
    assert message.headers.rows == 1_000
    assert message.headers.time == (1_600_000_000_000_000, 1_600_000_999_000_000)
    assert message.headers.schema == fingerprint(table.schema)


def test_the_same_rows_are_the_same_bytes_however_they_are_chunked_and_annotated() -> None:
    table = weather(100)
    cut = pa.concat_tables([table.slice(0, 30), table.slice(30)]).replace_schema_metadata({"pandas": "x"})
    batch = table.to_batches()[0]

    values = {
        encode(rows, origin=one_offset(100), progress=REACHED, time_column="time").value for rows in (table, cut, batch)
    }

    assert len(values) == 1


def test_no_rows_or_no_times_give_no_time_range() -> None:
    nothing = encode(weather(0), origin=Origin(KEY, Position(5), Position(5), ()), progress=REACHED, time_column="time")
    unknown = pa.table({"time": pa.array([None], TIMESTAMP)})

    assert nothing.headers.time is None
    assert encode(unknown, origin=one_offset(1), progress=REACHED, time_column="time").headers.time is None
    assert encode(weather(1), origin=one_offset(1), progress=REACHED, time_column=None).headers.time is None


def test_an_origin_of_another_length_or_a_time_of_another_type_is_the_stages_fault() -> None:
    with pytest.raises(ValueError, match="accounts for 3 rows, the table has 2"):
        encode(weather(2), origin=one_offset(3), progress=REACHED, time_column="time")
    dates = pa.table({"time": [datetime.date(2026, 1, 1)]})
    with pytest.raises(ValueError, match="time is date32"):
        encode(dates, origin=one_offset(1), progress=REACHED, time_column="time")


@pytest.mark.parametrize("limit", [4_000, 20_000, 10_000_000])
def test_rows_that_do_not_fit_are_split_and_only_the_last_part_tells_progress(limit: int) -> None:
    # Given: 500 rows, some offsets causing many of them
    table = weather(500)
    origin = from_offsets(KEY, Position(3), Position(40), np.sort(np.random.default_rng(1).choice([3, 3, 9, 30], 500)))

    parts = encode_parts(table, origin=origin, progress=REACHED, time_column="time", limit=limit)

    # Then: the rows are all there in order, the ranges meet, and no part claims times still on their way
    assert all(len(part.value) <= limit for part in parts)
    assert pa.concat_tables([pa.ipc.open_stream(part.value).read_all() for part in parts]).equals(table)
    assert parts[0].headers.origin.first == origin.first
    assert parts[-1].headers.origin.next == origin.next
    for part, following in itertools.pairwise(parts):
        assert part.headers.origin.next == following.headers.origin.first
        assert part.headers.progress == Progress(None, behind=True)
    assert parts[-1].headers.progress == REACHED


def test_an_origin_too_long_for_a_header_splits_the_message_too() -> None:
    offsets = np.repeat(np.arange(40_000), np.tile([1, 2], 20_000))
    table = pa.table({"n": np.arange(len(offsets))})
    origin = from_offsets(KEY, Position(0), Position(40_000), offsets)
    assert len(str(origin)) > TEXT_LIMIT

    with pytest.raises(ValueError, match="split the rows"):
        encode(table, origin=origin, progress=REACHED, time_column=None)
    parts = encode_parts(table, origin=origin, progress=REACHED, time_column=None, limit=2**23)

    assert [part.headers.rows for part in parts] == [30_000, 30_000]


def test_one_row_that_is_too_large_alone_is_a_bad_message() -> None:
    with pytest.raises(BadMessage, match="row_too_large"):
        encode_parts(weather(4), origin=one_offset(4), progress=REACHED, time_column="time", limit=300)


def test_a_fingerprint_tells_names_types_order_and_nullability_apart_but_not_metadata() -> None:
    base = pa.schema([pa.field("a", pa.int64()), pa.field("b", pa.string())])
    others = [
        pa.schema([pa.field("b", pa.string()), pa.field("a", pa.int64())]),
        pa.schema([pa.field("a", pa.int32()), pa.field("b", pa.string())]),
        pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.string())]),
        pa.schema([pa.field("ab", pa.int64())]),
    ]

    assert fingerprint(base) == fingerprint(base.with_metadata({"k": "v"})) == "e1150cefa8b4e183"
    assert len({fingerprint(schema) for schema in [base, *others]}) == 5
