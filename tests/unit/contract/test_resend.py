"""A rejected row as a record again: what ingestion reads from it is the row that was rejected."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.quarantine import RAW_LIMIT
from headrace.contract.resend import resent, why_not
from headrace.runtime.stage import Arrival, Effects, Record
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace_cleaning.stage import CleaningStage
from headrace_ingestion.stage import IngestionStage

COLUMNS: dict[str, Any] = {
    "id": "string",
    "at": "timestamp",
    "amount": {"type": "float32", "nullable": True},
    "count": "int64",
    "gift": "bool",
    "note": {"type": "string", "nullable": True},
}
ROW = (
    b'{"id": "\xc3\xa4,\\"b\\"", "at": "2025-01-01T00:00:00.000001Z", "amount": 0.1, "count": 9007199254740993,'
    b' "gift": true}'
)


def plan(format_: str, columns: dict[str, Any] = COLUMNS) -> Plan:
    stream = {
        "format": format_,
        "event_time": "at",
        "columns": columns,
        "clean": [{"require": {"name": "never", "that": "1 = 2"}}],
    }
    return make_plan(Pipeline.model_validate({"headrace": 1, "name": "shop", "streams": {"orders": stream}}))


def ingest(plan_: Plan, value: bytes) -> Effects:
    state = IngestionStage(plan_).open(plan_.topics.raw("orders"), 0, None)
    return state.step([Record(0, 1_735_700_000_000, value)], at_end=True)


def cleaned_away(plan_: Plan, rows: pa.Table) -> dict[str, Any]:
    """The quarantine row of a row that cleaning rejects."""
    topic = plan_.topics.ingested("orders")
    stage = CleaningStage(plan_, {log.topic: 1 for log in plan_.logs} | {plan_.topics.clean("orders"): 1})
    origin = OriginKey("ingestion", plan_.topics.raw("orders"), 0)
    arrival = Arrival(0, 0, origin, Progress(0, behind=False), rows)
    effects = stage.open(topic, 0, None).step([arrival], at_end=True)
    assert effects.rejected is not None
    (row,) = effects.rejected.to_pylist()
    return dict(row)


@pytest.mark.parametrize("format_", ["json", "ndjson", "csv", "arrow"])
def test_what_cleaning_rejected_is_the_same_row_once_it_is_sent_again(format_: str) -> None:
    # Given a row that cleaning has rejected, in a stream of any format
    before = ingest(plan("json"), ROW).outputs[0].rows
    row = cleaned_away(plan(format_), before)

    # When it is sent again
    again = ingest(plan(format_), resent(row, plan(format_).pipeline.streams["orders"]))

    # Then ingestion reads the same values, to the last bit
    assert (
        again.outputs[0]
        .rows.drop(["_partition", "_offset", "_row"])
        .equals(before.drop(["_partition", "_offset", "_row"]))
    )


@pytest.mark.parametrize("format_", ["json", "arrow"])
def test_bytes_survive_it_too(format_: str) -> None:
    columns = {"at": "timestamp", "seal": "binary"}
    before = ingest(plan("json", columns), b'{"at": "2025-01-01T00:00:00Z", "seal": "AP9/"}').outputs[0].rows

    row = cleaned_away(plan(format_, columns), before)
    again = ingest(plan(format_, columns), resent(row, plan(format_, columns).pipeline.streams["orders"]))

    assert again.outputs[0].rows["seal"].to_pylist() == [b"\x00\xff\x7f"]


def test_what_ingestion_rejected_is_sent_as_it_came() -> None:
    # Given two lines of a CSV record, one of which does not fit
    plan_ = plan("csv")
    record = b"id,at,count,gift\na,2025-01-01T00:00:00Z,1,true\nb,2025-01-01T00:00:00Z,many,true\n"
    rejected = ingest(plan_, record).rejected
    assert rejected is not None

    # Then it is a record of its own, header and all
    (row,) = rejected.to_pylist()
    assert why_not(row, plan_.pipeline.streams) is None
    value = resent(row, plan_.pipeline.streams["orders"])
    assert ingest(plan_, value.replace(b"many", b"2")).outputs[0].rows["id"].to_pylist() == ["b"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"_offset": None}, "a whole message between two services"),
        ({"stage": "inference"}, "after cleaning had kept it"),
        ({"stream": "gone"}, "has no stream gone any more"),
        ({"raw": b""}, "without a value"),
        ({"raw": b"x" * RAW_LIMIT}, "its sender must send it again"),
    ],
)
def test_what_cannot_be_sent_again_says_why(other: dict[str, Any], said: str) -> None:
    row = {"stage": "ingestion", "stream": "orders", "raw": b"x", "_offset": 3, **other}

    assert said in (why_not(row, plan("json").pipeline.streams) or "")
