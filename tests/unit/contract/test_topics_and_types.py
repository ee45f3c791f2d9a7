"""Names and types that every stage shares."""

import pyarrow as pa
import pytest
from headrace.contract.columns import ColumnType
from headrace.contract.errors import PipelineError, Problem
from headrace.contract.topics import TopicNames


def test_a_topic_is_named_by_tenant_pipeline_hop_and_name() -> None:
    names = TopicNames("default", "flights")

    assert names.raw("departures") == "default.flights.raw.departures"
    assert names.log("origin") == "default.flights.by.origin"
    assert names.quarantine == "default.flights.quarantine"


@pytest.mark.parametrize("column", list(ColumnType))
def test_every_type_of_the_pipeline_file_has_an_arrow_type(column: ColumnType) -> None:
    assert isinstance(column.arrow, pa.DataType)


def test_timestamps_are_microseconds_in_utc() -> None:
    assert ColumnType.TIMESTAMP.arrow == pa.timestamp("us", tz="UTC")


def test_a_pipeline_error_lists_every_problem_with_its_line_and_mend() -> None:
    error = PipelineError(
        "flights.yaml",
        [
            Problem(3, "streams.a.format", "'xml' is not a format", "say json, csv, avro or arrow"),
            Problem(9, "features.f.from", "no stream 'b'"),
        ],
    )

    assert str(error).splitlines() == [
        "flights.yaml: line 3: streams.a.format: 'xml' is not a format (say json, csv, avro or arrow)",
        "flights.yaml: line 9: features.f.from: no stream 'b'",
    ]
