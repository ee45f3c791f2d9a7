"""Ingestion as a producer meets it: what is as declared comes through typed, everything else is named in quarantine."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.runtime.stage import Effects, Record
from headrace.wire.headers import Progress
from headrace_ingestion.stage import IngestionStage
from unit.ingestion.parts import ipc

NOW = 1_357_000_000_000  # ms, 2013-01-01T00:26:40Z
RAW = "default.shop.raw.orders"


def plan(format_: str = "json") -> Plan:
    columns = {
        "id": "string",
        "at": "timestamp",
        "amount": {"type": "float32", "between": [0, 1000]},
        "country": {"type": "string", "one_of": ["AT", "DE"], "nullable": True},
        "count": {"type": "int8", "nullable": True},
        "gift": {"type": "bool", "nullable": True},
    }
    streams = {"orders": {"format": format_, "event_time": "at", "columns": columns}}
    return make_plan(Pipeline.model_validate({"headrace": 1, "name": "shop", "streams": streams}))


def ingest(values: Sequence[bytes | None], format_: str = "json", first: int = 100) -> Effects:
    state = IngestionStage(plan(format_)).open(RAW, 3, None)
    return state.step([Record(first + n, NOW, value) for n, value in enumerate(values)], at_end=False)


def order(**change: object) -> bytes:
    good: dict[str, object] = {"id": "a", "at": "2013-01-01T01:00:00+01:00", "amount": 5, "country": "AT", "count": 1}
    return json.dumps({k: v for k, v in (good | change).items() if v is not ...}).encode()


def rows(effects: Effects) -> list[dict[str, object]]:
    found: list[dict[str, object]] = effects.outputs[0].rows.to_pylist()
    return found


def rejected(effects: Effects) -> list[tuple[int, int, str, str | None]]:
    assert effects.rejected is not None
    return [(r["_offset"], r["_row"], r["reason"], r["rule"]) for r in effects.rejected.to_pylist()]


def test_a_good_record_becomes_a_typed_row_with_its_identity() -> None:
    effects = ingest([order()])

    (output,) = effects.outputs
    assert (output.topic, output.partition) == ("default.shop.ingested.orders", 3)
    assert output.rows.schema == plan().ingested_schema("orders")
    row = output.rows.to_pylist()[0]
    assert row["at"].isoformat() == "2013-01-01T00:00:00+00:00"
    assert (row["amount"], row["gift"], row["_partition"], row["_offset"], row["_row"]) == (5.0, None, 3, 100, 0)
    assert effects.progress == Progress(1_356_998_400_000_000, behind=True)
    assert not rejected(effects)


@pytest.mark.parametrize(
    ("change", "reason", "rule"),
    [
        ({"amount": ...}, "missing_column", "amount"),
        ({"amount": None}, "missing_column", "amount"),
        ({"amount": "5"}, "wrong_type", "amount"),
        ({"amount": True}, "wrong_type", "amount"),
        ({"amount": -5}, "out_of_range", "amount"),
        ({"amount": 1e39}, "wrong_type", "amount"),
        ({"amount": 1000.1}, "out_of_range", "amount"),
        ({"id": 7}, "wrong_type", "id"),
        ({"count": 1.5}, "wrong_type", "count"),
        ({"count": 128}, "wrong_type", "count"),
        ({"gift": "yes"}, "wrong_type", "gift"),
        ({"country": "FR"}, "not_allowed", "country"),
        ({"at": "2013-01-01T01:00:00"}, "wrong_type", "at"),
        ({"at": "yesterday"}, "wrong_type", "at"),
        ({"at": 1357000000}, "wrong_type", "at"),
        ({"at": "0000-01-01T00:00:00Z"}, "wrong_type", "at"),
        ({"at": "2013-01-01T00:00:00.1234567Z"}, "wrong_type", "at"),
        ({"at": "2013-01-02T00:26:41Z"}, "too_far_ahead", "at"),
    ],
)
def test_a_row_that_is_not_as_declared_is_named_and_its_neighbours_go_on(
    change: dict[str, object], reason: str, rule: str
) -> None:
    # Given a bad record between two good ones
    bad = order(**change)
    # When the run is ingested
    effects = ingest([order(id="x"), bad, order(id="y")])
    # Then only the bad one is rejected, with its bytes
    assert [row["id"] for row in rows(effects)] == ["x", "y"]
    assert rejected(effects) == [(101, 0, reason, rule)]
    assert effects.rejected is not None
    assert effects.rejected["raw"][0].as_py() == bad


@pytest.mark.parametrize(
    "value", [None, b"", b"  ", b"{", b"nonsense", b"\xff\xfe", b'{"id": "\xff"}', b"[" * 100_000, b"1e999999", b"[]"]
)
def test_what_is_no_object_at_all_is_rejected_whole(value: bytes | None) -> None:
    effects = ingest([order(), value, order()])

    assert len(rows(effects)) == 2
    assert [(offset, row) for offset, row, _, _ in rejected(effects)] == [(101, 0)]


def test_a_column_that_is_not_declared_is_ignored_and_counted() -> None:
    effects = ingest([order(new="x"), order()])

    assert len(rows(effects)) == 2
    assert effects.counts["unknown_columns"] == 1


def test_ndjson_gives_a_row_for_each_line() -> None:
    effects = ingest([order(id="a") + b"\n" + order(amount=-1) + b"\n\n" + order(id="b") + b"\n", b"\n"], "ndjson")

    assert [(row["id"], row["_offset"], row["_row"]) for row in rows(effects)] == [("a", 100, 0), ("b", 100, 3)]
    assert rejected(effects) == [(100, 1, "out_of_range", "amount"), (101, 0, "unreadable", None)]


def test_csv_has_its_header_in_every_record() -> None:
    record = b"id,at,amount,country,count,gift,more\r\n"
    record += b'a,2013-01-01T00:00:00Z,5,AT,1,true,"x\ny"\r\n'
    record += b"b,2013-01-01T00:00:00Z,five,AT,1,,\r\n"
    record += b"c,2013-01-01T00:00:00Z,5\r\n"
    record += b"d,2013-01-01T00:00:00Z,1000,,,,\r\n"

    effects = ingest([record, b"id,id\n1,2\n", b"id,at\n", b"\xff"], "csv")

    assert [(row["id"], row["country"], row["count"], row["_row"]) for row in rows(effects)] == [
        ("a", "AT", 1, 0),
        ("d", None, None, 3),
    ]
    assert rejected(effects) == [
        (100, 1, "wrong_type", "amount"),
        (100, 2, "unreadable", None),
        (101, 0, "unreadable", None),
        (102, 0, "unreadable", None),
        (103, 0, "unreadable", None),
    ]
    assert effects.rejected is not None
    assert effects.rejected["raw"][0].as_py() == (
        b"id,at,amount,country,count,gift,more\nb,2013-01-01T00:00:00Z,five,AT,1,,"
    )


def arrow(**change: pa.Array) -> pa.Table:
    columns = {
        "id": pa.array(["a", "b"], pa.large_string()),
        "at": pa.array([1_356_998_400, 1_356_998_401], pa.timestamp("s", "Europe/Vienna")),
        "amount": pa.array([1, 5000], pa.float32()),
        "extra": pa.array([1, 2]),
    }
    return pa.table(columns | change)


def test_arrow_comes_through_the_gate() -> None:
    wrong = ipc(arrow(id=pa.array([1, 2])))
    effects = ingest([ipc(arrow()), ipc(arrow(), "lz4"), wrong, b"junk"], "arrow")

    assert [(row["id"], row["_row"], row["count"]) for row in rows(effects)] == [("a", 0, None)]
    assert rejected(effects)[0] == (100, 1, "out_of_range", "amount")
    assert [(offset, reason) for offset, _, reason, _ in rejected(effects)[1:]] == [
        (101, "compressed"),
        (102, "wrong_type"),
        (103, "bad_frame"),
    ]
    assert rejected(effects)[2][3] == "id"
    assert effects.counts["unknown_columns"] == 2


def test_it_is_current_only_when_told_that_nothing_more_waits() -> None:
    state = IngestionStage(plan()).open(RAW, 0, None)

    assert state.step([], at_end=False).progress == Progress(None, behind=True)
    assert state.step([Record(0, NOW, order())], at_end=True).progress.behind
    assert state.step([], at_end=True).progress == Progress(1_356_998_400_000_000, behind=False)
