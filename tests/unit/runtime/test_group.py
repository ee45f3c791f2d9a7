"""A member of a group: commits one after the other, partitions handed over whole, failures that end the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, GroupLoadInProgressError, NodeNotReadyError
from aiokafka.structs import OffsetAndMetadata
from headrace.contract.errors import BrokerUnavailable, DataLoss, SendUnknown, Stuck
from headrace.contract.pipeline import QuarantineLimit
from headrace.runtime.group import Group
from headrace.runtime.lane import Shared
from headrace.runtime.limit import RejectionLimit
from headrace.runtime.metrics import Metrics
from headrace.runtime.topic_ids import Topic
from headrace.store.memory import MemoryStore
from prometheus_client import CollectorRegistry
from unit.runtime.parts import ROUTES, Passing, Read, message, settings

PLACE = TopicPartition("in", 0)


class Kafka:
    """Consumer, producer and admin client in one, each call of which a story can hold up or make fail."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[list[Read]] = asyncio.Queue()
        self.asked: list[int] = []  # the offsets of commits, as they arrive
        self.commits = asyncio.Event()
        self.commits.set()
        self.acknowledges = asyncio.Event()
        self.acknowledges.set()
        self.commit_fails: Exception | None = None
        self.log_start = 0
        self.loading = 0  # how often the committed offsets cannot be read yet
        self.calls: list[str] = []

    def subscribe(self, topics: Collection[str], listener: object) -> None: ...

    def pause(self, *places: TopicPartition) -> None:
        self.calls.append("pause")

    def resume(self, *places: TopicPartition) -> None:
        self.calls.append("resume")

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.calls.append(f"seek {offset}")

    def last_stable_offset(self, place: TopicPartition) -> int | None:
        return None

    def highwater(self, place: TopicPartition) -> int | None:
        return None

    async def beginning_offsets(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, self.log_start)

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[Read]]:
        return {PLACE: await self.answers.get()}

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        self.asked.append(offsets[PLACE].offset)
        await self.commits.wait()
        if self.commit_fails is not None:
            raise self.commit_fails

    async def send(self, *_: object, **__: object) -> asyncio.Task[bool]:
        return asyncio.create_task(self.acknowledges.wait())

    async def list_consumer_group_offsets(
        self, group: str, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        if self.loading:
            self.loading -= 1
            raise GroupLoadInProgressError
        return {place: OffsetAndMetadata(-1, "") for place in partitions}


class Service:
    """A group at work, and what it died of."""

    def __init__(self, **chosen: Any) -> None:
        self.kafka = Kafka()
        self.died: list[BaseException] = []
        stage = Passing()
        calm: dict[str, Any] = {"commit_seconds": 0.001, "drain_seconds": 60.0, "patience_seconds": 60.0}
        shared = Shared(
            self.kafka,
            self.kafka,
            settings(**(calm | chosen)),
            Metrics(CollectorRegistry()),
            RejectionLimit(QuarantineLimit()),
            lambda _: None,
        )
        self.group = Group(
            "group", stage, {"in": Topic("id", 1)}, ROUTES, shared, self.kafka, MemoryStore(), self.died.append
        )
        self._next = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.group.start()
        await self.group.on_partitions_assigned({PLACE})
        await until(lambda: self.group.not_ready() is None)
        try:
            yield
        finally:
            self.kafka.commits.set()
            self.kafka.acknowledges.set()
            self.kafka.commit_fails = None
            await asyncio.gather(self.group.drain(), return_exceptions=True)

    def write(self, skip: int = 0) -> None:
        self._next += skip
        self.kafka.answers.put_nowait([message(self._next, self._next, [[2]])])
        self._next += 1


async def until(condition: Callable[[], object]) -> None:
    """Let others move until the condition holds; threads and timers too."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  nobody tells when
            await asyncio.sleep(0.001)


async def test_a_partition_is_paused_until_it_has_been_told_where_it_begins() -> None:
    service = Service()
    async with service.running():
        assert service.kafka.calls == ["pause", "seek 0", "resume"]


async def test_committed_offsets_are_asked_for_until_the_coordinator_has_loaded_them() -> None:
    service = Service()
    service.kafka.loading = 1
    async with service.running():
        assert service.kafka.loading == 0


async def test_what_was_acknowledged_is_committed() -> None:
    service = Service()
    async with service.running():
        service.write()
        await until(lambda: service.kafka.asked == [1])


async def test_a_commit_that_takes_long_is_not_overtaken_by_that_of_a_rebalance() -> None:
    # Given a commit that the coordinator does not answer yet, and a partition that has come further
    service = Service()
    async with service.running():
        service.kafka.commits.clear()
        service.write()
        await until(lambda: service.kafka.asked == [1])
        service.write()
        await until(lambda: service.group._workers[PLACE][0].position == 2)
        # When the partition is taken away
        revoked = asyncio.create_task(service.group.on_partitions_revoked({PLACE}))
        await until(lambda: service.group._workers[PLACE][1].done())
        await asyncio.sleep(0)
        # Then the newer commit waits for the older one, which the library may have to try again
        assert service.kafka.asked == [1]
        service.kafka.commits.set()
        await revoked
        assert service.kafka.asked == [1, 2]


async def test_a_rebalance_waits_for_the_running_turn_and_commits_it() -> None:
    # Given a turn whose sends are on their way
    service = Service()
    async with service.running():
        service.kafka.acknowledges.clear()
        service.write()
        await until(lambda: service.group._workers[PLACE][0].doing == "sending")
        # When the partition is taken away
        revoked = asyncio.create_task(service.group.on_partitions_revoked({PLACE}))
        await asyncio.sleep(0)
        handed_over_early = revoked.done()
        service.kafka.acknowledges.set()
        await revoked
        # Then it is handed over after the turn
        assert (handed_over_early, service.kafka.asked) == (False, [1])


async def test_a_hand_over_that_takes_too_long_ends_the_process_as_stuck() -> None:
    service = Service(drain_seconds=0.01)
    async with service.running():
        service.kafka.acknowledges.clear()
        service.write()
        await until(lambda: service.group._workers[PLACE][0].doing == "sending")
        with pytest.raises(TimeoutError):
            await service.group.on_partitions_revoked({PLACE})
        assert [type(error) for error in service.died] == [Stuck]


async def test_a_commit_that_comes_too_late_for_its_partition_ends_nothing() -> None:
    service = Service()
    async with service.running():
        service.kafka.commit_fails = CommitFailedError()
        service.write()
        await until(lambda: len(service.kafka.asked) > 1)  # it is tried again for as long as the partition is there
        assert service.died == []


async def test_a_commit_that_the_broker_refuses_ends_the_process() -> None:
    service = Service()
    async with service.running():
        service.kafka.commit_fails = NodeNotReadyError()
        service.write()
        await until(lambda: service.died)
        assert [type(error) for error in service.died] == [BrokerUnavailable]


async def test_a_send_that_is_not_acknowledged_in_time_ends_the_process() -> None:
    service = Service(send_seconds=0.01)
    async with service.running():
        service.kafka.acknowledges.clear()
        service.write()
        await until(lambda: service.died)
        assert [type(error) for error in service.died] == [SendUnknown]


async def test_a_partition_without_progress_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a watchdog that looks at once, and a turn that does not end
    monkeypatch.setattr("headrace.runtime.group._WATCH_SECONDS", 0.001)
    service = Service(stuck_seconds=0.01)
    async with service.running():
        service.kafka.acknowledges.clear()
        service.write()
        await until(lambda: service.group._workers[PLACE][0].doing == "sending")
        service.write()
        await until(lambda: service.died)
        assert [type(error) for error in service.died] == [Stuck]


async def test_offsets_that_nobody_wrote_are_passed_over() -> None:
    # Given a log in which a transaction's end takes up offsets
    service = Service()
    async with service.running():
        service.write(skip=2)
        await until(lambda: service.kafka.asked == [3])
        assert service.died == []


async def test_records_that_were_deleted_before_they_were_read_end_the_process() -> None:
    # Given a reader so far behind that retention has passed it: the library goes to the start of the log by itself
    service = Service()
    async with service.running():
        service.write()
        await until(lambda: service.kafka.asked == [1])
        service.kafka.log_start = 5
        service.write(skip=4)
        # Then it ends, and takes nothing of what comes after the gap
        await until(lambda: service.died)
        assert [type(error) for error in service.died] == [DataLoss]
        assert "1 was to be read next, and the log goes on at 5" in str(service.died[0])
        assert service.kafka.asked == [1]


async def test_a_log_that_begins_anew_ends_the_process() -> None:
    service = Service()
    async with service.running():
        service.write()
        await until(lambda: service.kafka.asked == [1])
        service.write(skip=-1)
        await until(lambda: service.died)
        assert [type(error) for error in service.died] == [DataLoss]


async def test_what_belongs_to_nobody_any_more_is_not_taken() -> None:
    service = Service()
    async with service.running():
        await service.group.on_partitions_revoked({PLACE})
        service.write()
        await until(service.kafka.answers.empty)
        assert service.kafka.asked == []
