"""A month of real flights through real services: every raw record is accounted for exactly once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable
from headrace.local.stack import Endpoints
from headrace_flights.dataset import load
from headrace_flights.events import event_streams
from headrace_flights.ledger import Report
from headrace_flights.records import merged_records
from headrace_flights.replay import replay
from rig.judge import Identity, ends, judge, rows_of
from rig.suite import Suite

STREAMS = ("schedule", "departures", "arrivals", "weather")
SERVICES = ("ingestion", "cleaning", "feature_engineering", "lake")
QUICK = {"HEADRACE_LAKE_FLUSH_SECONDS": "2", "HEADRACE_SNAPSHOT_SECONDS": "3"}  # so that a crash comes between them
_tenants = count(1)  # the tests share a stack, so each is a tenant of its own
BROKEN = [b"{", b'{"flight_id": 7}', b"", b'{"origin": "ATL", "observed": "2013-02-01T00:00:00Z"}']


@cache
def february() -> pl.DataFrame:
    """The month with the wind of 1,048 mph."""
    start, end = datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC)
    return merged_records(event_streams(load()), start=start, end=end)


def pipeline(tenant: str) -> str:
    text = resources.files("headrace_flights").joinpath("flights.yaml").read_text()
    return text.replace("name: flights\n", f"name: flights\ntenant: {tenant}\n", 1)


@pytest.fixture
def suite(endpoints: Endpoints, tmp_path: Path) -> Iterator[Suite]:
    with Suite(pipeline(f"tenant{next(_tenants)}"), endpoints, tmp_path, services=SERVICES, settings=QUICK) as suite:
        yield suite


def send_broken(suite: Suite) -> int:
    """Records that nobody can read, into every raw topic."""
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
    for stream in STREAMS:
        for place, value in enumerate(BROKEN):
            producer.produce(suite.plan.topics.raw(stream), value, partition=place % 4)
    assert producer.flush(30) == 0
    return len(STREAMS) * len(BROKEN)


def send_february(suite: Suite, speed: float = 0.0) -> Report:
    prefix = f"{suite.plan.topics.prefix}.raw."
    report = replay(february(), kafka=suite.endpoints.kafka, speed=speed, topic_prefix=prefix)
    assert report.failed == 0
    return report


def raw_identities(suite: Suite, stream: str) -> set[Identity]:
    """One record, one row."""
    found = ends(suite.endpoints.kafka, suite.plan.topics.raw(stream))
    return {(partition, offset, 0) for partition, end in found.items() for offset in range(end)}


def expect_every_record_once(suite: Suite, broken: int) -> None:
    """Each raw record is in the ingested topic or in quarantine, and what is ingested arrives where it should."""
    kafka, names = suite.endpoints.kafka, suite.plan.topics
    departures = february().filter(pl.col("stream") == "departures").height
    features = names.features("late_at_departure")
    suite.until(lambda: judge(kafka, features).rows.total() >= departures, f"{departures} rows of features")
    rejected = judge(kafka, names.quarantine)
    assert rejected.rows.total() == broken
    ingested_total = 0
    for stream in STREAMS:
        ingested = judge(kafka, names.ingested(stream))
        assert ingested.doubled == 0
        raw = raw_identities(suite, stream)
        assert set(ingested.rows) <= raw
        ingested_total += ingested.rows.total()
        if stream == "departures":
            assert set(judge(kafka, features).rows) == set(ingested.rows)
    assert ingested_total == february().height + len(STREAMS) * len(BROKEN) - broken
    assert judge(kafka, features).doubled == 0
    expect_the_same_in_the_lake(suite)
    travelling = [judge(kafka, names.ingested(stream)).rows.total() for stream in ("departures", "arrivals", "weather")]
    assert judge(kafka, names.log("origin")).rows.total() == sum(travelling)
    assert judge(kafka, names.log("dest")).rows.total() == sum(travelling[:2])


def expect_the_same_in_the_lake(suite: Suite) -> None:
    """Each table holds the rows of its topic, each once."""
    kafka, names = suite.endpoints.kafka, suite.plan.topics
    for stream in STREAMS:
        ingested = judge(kafka, names.ingested(stream)).rows
        for hop in ("ingested", "cleaned"):
            suite.until(lambda: lake_rows(suite, f"{hop}/{stream}") == ingested, f"{hop}/{stream} in the lake")  # noqa: B023
    features = judge(kafka, names.features("late_at_departure")).rows
    suite.until(lambda: lake_rows(suite, "features/late_at_departure") == features, "features in the lake")
    rejected = judge(kafka, names.quarantine).rows
    suite.until(lambda: lake_rows(suite, "quarantine/all") == rejected, "quarantine in the lake")


def lake_rows(suite: Suite, table: str) -> Counter[Identity]:
    """The identities in a table, as a reader of Delta tables finds them."""
    place = suite.endpoints
    pipeline = suite.plan.pipeline
    delta = DeltaTable(
        f"s3://{place.bucket}/lake/{pipeline.tenant}/{pipeline.name}/{table}",
        storage_options={
            "AWS_ENDPOINT_URL": place.s3,
            "AWS_ACCESS_KEY_ID": place.access_key,
            "AWS_SECRET_ACCESS_KEY": place.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        },
    )
    rows = delta.to_pyarrow_table(columns=["_partition", "_offset", "_row"])
    return Counter(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def test_every_record_arrives_once(suite: Suite) -> None:
    # Given services at work, and records among the flights that nobody can read
    broken = send_broken(suite)
    # When a month of flights is replayed as fast as possible
    send_february(suite)
    # Then every record is ingested once or rejected once; the wind of 1,048 mph is the one rejected of the month
    expect_every_record_once(suite, broken + 1)
    reasons = rows_of(suite.endpoints.kafka, suite.plan.topics.quarantine).to_pylist()
    assert [row["rule"] for row in reasons if row["reason"] == "out_of_range"] == ["wind_speed"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_crash_loses_and_doubles_nothing(service: str, suite: Suite) -> None:
    # Given a replay that goes on for a while
    broken = send_broken(suite)
    sender = threading.Thread(target=send_february, args=(suite, 120_000.0))
    sender.start()
    try:
        # When a service is killed in mid-stream, and once more after it has come back and moved on
        for _ in range(2):
            before = progress(suite, service)
            suite.until(lambda before=before: progress(suite, service) > before + 4, "progress")  # type: ignore[misc]
            suite.crash(service)
    finally:
        sender.join(60)
    # Then the accounting is as exact as without the crashes
    expect_every_record_once(suite, broken + 1)


def progress(suite: Suite, service: str) -> int:
    """Messages that the service has written so far."""
    names = suite.plan.topics
    topic = {
        "ingestion": names.ingested("departures"),
        "cleaning": names.log("origin"),
        "feature_engineering": names.features("late_at_departure"),
        "lake": names.features("late_at_departure"),  # what it reads: it writes no topic
    }[service]
    return sum(ends(suite.endpoints.kafka, topic).values())
