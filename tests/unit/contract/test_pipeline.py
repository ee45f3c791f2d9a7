"""The pipeline file as types: what a user may write and what is refused."""

import pytest
from headrace.contract.cleaned import cleaned_columns
from headrace.contract.columns import ColumnType
from headrace.contract.duration import format_duration, parse_duration
from headrace.contract.errors import PlanError
from headrace.contract.pipeline import Pipeline, Stream, View
from pydantic import ValidationError

COLUMNS: dict[str, object] = {
    "flight_id": "string",
    "off_block": "timestamp",
    "dep_delay": {"type": "float32", "between": [-120, 2000]},
    "dest": {"type": "string", "nullable": True},
}
DEPARTURES: dict[str, object] = {"event_time": "off_block", "columns": COLUMNS}


def test_a_bare_type_is_a_column_that_is_never_null() -> None:
    stream = Stream.model_validate(DEPARTURES)

    assert stream.columns["flight_id"].type is ColumnType.STRING
    assert not stream.columns["flight_id"].nullable
    assert stream.columns["dest"].nullable


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("250ms", 250_000), ("90s", 90_000_000), ("5m", 300_000_000), ("2d", 172_800_000_000), ("0s", 0)],
)
def test_durations_read_back_as_written(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds
    assert parse_duration(format_duration(microseconds)) == microseconds


@pytest.mark.parametrize("text", ["5", "m", "5 m", "-5m", "1.5h", "5w", ""])
def test_anything_else_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event_time": "takeoff"}, "not one of its columns"),
        ({"event_time": "flight_id"}, "needs a timestamp"),
        (
            {"columns": {**COLUMNS, "flight_id": {"type": "string", "between": [0, 1]}}},
            "between needs a number",
        ),
        (
            {"columns": {**COLUMNS, "dep_delay": {"type": "float32", "between": [9, 1]}}},
            "write the smaller first",
        ),
        ({"format": "xml"}, "json"),
        ({"colums": {}}, "Extra inputs"),
    ],
)
def test_a_stream_that_contradicts_itself_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Stream.model_validate(DEPARTURES | change)


def test_windows_must_be_whole_tiles() -> None:
    with pytest.raises(ValidationError, match="whole number of 5m tiles"):
        View.model_validate(
            {"from": "departures", "key": ["dest"], "hop": "5m", "windows": ["7m"], "values": {"dep_delay": ["mean"]}}
        )


def test_the_lake_keeps_every_hop_unless_told_otherwise() -> None:
    pipeline = Pipeline.model_validate({"headrace": 1, "name": "flights", "streams": {"departures": DEPARTURES}})

    assert [str(hop) for hop in pipeline.lake] == ["ingested", "cleaned", "features", "predictions", "quarantine"]
    assert pipeline.tenant == "default"


def test_cleaning_adds_derived_columns_and_changes_types() -> None:
    stream = Stream.model_validate(
        DEPARTURES
        | {
            "clean": [
                {"derive": {"late": "dep_delay > 15"}},
                {"fill": {"dest": "???"}},
                {"cast": {"dep_delay": "float64"}},
            ]
        }
    )

    columns = cleaned_columns(stream)

    assert columns["late"].type is ColumnType.BOOL
    assert not columns["dest"].nullable
    assert columns["dep_delay"].type is ColumnType.FLOAT64


def test_an_expression_over_a_column_that_is_not_there_names_the_columns_that_are() -> None:
    stream = Stream.model_validate(DEPARTURES | {"clean": [{"derive": {"late": "delay > 15"}}]})

    with pytest.raises(PlanError, match="flight_id, off_block, dep_delay, dest"):
        cleaned_columns(stream)
