"""A month of real flights through real services: every raw record is accounted for exactly once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest
from confluent_kafka import Producer
from headrace.local.stack import Endpoints
from headrace.models.registry import Registry
from headrace.store.s3 import S3Store
from rig.campaign.model import publish
from rig.flights import february, pipeline, send
from rig.judge import Identity, ends, judge, rows_of
from rig.lake import lake_rows
from rig.suite import Suite

STREAMS = ("schedule", "departures", "arrivals", "weather")
SERVICES = ("ingestion", "cleaning", "feature_engineering", "inference", "lake")
PREDICTION = "late_at_departure"
QUICK = {
    "HEADRACE_LAKE_FLUSH_SECONDS": "2",
    "HEADRACE_SNAPSHOT_SECONDS": "3",  # so that a crash comes between them
    "HEADRACE_SESSION_SECONDS": "10",  # what an instance leaves behind is taken over after that
}
BROKEN = [b"{", b'{"flight_id": 7}', b"", b'{"origin": "ATL", "observed": "2013-02-01T00:00:00Z"}']


@pytest.fixture
def suite(endpoints: Endpoints, tmp_path: Path) -> Iterator[Suite]:
    store = S3Store(endpoints.store)

    def model_first(suite: Suite) -> None:
        publish(suite.plan, PREDICTION, Registry(store, suite.plan.pipeline.tenant), seed=1, picky=False)

    with Suite(pipeline(), endpoints, tmp_path, services=SERVICES, settings=QUICK, backlog=model_first) as suite:
        yield suite


def send_broken(suite: Suite) -> int:
    """Records that nobody can read, into every raw topic."""
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
    for stream in STREAMS:
        for place, value in enumerate(BROKEN):
            producer.produce(suite.plan.topics.raw(stream), value, partition=place % 4)
    assert producer.flush(30) == 0
    return len(STREAMS) * len(BROKEN)


def raw_identities(suite: Suite, stream: str) -> set[Identity]:
    """One record, one row."""
    found = ends(suite.endpoints.kafka, suite.plan.topics.raw(stream))
    return {(partition, offset, 0) for partition, end in found.items() for offset in range(end)}


def expect_every_record_once(suite: Suite, broken: int) -> None:
    """Each raw record is in the ingested topic or in quarantine, and what is ingested arrives where it should."""
    kafka, names = suite.endpoints.kafka, suite.plan.topics
    departures = february().filter(pl.col("stream") == "departures").height
    features, predictions = names.features(PREDICTION), names.predictions(PREDICTION)
    suite.until(lambda: judge(kafka, predictions).rows.total() >= departures, f"{departures} predictions")
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
    for topic in (features, predictions):
        assert judge(kafka, topic).doubled == 0
    assert set(judge(kafka, predictions).rows) == set(judge(kafka, features).rows)
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
    features = judge(kafka, names.features(PREDICTION)).rows
    for hop in ("features", "predictions"):
        suite.until(lambda: lake_rows(suite, f"{hop}/{PREDICTION}") == features, f"{hop} in the lake")  # noqa: B023
    rejected = judge(kafka, names.quarantine).rows
    suite.until(lambda: lake_rows(suite, "quarantine/all") == rejected, "quarantine in the lake")


def test_every_record_arrives_once(suite: Suite) -> None:
    # Given services at work, and records among the flights that nobody can read
    broken = send_broken(suite)
    # When a month of flights is replayed as fast as possible
    send(suite, february())
    # Then every record is ingested once or rejected once; the wind of 1,048 mph is the one rejected of the month
    expect_every_record_once(suite, broken + 1)
    reasons = rows_of(suite.endpoints.kafka, suite.plan.topics.quarantine).to_pylist()
    assert [row["rule"] for row in reasons if row["reason"] == "out_of_range"] == ["wind_speed"]


def test_crashes_lose_and_double_nothing(suite: Suite) -> None:
    broken = send_broken(suite)
    # When each service is killed in mid-stream, and once more after it has come back and moved on
    for service in in_mid_stream(suite, (*SERVICES, *SERVICES)):
        suite.crash(service)
    # Then the accounting is as exact as without the crashes
    expect_every_record_once(suite, broken + 1)


def test_a_move_to_another_instance_loses_and_doubles_nothing(suite: Suite) -> None:
    broken = send_broken(suite)
    for service in in_mid_stream(suite, SERVICES):
        # When a second instance takes half of the partitions, and the first then hands over the other half
        suite.join(service)
        suite.leave(service)
    # Then the accounting is as exact as without the moves
    expect_every_record_once(suite, broken + 1)


def in_mid_stream(suite: Suite, services: Sequence[str]) -> Iterator[str]:
    """Each of the services when it has moved, while the rest of its share of the month is still being sent.

    A share for each, not one replay beside them all: that could be over before the last of them had its turn.
    """
    size = -(-february().height // len(services))
    for service, part in zip(services, february().iter_slices(size), strict=True):
        before = progress(suite, service)
        sender = threading.Thread(target=send, args=(suite, part, 60_000.0))
        sender.start()
        try:
            suite.until(lambda before=before, of=service: progress(suite, of) > before, "progress")  # type: ignore[misc]
            yield service
        finally:
            sender.join(60)


def progress(suite: Suite, service: str) -> int:
    """Messages that the service has written so far."""
    names = suite.plan.topics
    topic = {
        "ingestion": names.ingested("departures"),
        "cleaning": names.log("origin"),
        "feature_engineering": names.features(PREDICTION),
        "inference": names.predictions(PREDICTION),
        "lake": names.predictions(PREDICTION),  # what it reads: it writes no topic
    }[service]
    return sum(ends(suite.endpoints.kafka, topic).values())
