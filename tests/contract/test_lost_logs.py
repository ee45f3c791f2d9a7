"""Records that are gone and topics that are others: a service says so and stops, on real parts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from confluent_kafka import Producer
from headrace.cli.app import app
from headrace.local.stack import Stack
from headrace.runtime import kafka, topics
from headrace.runtime.exits import Exit
from rig.judge import ends
from rig.suite import Suite
from typer.testing import CliRunner

FILE = """\
headrace: 1
name: {name}
partitions: 1
streams:
  visits:
    event_time: at
    columns: {{at: timestamp, page: string}}
"""


@pytest.fixture
def suite(stack: Stack, prefix: str, tmp_path: Path) -> Iterator[Suite]:
    """Ingestion and cleaning at work."""
    text = FILE.format(name=prefix.replace("-", "_")[:40])
    with Suite(text, stack.endpoints, tmp_path, services=["ingestion", "cleaning"]) as suite:
        yield suite


def visit(suite: Suite, count: int) -> None:
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
    for number in range(count):
        value = b'{"at": "2025-01-01T00:00:00Z", "page": "%d"}' % number
        producer.produce(suite.plan.topics.raw("visits"), value, partition=0)
    assert producer.flush(30) == 0


def arrived(suite: Suite, topic: str) -> int:
    return sum(ends(suite.endpoints.kafka, topic).values())


def administer(suite: Suite, *, delete_before: tuple[str, int] | None = None, recreate: str | None = None) -> None:
    """Delete the records of a topic before an offset, or the topic itself, and create it again."""

    async def work() -> None:
        async with kafka.admin(suite.endpoints.broker, 15.0) as admin:
            if delete_before is not None:
                place, offset = TopicPartition(delete_before[0], 0), delete_before[1]
                await admin.delete_records({place: RecordsToDelete(before_offset=offset)})
            if recreate is not None:
                await admin.delete_topics([recreate])
                await _created(admin, recreate)

    asyncio.run(work())


async def _created(admin: AIOKafkaAdminClient, topic: str) -> None:
    async with asyncio.timeout(30):
        while topic in await topics.existing(admin, 15.0):  # noqa: ASYNC110  nobody tells when it is gone
            await asyncio.sleep(0.1)
        await topics.create(admin, {topic: 1}, 15.0)


def expect_end(suite: Suite, service: str, *said: str) -> None:
    """It ends by itself as a loss of data, and its last line says what is lost."""
    child = suite.services.pop(service).child
    suite.until(lambda: not child.alive, f"{service} ends", 60.0)
    assert child.wait(10) == Exit.DATA_LOSS
    last = child.log.read_text().splitlines()[-1]
    assert all(part in last for part in said), last


def test_a_log_that_starts_beyond_what_was_read_stops_its_reader(suite: Suite) -> None:
    # Given cleaning that was away while ingestion went on
    ingested = suite.plan.topics.ingested("visits")
    visit(suite, 1)
    suite.until(lambda: arrived(suite, suite.plan.topics.clean("visits")) > 0, "a cleaned row")
    cleaning = suite.services.pop("cleaning")
    assert cleaning.stop() == 0
    before = arrived(suite, ingested)
    visit(suite, 5)
    suite.until(lambda: arrived(suite, ingested) > before, "ingested rows")
    # When what it had to read is deleted, and it comes back
    end = arrived(suite, ingested)
    administer(suite, delete_before=(ingested, end))
    suite.services["cleaning"] = cleaning
    cleaning.start()
    # Then it ends and names the place
    expect_end(suite, "cleaning", ingested, f"the log starts at {end}")


def test_records_that_are_deleted_under_a_slow_reader_stop_it(suite: Suite) -> None:
    # Given ingestion that stands still while its producer goes on
    raw = suite.plan.topics.raw("visits")
    visit(suite, 1)
    suite.until(lambda: arrived(suite, suite.plan.topics.clean("visits")) > 0, "a cleaned row")
    child = suite.services["ingestion"].child
    child.pause()
    try:
        visit(suite, 1)  # a request that waits at the broker may still bring this one
        visit(suite, 5)
        # When retention takes what it has not read
        administer(suite, delete_before=(raw, arrived(suite, raw)))
        visit(suite, 2)
    finally:
        child.resume()
    # Then it ends, and does not go on behind the gap
    expect_end(suite, "ingestion", raw, "was to be read next, and the log goes on at")


def test_a_topic_that_is_created_again_stops_its_readers_until_all_are_new(suite: Suite) -> None:
    # Given rows that went through
    raw, clean = suite.plan.topics.raw("visits"), suite.plan.topics.clean("visits")
    visit(suite, 3)
    suite.until(lambda: arrived(suite, clean) > 0, "cleaned rows")
    # When the raw topic is deleted and created again while ingestion reads it
    administer(suite, recreate=raw)
    visit(suite, 5)
    # Then ingestion ends; no row of the new topic has passed for one of the old. Who sees it first, the watch of the
    # topics or the reader whose next offset is not there, is a matter of moments.
    service = suite.services["ingestion"]
    expect_end(suite, "ingestion", raw, "created again")
    # And it does so again when it is started again
    suite.services["ingestion"] = service
    service.start()
    expect_end(suite, "ingestion", raw, "was deleted and created again")
    # When the rest of the topics is new as well and said to be
    assert suite.services.pop("cleaning").stop() == 0
    for topic in (suite.plan.topics.ingested("visits"), clean, suite.plan.topics.quarantine):
        administer(suite, recreate=topic)
    words = ["apply", str(suite.file), "--recreated"]
    said = CliRunner().invoke(app, words, env=suite.endpoints.environment)
    assert said.exit_code == 0, said.output
    # Then ingestion takes what waits
    suite.services["ingestion"] = service
    service.start()
    suite.until(lambda: arrived(suite, suite.plan.topics.ingested("visits")) > 0, "ingested rows")
