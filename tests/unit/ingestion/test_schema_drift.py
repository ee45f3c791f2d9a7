"""A producer changes its schema: each kind of change has one verdict, and none of them is a silent null or cast."""

from __future__ import annotations

import pyarrow as pa
import pytest
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import make_plan
from headrace.runtime.stage import Effects, Record
from headrace_ingestion.stage import IngestionStage
from unit.ingestion.parts import ipc

NOW = 1_357_000_000_000
AT = 1_356_998_400_000_000
COLUMNS = {
    "at": "timestamp",
    "id": "string",
    "people": "int32",
    "price": {"type": "float64", "nullable": True},
    "seats": {"type": "int64", "nullable": True},
}
AS_AGREED = pa.table(
    {
        "at": pa.array([AT], pa.timestamp("us", "UTC")),
        "id": pa.array(["a"]),
        "people": pa.array([3], pa.int32()),
        "price": pa.array([2.5]),
        "seats": pa.array([4], pa.int64()),
    }
)


def changed(column: str, values: pa.Array) -> pa.Table:
    return AS_AGREED.set_column(AS_AGREED.schema.get_field_index(column), column, values)


# What the producer sends instead, and either the row that comes of it or the reason and the column that are told.
DRIFTS: dict[str, tuple[pa.Table, tuple[str, str | None] | dict[str, object]]] = {
    "added column": (AS_AGREED.append_column("more", pa.array([1])), {"unknown_columns": 1}),
    "dropped column that is never null": (AS_AGREED.drop_columns("people"), ("missing_column", "people")),
    "dropped column that may be null": (AS_AGREED.drop_columns("price"), {"price": None}),
    "renamed column that is never null": (
        AS_AGREED.rename_columns(["at", "id", "persons", "price", "seats"]),
        ("missing_column", "people"),
    ),
    "renamed column that may be null": (
        AS_AGREED.rename_columns(["at", "id", "people", "cost", "seats"]),
        {"price": None, "unknown_columns": 1},
    ),
    "widened, and the value fits": (changed("people", pa.array([3], pa.int64())), {"people": 3}),
    "widened, and the value does not fit": (
        changed("people", pa.array([3 << 40], pa.int64())),
        ("wrong_type", "people"),
    ),
    "narrowed": (changed("people", pa.array([3], pa.int8())), {"people": 3}),
    "integer became float": (changed("seats", pa.array([4.0])), ("wrong_type", "seats")),
    "float became integer": (changed("price", pa.array([2], pa.int64())), {"price": 2.0}),
    "number became text": (changed("people", pa.array(["3"])), ("wrong_type", "people")),
    "text became number": (changed("id", pa.array([1])), ("wrong_type", "id")),
    "reordered": (AS_AGREED.select(["seats", "price", "people", "id", "at"]), {}),
    "coarser unit": (changed("at", pa.array([AT // 10**6], pa.timestamp("s", "UTC"))), {}),
    "finer unit, and nothing is lost": (changed("at", pa.array([AT * 1000], pa.timestamp("ns", "UTC"))), {}),
    "finer unit, and something would be": (
        changed("at", pa.array([AT * 1000 + 1], pa.timestamp("ns", "UTC"))),
        ("wrong_type", "at"),
    ),
    "another time zone": (changed("at", pa.array([AT], pa.timestamp("us", "America/New_York"))), {}),
    "no time zone": (changed("at", pa.array([AT], pa.timestamp("us"))), ("wrong_type", "at")),
    "null where none may be": (changed("people", pa.array([None], pa.int32())), ("missing_column", "people")),
    "null where one may be": (changed("seats", pa.array([None], pa.int64())), {"seats": None}),
    "all null, without a type": (changed("seats", pa.nulls(1)), {"seats": None}),
    "dictionary": (changed("id", pa.array(["a"]).dictionary_encode()), ("bad_frame", None)),
    "large string": (changed("id", pa.array(["a"], pa.large_string())), {"id": "a"}),
}


def ingest(table: pa.Table) -> Effects:
    streams = {"orders": {"format": "arrow", "event_time": "at", "columns": COLUMNS}}
    plan = make_plan(Pipeline.model_validate({"headrace": 1, "name": "shop", "streams": streams}))
    state = IngestionStage(plan).open("default.shop.raw.orders", 0, None)
    return state.step([Record(0, NOW, ipc(table))], at_end=False)


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_change_of_schema_has_its_verdict(drift: str) -> None:
    # Given a producer that no longer sends what was agreed
    sent, verdict = DRIFTS[drift]
    # When its record is ingested
    effects = ingest(sent)
    # Then the row is there with its values unchanged, or it is in quarantine under its reason with the column named
    if isinstance(verdict, tuple):
        assert effects.rejected is not None
        (told,) = effects.rejected.to_pylist()
        assert (told["reason"], told["rule"]) == verdict
        assert effects.outputs[0].rows.num_rows == 0
    else:
        (row,) = effects.outputs[0].rows.select(list(COLUMNS)).to_pylist()
        (agreed,) = AS_AGREED.to_pylist()
        assert row | {"unknown_columns": effects.counts["unknown_columns"]} == agreed | {"unknown_columns": 0} | verdict


def test_a_type_that_can_never_fit_sends_the_whole_record_to_quarantine_as_one_row() -> None:
    # Given a record of three rows whose column has become text
    three = pa.concat_tables([changed("people", pa.array(["3"]))] * 3)
    # When it is ingested, then it is rejected once, with its bytes
    effects = ingest(three)
    assert effects.rejected is not None
    assert effects.rejected.select(["reason", "rule", "raw", "_row"]).to_pylist() == [
        {"reason": "wrong_type", "rule": "people", "raw": ipc(three), "_row": 0}
    ]
