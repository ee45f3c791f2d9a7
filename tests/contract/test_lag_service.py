"""The lag service on a real Kafka: known backlogs, and errors instead of numbers."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from headrace.local.service import Service
from headrace.local.stack import Stack
from prometheus_client.parser import text_string_to_metric_families
from rig.judge import ends
from rig.promtool import complaints
from rig.suite import Suite

FILE = """\
headrace: 1
name: {name}
tenant: lagging
partitions: 2
streams:
  visits:
    event_time: at
    columns: {{at: timestamp, page: string}}
"""

Body = dict[str, Any]  # Any: JSON


class Lag:
    """The lag service as a process, and what it answers."""

    def __init__(self, suite: Suite, folder: Path, **settings: str) -> None:
        self.pipeline = suite.plan.pipeline.name
        pipelines = folder / "pipelines"
        pipelines.mkdir()
        (pipelines / "one.yaml").write_text(suite.file.read_text())
        told = {
            "HEADRACE_PIPELINES": str(pipelines),
            "HEADRACE_LAG_POLL_SECONDS": "0.3",
            "HEADRACE_LAG_STALE_SECONDS": "3",
            "HEADRACE_BROKER_SECONDS": "2",
            **{f"HEADRACE_{name}": value for name, value in settings.items()},
        }
        self.service = Service(
            "lag", pipeline=suite.file, endpoints=suite.endpoints, logs=folder / "logs", settings=told
        )

    def ask(self, service: str, pipeline: str | None = None) -> tuple[int, Body]:
        """Status and body of the JSON answer."""
        url = f"{self.service.url}/v1/lagging/{pipeline or self.pipeline}/{service}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def metrics(self) -> dict[tuple[str, str], float]:
        """(metric, service) -> the sum of its series."""
        found: dict[tuple[str, str], float] = {}
        with urllib.request.urlopen(f"{self.service.url}/metrics", timeout=10) as answer:
            for family in text_string_to_metric_families(answer.read().decode()):
                for sample in family.samples:
                    key = (sample.name, sample.labels["service"])
                    found[key] = found.get(key, 0.0) + sample.value
        return found


@pytest.fixture
def suite(stack: Stack, prefix: str, tmp_path: Path) -> Iterator[Suite]:
    """Ingestion at work; nobody reads what it writes."""
    text = FILE.format(name=prefix.replace("-", "_")[:40])
    with Suite(text, stack.endpoints, tmp_path / "suite", services=["ingestion"]) as suite:
        yield suite


@pytest.fixture
def lag(suite: Suite, tmp_path: Path) -> Iterator[Lag]:
    """The lag service, which is always told to stop and then stops cleanly."""
    with running(Lag(suite, tmp_path)) as lag:
        yield lag


@contextmanager
def running(lag: Lag) -> Iterator[Lag]:
    """The service at work, told to stop at the end."""
    lag.service.start()
    try:
        lag.service.wait_ready()
        yield lag
        assert lag.service.stop() == 0
    finally:
        lag.service.kill()


def visit(suite: Suite, count: int, age: float = 0.0) -> None:
    """Send visits, each a record and a row, over both partitions; their Kafka timestamps are `age` seconds old."""
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
    at = int((time.time() - age) * 1000)
    for number in range(count):
        value = b'{"at": "2025-01-01T00:00:00Z", "page": "%d"}' % number
        producer.produce(suite.plan.topics.raw("visits"), value, partition=number % 2, timestamp=at)
    assert producer.flush(30) == 0


def until(lag: Lag, suite: Suite, service: str, rows: float) -> Body:
    """What is answered once the rows are as many."""
    last: list[tuple[int, Body]] = []

    def said() -> bool:
        last[:] = [lag.ask(service)]
        code, body = last[0]
        return code == 200 and body["lag"]["rows"] == rows

    suite.until(said, f"{service} is {rows} rows behind", 30.0)
    return last[0][1]


def test_the_rows_that_wait_are_counted_to_the_row(suite: Suite, lag: Lag) -> None:
    # Given rows that ingestion has packed into batches, and cleaning that has never run
    visit(suite, 1000)
    # Then they are its lag: not one more, not one less, and not an estimate
    until(lag, suite, "cleaning", 1000)
    topic = suite.plan.topics.ingested("visits")

    def all_seen() -> bool:  # messages without rows, which only tell of progress, come a moment later
        return bool(lag.ask("cleaning")[1]["lag"]["messages"] == sum(ends(suite.endpoints.kafka, topic).values()))

    suite.until(all_seen, "every message is seen", 30.0)
    body = lag.ask("cleaning")[1]
    assert (body["lag"]["rows"], body["lag"]["rows_estimated"]) == (1000, False)
    assert body["desired_replicas"] >= 1
    shown = lag.metrics()
    assert shown["headrace_lag_rows", "cleaning"] == 1000
    assert shown["headrace_lag_rows_estimated", "cleaning"] == 0
    assert shown["headrace_desired_replicas", "cleaning"] >= 1
    assert complaints(f"{lag.service.url}/metrics", print) == ""
    # When cleaning reads them all and leaves, and more arrive
    suite.join("cleaning")
    until(lag, suite, "cleaning", 0)
    assert suite.services.pop("cleaning-1").stop() == 0
    visit(suite, 357)
    # Then only those are waiting
    assert until(lag, suite, "cleaning", 357)["lag"]["rows_estimated"] is False


def test_the_age_of_the_oldest_record_that_waits_is_the_lag_in_seconds(suite: Suite, lag: Lag) -> None:
    # Given ingestion that has caught up and is gone
    visit(suite, 2)
    until(lag, suite, "cleaning", 2)
    until(lag, suite, "ingestion", 0)
    assert suite.services.pop("ingestion").stop() == 0
    assert lag.ask("ingestion")[1]["lag"] == {"rows": 0.0, "rows_estimated": False, "seconds": 0.0, "messages": 0}
    # When records arrive that are a minute old
    visit(suite, 6, age=60.0)
    # Then they are six messages and six rows, since a JSON record is a row, and a minute old
    body = until(lag, suite, "ingestion", 6)
    assert body["lag"]["messages"] == 6
    assert 60.0 <= body["lag"]["seconds"] < 90.0


def test_a_long_backlog_is_sampled_and_said_to_be_an_estimate(suite: Suite, tmp_path: Path) -> None:
    # Given three thousand batches of 2 KiB each, of 40 to 60 rows, and a look that reads 64 KiB
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
    true = 0
    for number in range(3000):
        rows = 40 + number * 7919 % 21
        true += rows
        producer.produce(
            suite.plan.topics.ingested("visits"),
            bytes(2048),
            partition=number % 2,
            headers=[("headrace-rows", str(rows).encode())],
        )
    assert producer.flush(30) == 0
    with running(Lag(suite, tmp_path, LAG_READ_BYTES="65536")) as lag:

        def answered() -> bool:
            return lag.ask("cleaning")[1].get("lag", {}).get("rows") is not None

        suite.until(answered, "an estimate", 30.0)
        # Then the rows are about right and said to be an estimate; the messages are exact
        body = lag.ask("cleaning")[1]["lag"]
        assert body["rows_estimated"] is True
        assert abs(body["rows"] - true) / true < 0.1
        assert 3000 <= body["messages"] <= 3002  # and ingestion may say of each partition that it waits for rows


def test_without_the_broker_there_is_an_error_and_no_number(stack: Stack, suite: Suite, lag: Lag) -> None:
    # Given a lag that is known
    visit(suite, 100)
    until(lag, suite, "cleaning", 100)
    # When the broker is gone for longer than an observation may be old
    assert suite.services.pop("ingestion").stop() == 0
    stack.kafka.kill()
    try:
        suite.until(lambda: lag.ask("cleaning")[0] == 503, "an error", 20.0)
        # Then the answer says why, readiness says so too, and no series shows an old number
        code, body = lag.ask("cleaning")
        assert code == 503
        assert "desired_replicas" not in body
        assert "s is the most" in body["error"] or "Kafka" in body["error"]
        suite.until(lambda: lag.service.not_ready() is not None, "not ready", 10.0)
        shown = lag.metrics()
        assert [name for name in shown if name[0] in ("headrace_lag_rows", "headrace_desired_replicas")] == []
        assert shown["headrace_lag_age_seconds", "cleaning"] > 3
        assert shown["headrace_lag_errors_total", "cleaning"] >= 1
    finally:
        stack.kafka.start()
    # And when it is back the number is, too
    until(lag, suite, "cleaning", 100)


def test_it_stops_when_it_is_told_to_while_the_broker_hangs(stack: Stack, suite: Suite, lag: Lag) -> None:
    # Given a broker that takes connections and answers nothing
    assert suite.services.pop("ingestion").stop() == 0
    stack.kafka.pause()
    try:
        suite.until(lambda: lag.ask("cleaning")[0] == 503, "an error", 20.0)
        # When it is told to stop, then it does
        assert lag.service.stop() == 0
    finally:
        stack.kafka.resume()


def test_a_marker_of_a_transaction_at_the_end_is_no_message(suite: Suite, lag: Lag) -> None:
    # Given ingestion that has read two records of a transaction, but not the marker behind them: it is no record
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "transactional.id": lag.pipeline})
    producer.init_transactions(30)
    producer.begin_transaction()
    for _ in range(2):
        producer.produce(suite.plan.topics.raw("visits"), b'{"at": "2025-01-01T00:00:00Z", "page": "1"}', partition=0)
    producer.commit_transaction(30)
    until(lag, suite, "cleaning", 2)
    # Then it is behind by nothing
    until(lag, suite, "ingestion", 0)
    assert lag.ask("ingestion")[1]["lag"] == {"rows": 0.0, "rows_estimated": False, "seconds": 0.0, "messages": 0}
    assert sum(ends(suite.endpoints.kafka, suite.plan.topics.raw("visits")).values()) == 3


def test_what_nobody_has_heard_of_is_not_found_and_told_how_to_mend(suite: Suite, lag: Lag) -> None:
    code, body = lag.ask("cleaning", "unheard_of")
    assert code == 404
    assert f"lagging/{lag.pipeline}/cleaning" in body["error"]
    assert "Put the pipeline's file into" in body["error"]
    assert lag.ask("inference")[0] == 404  # the pipeline has no prediction


def test_a_pipeline_file_that_comes_later_is_taken_up(stack: Stack, suite: Suite, lag: Lag, tmp_path: Path) -> None:
    # When a file joins whose topics nobody has created, and one that is wrong
    text = FILE.format(name="late").replace("partitions: 2", "partitions: 1")
    (tmp_path / "pipelines" / "late.yaml").write_text(text)
    (tmp_path / "pipelines" / "wrong.yaml").write_text("headrace: 1\n")
    # Then the first says what would mend it, and the pipeline that was there goes on
    suite.until(lambda: lag.ask("cleaning", "late")[0] == 503, "the new pipeline is known", 10.0)
    suite.until(lambda: "headrace apply" in lag.ask("cleaning", "late")[1]["error"], "why", 10.0)
    visit(suite, 3)
    until(lag, suite, "cleaning", 3)
    # And whoever asks for another hears of the wrong file
    assert "wrong.yaml cannot be read" in lag.ask("cleaning", "unheard_of")[1]["error"]
