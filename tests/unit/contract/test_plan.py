"""What the planner makes of a pipeline file."""

import pyarrow as pa
import pytest
from headrace.contract.errors import PlanError
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import make_plan


def pipeline(**change: object) -> Pipeline:
    """A small flights pipeline whose views need two partitioning columns."""
    base: dict[str, object] = {
        "headrace": 1,
        "name": "flights",
        "streams": {
            "departures": {
                "event_time": "off_block",
                "columns": {
                    "flight_id": "string",
                    "off_block": "timestamp",
                    "origin": "string",
                    "dest": "string",
                    "carrier": "string",
                    "dep_delay": "float32",
                },
            },
            "arrivals": {
                "event_time": "landed",
                "columns": {
                    "flight_id": "string",
                    "landed": "timestamp",
                    "origin": "string",
                    "dest": "string",
                    "arr_delay": "float32",
                },
            },
            "weather": {
                "event_time": "observed",
                "columns": {"origin": "string", "observed": "timestamp", "temp": "float32"},
            },
            "schedule": {"event_time": "announced", "columns": {"flight_id": "string", "announced": "timestamp"}},
        },
        "features": {
            "by_carrier": {
                "from": "departures",
                "key": ["carrier", "origin"],
                "hop": "5m",
                "windows": ["1h", "3h"],
                "values": {"dep_delay": ["count", "mean"]},
            },
            "at_airport": {
                "from": "weather",
                "key": ["origin"],
                "hop": "5m",
                "windows": ["3h"],
                "values": {"temp": ["last"]},
            },
            "at_dest": {
                "from": "arrivals",
                "key": ["dest"],
                "hop": "5m",
                "windows": ["3h"],
                "values": {"arr_delay": ["mean"]},
            },
        },
        "predictions": {
            "late": {
                "on": "departures",
                "key": "flight_id",
                "inputs": ["dep_delay"],
                "features": ["by_carrier", "at_airport", "at_dest"],
                "model": "late",
            },
        },
    }
    return Pipeline.model_validate(base | change)


def test_the_smallest_set_of_columns_that_meets_every_key_makes_the_chain() -> None:
    plan = make_plan(pipeline())

    assert [log.column for log in plan.logs] == ["origin", "dest"]
    assert plan.logs[0].views == ("by_carrier", "at_airport")
    assert plan.logs[1].views == ("at_dest",)


def test_rows_travel_only_as_far_as_somebody_needs_them() -> None:
    first, second = make_plan(pipeline()).logs

    assert first.streams == ("departures", "arrivals", "weather")
    assert second.streams == ("departures", "arrivals")
    assert first.leaving == ()
    assert second.leaving == ("late",)


def test_a_stream_that_nobody_needs_does_not_travel() -> None:
    plan = make_plan(pipeline())

    assert not plan.travels("schedule")
    assert plan.travels("weather")


def test_features_of_earlier_logs_travel_with_their_request() -> None:
    first, second = make_plan(pipeline()).logs

    assert "by_carrier__dep_delay__mean__1h" not in first.schema.names
    assert second.schema.field("by_carrier__dep_delay__count__3h").type == pa.int64()
    assert second.schema.names[:2] == ["_stream", "_time"]
    assert second.schema.names[-3:] == ["_partition", "_offset", "_row"]
    assert "off_block" not in second.schema.names  # it travels as _time


def test_without_the_cleaned_table_only_needed_columns_travel() -> None:
    first = make_plan(pipeline(lake=["predictions"])).logs[0]

    assert "temp" in first.schema.names
    assert make_plan(pipeline()).logs[0].schema.field("arr_delay").type == pa.float32()


def test_the_model_sees_inputs_then_the_features_of_each_view_in_order() -> None:
    plan = make_plan(pipeline())

    assert plan.model_inputs("late")[:3] == (
        "dep_delay",
        "by_carrier__dep_delay__count__1h",
        "by_carrier__dep_delay__count__3h",
    )
    assert plan.predictions_schema("late").names[:2] == ["flight_id", "off_block"]
    assert set(plan.model_inputs("late")) <= set(plan.features_schema("late").names)


def test_without_views_requests_travel_a_log_by_their_key() -> None:
    plan = make_plan(
        pipeline(
            features={},
            predictions={"late": {"on": "departures", "key": "flight_id", "inputs": ["dep_delay"], "model": "late"}},
        )
    )

    assert [(log.column, log.streams, log.leaving) for log in plan.logs] == [("flight_id", ("departures",), ("late",))]


def test_streams_that_meet_in_a_log_cannot_give_one_name_two_types() -> None:
    streams = pipeline().model_dump(mode="json")["streams"]
    streams["weather"]["columns"]["dep_delay"] = "string"

    with pytest.raises(PlanError, match="'dep_delay' two types"):
        make_plan(pipeline(streams=streams))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"from": "nowhere", "key": ["origin"], "values": {"temp": ["last"]}}, "no stream 'nowhere'"),
        ({"from": "weather", "key": ["dest"], "values": {"temp": ["last"]}}, "no column 'dest'"),
        ({"from": "weather", "key": ["origin"], "values": {"origin": ["last"]}}, "only numbers"),
    ],
)
def test_a_view_over_what_is_not_there_says_what_is(features: dict[str, object], message: str) -> None:
    view = {"hop": "5m", "windows": ["3h"]} | features

    with pytest.raises(PlanError, match=message):
        make_plan(pipeline(features={"v": view}, predictions={}))
