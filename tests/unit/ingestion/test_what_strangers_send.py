"""Whatever a producer sends: ingestion never stops on it, and every row is kept or in quarantine."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.runtime.stage import Effects, Record
from headrace.wire.limits import OUTSIDE
from headrace_ingestion.stage import IngestionStage
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.ingestion.parts import ipc

NOW = 1_357_000_000_000
AT = "2013-01-01T00:00:00Z"
FORMATS = ("json", "ndjson", "csv", "arrow")

SLOW = settings(max_examples=60, deadline=None, derandomize=True)


def plan(format_: str) -> Plan:
    columns = {
        "id": "string",
        "at": "timestamp",
        "small": {"type": "int8", "nullable": True},
        "share": {"type": "float32", "nullable": True, "between": [0, 0.1]},
        "size": {"type": "float64", "nullable": True},
        "class": {"type": "binary", "nullable": True},
    }
    streams = {"orders": {"format": format_, "event_time": "at", "columns": columns}}
    return make_plan(Pipeline.model_validate({"headrace": 1, "name": "shop", "streams": streams}))


STATES = {format_: IngestionStage(plan(format_)).open("default.shop.raw.orders", 0, None) for format_ in FORMATS}


def ingest(format_: str, values: Sequence[bytes | None]) -> Effects:
    return STATES[format_].step([Record(n, NOW, value) for n, value in enumerate(values)], at_end=False)


def ids(effects: Effects) -> list[object]:
    found: list[object] = effects.outputs[0].rows["id"].to_pylist()
    return found


def rejected(effects: Effects) -> list[tuple[int, int, str, str | None]]:
    assert effects.rejected is not None
    return [(r["topic_offset"], r["_row"], r["reason"], r["rule"]) for r in effects.rejected.to_pylist()]


def times(*moments: int, unit: str = "us") -> pa.Array:
    return pa.array(moments, pa.timestamp(unit, "UTC"))


@pytest.mark.parametrize("format_", FORMATS)
@given(values=st.lists(st.none() | st.binary(max_size=60), min_size=1, max_size=4))
@SLOW
def test_arbitrary_bytes_are_all_in_quarantine(format_: str, values: list[bytes | None]) -> None:
    effects = ingest(format_, values)

    assert not any(output.rows.num_rows for output in effects.outputs)
    assert {offset for offset, *_ in rejected(effects)} == set(range(len(values)))


@given(field=st.text(max_size=12), neighbour=st.sampled_from(["a", "b"]))
@SLOW
def test_a_csv_row_never_breaks_its_neighbours(field: str, neighbour: str) -> None:
    # Given any text without CSV's own signs in a row between two good ones
    field = "".join(sign for sign in field if sign not in '\r\n",\0')
    record = f"id,at\n1,{AT}\n{field},{AT}\n{neighbour},{AT}\n"
    # When it is ingested, Then the neighbours are there and nothing was made up
    found = ids(ingest("csv", [record.encode()]))
    assert found == (["1", field, neighbour] if field else ["1", neighbour])


@given(body=st.text(alphabet='a,"\r\n', max_size=30))
@SLOW
def test_every_csv_record_leaves_rows_or_a_word_why_not(body: str) -> None:
    effects = ingest("csv", [f"id,at\n{body}".encode()])

    assert effects.outputs[0].rows.num_rows + len(rejected(effects)) > 0


def test_a_bad_quotation_in_csv_costs_its_own_line_only() -> None:
    record = f'\ufeffid,at\n"x"y,{AT}\na,{AT}\n"b\nb",{AT}\n"never ends,{AT}\nlost,{AT}\n'
    effects = ingest("csv", [record.encode()])

    assert ids(effects) == ["a", "b\nb"]
    assert rejected(effects) == [(0, 0, "unreadable", None), (0, 3, "unreadable", None)]
    assert effects.rejected is not None
    assert effects.rejected["raw"][1].as_py() == f'id,at\n"never ends,{AT}\nlost,{AT}'.encode()


def test_a_record_without_a_value_is_named_as_such_in_every_format() -> None:
    for format_ in FORMATS:
        assert rejected(ingest(format_, [None])) == [(0, 0, "no_value", None)]


@pytest.mark.parametrize("format_", ["ndjson", "csv"])
def test_a_record_of_too_many_lines_is_refused_whole(format_: str) -> None:
    effects = ingest(format_, [b"{}\n" * (OUTSIDE.rows + 1)])

    assert rejected(effects) == [(0, 0, "too_many_rows", None)]


def test_a_limit_belongs_to_what_it_allows_in_32_bits_too() -> None:
    record = json.dumps({"id": "a", "at": AT, "share": 0.1}).encode()
    assert ids(ingest("json", [record])) == ["a"]


def test_a_number_in_csv_is_decimal() -> None:
    effects = ingest("csv", [f"id,at,small\na,{AT},0xFF\nb,{AT},-7\n".encode()])

    assert ids(effects) == ["b"]
    assert rejected(effects) == [(0, 0, "wrong_type", "small")]


def test_arrow_of_other_types_comes_in_where_no_value_is_lost() -> None:
    # Given what pandas and polars write: nanoseconds, views, unsigned and whole numbers, a column of nothing
    table = pa.table(
        {
            "id": pa.array(["a"], pa.string_view()),
            "at": times(1_356_998_400_000_000_000, unit="ns"),
            "small": pa.array([7], pa.uint32()),
            "size": pa.array([3], pa.int64()),
            "class": pa.nulls(1),
        }
    )
    (row,) = ingest("arrow", [ipc(table)]).outputs[0].rows.to_pylist()

    assert (row["id"], row["at"].isoformat(), row["small"], row["size"], row["class"]) == (
        "a",
        "2013-01-01T00:00:00+00:00",
        7,
        3.0,
        None,
    )


@pytest.mark.parametrize("bad", [times(0, 2**62, 0, unit="s"), times(0, 2**63 - 1, 0), times(0, 1, 0, unit="ns")])
def test_an_arrow_value_that_does_not_fit_costs_its_own_row_only(bad: pa.Array) -> None:
    # Given a moment that no calendar has, or finer than µs, between two good ones
    source = pa.table({"id": ["a", "b", "c"], "at": bad})
    effects = ingest("arrow", [ipc(source)])
    # Then it is rejected, as a record that could be produced again
    assert ids(effects) == ["a", "c"]
    assert rejected(effects) == [(0, 1, "wrong_type", "at")]
    assert effects.rejected is not None
    alone = pa.ipc.open_stream(effects.rejected["raw"][0].as_py()).read_all()
    assert alone.equals(source.slice(1, 1))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), times(0)], names=["id", "id", "at"]), "bad_schema"),
        (pa.table({"id": pa.array([], pa.string()), "at": times()}), "unreadable"),
        (pa.table({"id": ["a"], "at": pa.array([0], pa.timestamp("us"))}), "wrong_type"),  # which zone?
        (pa.table({"id": ["a"], "at": times(0), "share": pa.array([0.05])}), "wrong_type"),  # 64 bits into 32
    ],
)
def test_arrow_that_cannot_be_meant_is_refused_whole(table: pa.Table, reason: str) -> None:
    effects = ingest("arrow", [ipc(table)])

    assert not ids(effects)
    assert [(offset, row, why) for offset, row, why, _ in rejected(effects)] == [(0, 0, reason)]
