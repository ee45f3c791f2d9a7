"""When the lake writes: amid a long turn, and soon after it has begun."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import TopicPartition
from headrace.runtime.metrics import Metrics
from headrace.store.memory import MemoryStore
from headrace_lake.reader import LakeReader
from prometheus_client import CollectorRegistry
from unit.runtime.parts import Read, settings

from sim import feed
from sim.scenarios import LAKE
from sim.world import Node


class Backlog:
    """A consumer whose first fetch brings everything, and whose others bring nothing."""

    def __init__(self, fetch: Mapping[TopicPartition, Sequence[Read]]) -> None:
        self._fetches = [fetch]
        self.commits: list[Mapping[TopicPartition, int]] = []
        self.enough = asyncio.Event()  # all was committed, or there is a failure
        self.ends = {place: len(records) for place, records in fetch.items()}

    def subscribe(self, topics: Collection[str], listener: object) -> None:
        pass

    def pause(self, *_: TopicPartition) -> None:
        pass

    def resume(self, *_: TopicPartition) -> None:
        pass

    def seek(self, place: TopicPartition, offset: int) -> None:
        pass

    def highwater(self, place: TopicPartition) -> int:
        return 0

    async def beginning_offsets(self, places: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def getmany(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Read]]:
        await asyncio.sleep(0)
        return self._fetches.pop() if self._fetches else {}

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        self.commits.append(positions)
        if positions.items() >= self.ends.items():
            self.enough.set()


def backlog() -> Backlog:
    """Records in several partitions."""
    fetch: dict[TopicPartition, list[Read]] = defaultdict(list)
    for written in feed.ingested_input(1):
        records = fetch[written.place]
        records.append(Read(len(records), written.value, written.headers))
    assert len(fetch) > 1
    return Backlog(fetch)


async def taken_by_a_lake(consumer: Backlog) -> None:
    """All of it, and the lake has stopped."""
    failures: list[BaseException] = []

    def die(error: BaseException) -> None:
        failures.append(error)
        consumer.enough.set()

    node = SimpleNamespace(
        consumer=consumer,
        producer=None,
        admin=None,
        store=MemoryStore(),
        settings=settings(),
        metrics=Metrics(CollectorRegistry()),
        die=die,
    )
    lake = LAKE.deploy(LAKE.topics).build(cast("Node", node))
    assert isinstance(lake, LakeReader)
    everything = [TopicPartition(topic, number) for topic, count in LAKE.topics.items() for number in range(count)]
    await lake.on_partitions_assigned(everything)
    lake.start()
    async with asyncio.timeout(30):
        await consumer.enough.wait()
    assert not failures
    await lake.drain()


async def test_a_long_turn_puts_no_write_off(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given time that passes with every look at the clock
    moments = (float(minutes * 60) for minutes in count())
    monkeypatch.setattr("headrace_lake.reader.time", SimpleNamespace(monotonic=lambda: next(moments)))
    # When a lake takes a backlog
    consumer = backlog()
    await taken_by_a_lake(consumer)
    # Then it has written while it took: one partition after the other moves in what was committed
    ends = consumer.ends
    moved = [{place for place in ends if commit[place] == ends[place]} for commit in consumer.commits]
    assert [len(places) for places in moved[: len(ends)]] == list(range(1, len(ends) + 1))


async def test_the_first_turn_writes_whatever_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a clock that stands still, so that no time between two writes is ever over
    monkeypatch.setattr("headrace_lake.reader.time", SimpleNamespace(monotonic=lambda: 0.0))
    # When a lake takes a backlog
    consumer = backlog()
    await taken_by_a_lake(consumer)
    # Then the first turn has written all of it, and nobody else wrote before the stop
    assert [commit.items() >= consumer.ends.items() for commit in consumer.commits] == [True, True]
