"""Cleaning: what each step keeps, changes, drops and rejects, and where the rows go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from aiokafka.partitioner import murmur2
from headrace.contract.errors import SnapshotError
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.runtime.stage import Arrival, Effects
from headrace.wire.headers import Progress
from headrace.wire.origin import OriginKey
from headrace_cleaning.stage import CleaningStage, CleaningState

TOPIC = "default.shop.ingested.orders"
ORIGIN = OriginKey("ingestion", "default.shop.raw.orders", 1)
DAY = 86_400_000_000

COLUMNS = {
    "id": "string",
    "at": "timestamp",
    "shop": {"type": "string", "nullable": True},
    "amount": {"type": "float32", "nullable": True},
    "code": {"type": "string", "nullable": True},
}


def plan(clean: Sequence[object], *, keyed: bool = False) -> Plan:
    view = {"from": "orders", "key": ["shop"], "hop": "5m", "windows": ["1h"], "values": {"amount": ["mean"]}}
    return make_plan(
        Pipeline.model_validate(
            {
                "headrace": 1,
                "name": "shop",
                "streams": {"orders": {"event_time": "at", "columns": COLUMNS, "clean": clean}},
                "features": {"spent": view} if keyed else {},
            }
        )
    )


def open_state(plan_: Plan) -> CleaningState:
    return CleaningStage(plan_, {"default.shop.by.shop": 4}).open(TOPIC, 1, None)


def arrival(plan_: Plan, rows: Sequence[dict[str, Any]], offset: int = 7, **progress: Any) -> Arrival:
    full = [
        {"id": f"r{n}", "at": n * 1_000_000, "shop": "x", "amount": 1.0, "_partition": 1, "_offset": n, "_row": 0} | row
        for n, row in enumerate(rows)
    ]
    table = pa.Table.from_pylist(full, schema=plan_.ingested_schema("orders"))
    return Arrival(offset, 5, ORIGIN, Progress(**({"time": 9, "behind": True} | progress)), table)


def clean(steps: Sequence[object], rows: Sequence[dict[str, Any]]) -> Effects:
    plan_ = plan(steps)
    return open_state(plan_).step([arrival(plan_, rows)], at_end=False)


def kept(effects: Effects, column: str) -> list[object]:
    (output,) = effects.outputs
    values: list[object] = output.rows[column].to_pylist()
    return values


def rejected(effects: Effects) -> list[tuple[int, str, str]]:
    assert effects.rejected is not None
    return [(row["_offset"], row["reason"], row["rule"]) for row in effects.rejected.to_pylist()]


@pytest.mark.parametrize(
    "sql", ["amount > 0", "amount > 0 AND id IS NOT NULL", "amount / 2 > 0", "CAST(amount AS DOUBLE) > 0"]
)
def test_require_rejects_what_is_false_and_what_is_unknown(sql: str) -> None:
    effects = clean([{"require": {"name": "paid", "that": sql}}], [{}, {"amount": -1}, {"amount": None}, {"amount": 2}])

    assert kept(effects, "id") == ["r0", "r3"]
    assert rejected(effects) == [(1, "requirement", "paid"), (2, "requirement", "paid")]


def test_a_rejected_row_is_kept_as_it_came_in() -> None:
    effects = clean([{"trim": ["code"]}, {"require": {"name": "n", "that": "code = 'ok'"}}], [{"code": " bad "}])

    assert effects.rejected is not None
    (row,) = effects.rejected.to_pylist()
    assert json.loads(row["raw"])["code"] == " bad "
    assert (row["topic_offset"], row["topic"], row["stream"]) == (7, TOPIC, "orders")


def test_filter_drops_on_purpose() -> None:
    effects = clean([{"filter": "shop = 'x'"}], [{}, {"shop": "y"}, {"shop": None}])

    assert kept(effects, "id") == ["r0"]
    assert effects.counts == {"filtered": 2, "kept": 1}
    assert not rejected(effects)


def test_derive_fill_cast_trim_and_normalise() -> None:
    effects = clean(
        [
            {"trim": ["code"]},
            {"normalise": {"code": "upper", "shop": "nfc"}},
            {"fill": {"amount": 0}},
            {"derive": {"double": "amount * 2", "big": "double > 3"}},
            {"cast": {"amount": "int8"}},
        ],
        [{"code": " ab ", "shop": "e\u0301"}, {"amount": None}, {"amount": 2}],
    )

    assert kept(effects, "code") == ["AB", None, None]
    assert kept(effects, "shop")[0] == "\u00e9"
    assert kept(effects, "amount") == [1, 0, 2]
    assert kept(effects, "double") == [2.0, 0.0, 4.0]
    assert kept(effects, "big") == [False, False, True]
    assert effects.outputs[0].rows.schema.names[:6] == ["id", "at", "shop", "amount", "code", "double"]


@pytest.mark.parametrize("bad", ["12.5", "many", "300"])
def test_a_cast_rejects_only_the_value_that_does_not_fit(bad: str) -> None:
    effects = clean([{"cast": {"code": "int8"}}], [{"code": "12"}, {"code": bad}, {"code": None}])

    assert kept(effects, "code") == [12, None]
    assert rejected(effects) == [(1, "cast", "code")]


def test_an_expression_that_fails_on_one_row_rejects_only_that_row() -> None:
    effects = clean([{"derive": {"number": "CAST(code AS BIGINT) + 1"}}], [{"code": "1"}, {"code": "x"}, {"code": "3"}])

    assert kept(effects, "number") == [2, 4]
    assert rejected(effects) == [(1, "expression", "number")]


def test_a_row_that_is_rejected_repeats_nothing_and_hides_nothing() -> None:
    # Given an event whose first sending is rejected by a rule that stands after drop_duplicates
    steps = [
        {"drop_duplicates": {"by": ["id"], "within": "1d"}},
        {"require": {"name": "shop", "that": "shop = 'good'"}},
    ]
    effects = clean(steps, [{"id": "a", "shop": "bad"}, {"id": "a", "shop": "good"}, {"id": "a", "shop": "good"}])

    # Then the mended one is kept, and only its own repetition is dropped
    assert rejected(effects) == [(0, "requirement", "shop")]
    assert kept(effects, "id") == ["a"]
    assert effects.counts["duplicates"] == 1


def test_a_repeated_key_is_dropped_within_the_window_and_only_there() -> None:
    step = {"drop_duplicates": {"by": ["shop", "code"], "within": "1d"}}
    rows: list[dict[str, Any]] = [
        {"code": "a", "at": 10 * DAY},
        {"code": "a", "at": 10 * DAY + 5},
        {"code": "b", "at": 10 * DAY},
        {"code": None, "at": 10 * DAY},
        {"code": None, "at": 10 * DAY},
        {"code": "a", "at": 11 * DAY + 6},
    ]
    effects = clean([step], rows)

    assert kept(effects, "_offset") == [0, 2, 3, 4, 5]
    assert effects.counts["duplicates"] == 1


def test_the_keys_seen_survive_a_restart() -> None:
    # Given a state that has seen a key
    plan_ = plan([{"drop_duplicates": {"by": ["id"], "within": "1d"}}])
    stage = CleaningStage(plan_, {})
    first = stage.open(TOPIC, 1, None)
    first.step([arrival(plan_, [{"id": "a"}], time=3, behind=False)], at_end=True)
    # When another one takes up its snapshot
    second = stage.open(TOPIC, 1, first.snapshot())
    again = second.step([arrival(plan_, [{"id": "a"}, {"id": "b"}])], at_end=False)
    # Then the key is known there, and so is what the origin said last
    assert kept(again, "id") == ["b"]
    third = stage.open(TOPIC, 1, first.snapshot())
    assert third.step([], at_end=True).progress == Progress(3, behind=False)


def test_a_snapshot_of_other_steps_is_refused() -> None:
    plan_ = plan([{"drop_duplicates": {"by": ["id"], "within": "1d"}}])
    snapshot = open_state(plan_).snapshot()
    with pytest.raises(SnapshotError):
        open_state(plan([{"drop_duplicates": {"by": ["code"], "within": "1d"}}])).restore(snapshot or {})


def test_forgotten_keys_leave_the_memory() -> None:
    plan_ = plan([{"drop_duplicates": {"by": ["id"], "within": "1d"}}])
    state = open_state(plan_)
    state.step([arrival(plan_, [{"id": f"k{n}", "at": n * DAY} for n in range(50)])], at_end=False)
    snapshot = state.snapshot()
    assert snapshot is not None
    assert snapshot["seen:0"].num_rows == 2  # only those within a day of the newest


def test_rows_go_where_kafka_would_send_their_key() -> None:
    plan_ = plan([], keyed=True)
    rows: list[dict[str, Any]] = [{"shop": name} for name in ("x", "y", "z", "x", None)]
    effects = open_state(plan_).step([arrival(plan_, rows)], at_end=False)

    where = {row["_offset"]: output.partition for output in effects.outputs for row in output.rows.to_pylist()}
    expected = [(murmur2(key) & 0x7FFFFFFF) % 4 for key in (b"x", b"y", b"z", b"x")]
    assert [where[n] for n in range(4)] == expected
    assert where[4] == 1  # no key: the number of its raw partition
    assert {output.topic for output in effects.outputs} == {"default.shop.by.shop"}
    assert all(output.rows.schema == plan_.logs[0].schema for output in effects.outputs)


def test_progress_is_passed_on_and_current_only_at_the_end() -> None:
    plan_ = plan([])
    state = open_state(plan_)

    assert state.step([arrival(plan_, [], time=4, behind=False)], at_end=False).progress == Progress(4, behind=True)
    assert state.step([], at_end=True).progress == Progress(4, behind=False)
    assert state.step([arrival(plan_, [], time=None, behind=True)], at_end=True).progress == Progress(4, behind=True)
