"""A planned stop hands partitions over at once; a crash keeps them for the one that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from confluent_kafka import Producer
from headrace.local.stack import Stack
from headrace.runtime import kafka
from headrace.runtime.readers import group_name
from rig.suite import Suite

FILE = """\
headrace: 1
name: {name}
partitions: 4
streams:
  visits:
    event_time: at
    columns: {{at: timestamp, page: string}}
"""
SESSION = {"HEADRACE_SESSION_SECONDS": "90"}  # longer than anything here waits


@pytest.fixture
def suite(stack: Stack, prefix: str, tmp_path: Path) -> Iterator[Suite]:
    """Two instances of ingestion, which share four partitions."""
    text = FILE.format(name=f"p{sha256(prefix.encode()).hexdigest()[:12]}")
    with Suite(text, stack.endpoints, tmp_path, services=["ingestion"], settings=SESSION) as suite:
        suite.join("ingestion")
        yield suite


def test_who_is_told_to_stop_leaves_its_partitions_to_the_others(suite: Suite) -> None:
    # When one of the two is told to stop
    suite.leave("ingestion")

    # Then the other reads every partition, with most of the session still to go
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
    for partition in range(4):
        value = b'{"at": "2025-01-01T00:00:00Z", "page": "a"}'
        producer.produce(suite.plan.topics.raw("visits"), value, partition=partition)
    assert producer.flush(30) == 0
    suite.until(lambda: committed(suite) == [1, 1, 1, 1], "all four are read", 60.0)


def test_who_crashes_comes_back_to_its_own(suite: Suite) -> None:
    # Given who owns what, as their metrics tell
    suite.until(lambda: [len(owned) for owned in owners(suite).values()] == [2, 2], "each owns two", 30.0)
    before = owners(suite)

    # When one is killed and started again
    suite.crash("ingestion")
    suite.services["ingestion"].wait_ready()

    # Then nothing has moved
    suite.until(lambda: owners(suite) == before, "each has its own", 30.0)


def committed(suite: Suite) -> list[int]:
    async def ask() -> list[int]:
        async with kafka.admin(suite.endpoints.broker, 15.0) as admin:
            found = await admin.list_consumer_group_offsets(group_name(suite.plan, "ingestion"))
        topic = suite.plan.topics.raw("visits")
        return [found[place].offset if (place := TopicPartition(topic, n)) in found else 0 for n in range(4)]

    return asyncio.run(ask())


def owners(suite: Suite) -> dict[str, set[int]]:
    """The partitions of each instance, by its metrics."""
    return {
        name: {int(sample.labels["partition"]) for sample in suite.samples(name, "headrace_position")}
        for name in suite.services
    }
