"""One answer whichever way: from a backlog, live, or computed anew from the lake in event-time order."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from headrace.local.stack import Endpoints
from headrace_flights.in_memory import recompute, travel
from rig.flights import february, pipeline, send
from rig.judge import judge
from rig.lake import table_rows
from rig.suite import Suite

SERVICES = ("ingestion", "cleaning", "feature_engineering", "lake")
SHARED = ("ingestion", "cleaning", "feature_engineering")
QUICK = {"HEADRACE_LAKE_FLUSH_SECONDS": "2"}
PREDICTION = "late_at_departure"


def in_the_lake(suite: Suite, table: str, rows: int, columns: list[str]) -> pl.DataFrame:
    """A table's own columns, once all its rows are there."""
    suite.until(lambda: table_rows(suite, table, ["_row"]).num_rows == rows, f"{rows} rows of {table} in the lake")
    return pl.DataFrame(table_rows(suite, table, columns))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_backlog_gives_the_features_of_event_time_order_to_the_last_bit(
    endpoints: Endpoints, tmp_path: Path, workers: int
) -> None:
    # Given a month of records that wait in Kafka before any service runs, of some of them several
    with Suite(
        pipeline(),
        endpoints,
        tmp_path,
        services=SERVICES,
        settings=QUICK,
        workers=dict.fromkeys(SHARED, workers),
        backlog=lambda suite: send(suite, february()),
    ) as suite:
        plan, names = suite.plan, suite.plan.topics
        asked = february().filter(stream="departures").height
        # When the services have worked it off
        suite.until(
            lambda: judge(endpoints.kafka, names.features(PREDICTION)).rows.total() == asked,
            f"{asked} rows of features",
        )
        columns = plan.features_schema(PREDICTION).names
        live = in_the_lake(suite, f"features/{PREDICTION}", asked, columns)
        # Then no row came too late for its place, whoever had worked on it
        features = [name for name in suite.services if name.startswith("feature_engineering")]
        assert len(features) == workers
        assert sum(suite.rows_told(name, "late") for name in features) == 0
        # And the cleaned rows are those of the raw records, taken in one piece
        raw = {name: february().filter(stream=name)["value"].to_list() for name in plan.logs[0].streams}
        travelled = travel(plan, raw).cleaned
        cleaned = {
            stream: in_the_lake(suite, f"cleaned/{stream}", rows.num_rows, plan.cleaned_schema(stream).names)
            for stream, rows in travelled.items()
        }
        for stream, rows in travelled.items():
            expect_equal(cleaned[stream], pl.DataFrame(rows))
        # And the features are those computed anew from the lake's cleaned tables, in event-time order
        again = recompute(plan, {stream: rows.to_arrow() for stream, rows in cleaned.items()})
        expect_equal(live, pl.DataFrame(again[PREDICTION]))


def expect_equal(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """The same rows with the same values, bit by bit; lineage aside, since each way has its own partitions."""
    own = [name for name in found.columns if not name.startswith("_")]
    left, right = (frame.select(own).sort(own) for frame in (found, expected))
    differ = [name for name in own if not left[name].equals(right[name], null_equal=True)]
    assert (left.height, differ) == (right.height, [])
