"""A month of the flights for tests: as records, as a pipeline file of a tenant, and sent."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib import resources
from itertools import count

import polars as pl
from headrace_flights.dataset import load
from headrace_flights.events import event_streams
from headrace_flights.ledger import Report
from headrace_flights.records import merged_records
from headrace_flights.replay import replay

from rig.suite import Suite

_tenants = count(1)  # the tests share a stack, so each is a tenant of its own


@cache
def february() -> pl.DataFrame:
    """The month with the wind of 1,048 mph."""
    start, end = datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC)
    return merged_records(event_streams(load()), start=start, end=end)


def pipeline() -> str:
    """The flights' pipeline file, for a tenant that nobody else is."""
    text = resources.files("headrace_flights").joinpath("flights.yaml").read_text()
    return text.replace("name: flights\n", f"name: flights\ntenant: tenant{next(_tenants)}\n", 1)


def send(suite: Suite, records: pl.DataFrame, speed: float = 0.0) -> Report:
    """Replay records into the suite's raw topics; `speed` in event seconds per second, 0 as fast as possible."""
    prefix = f"{suite.plan.topics.prefix}.raw."
    report = replay(records, kafka=suite.endpoints.kafka, speed=speed, topic_prefix=prefix)
    assert report.failed == 0
    return report
