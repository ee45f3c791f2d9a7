"""The lake's member of its consumer group: reads every topic that has a table, and writes the tables now and then.

A turn: 1. take what has arrived, topic by topic; 2. when enough waits or enough time has passed, and in the first turn
after partitions were taken over, send refused messages to quarantine, then write every table (files first, then one
commit each); 3. commit the offsets to Kafka, which is only for lag: where to begin is what the tables say.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Collection, Coroutine, Mapping, Sequence

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from headrace.contract.errors import BrokerRefused, BrokerUnavailable, DataLoss, SendUnknown, Stuck
from headrace.lake.tables import Table
from headrace.runtime.intake import Consumed
from headrace.runtime.kafka import fetched, within
from headrace.runtime.kafka_failures import refusal
from headrace.runtime.limit import RejectionLimit
from headrace.runtime.service import Wiring
from headrace.runtime.tasks import guarded

from headrace_lake.settings import LakeSettings
from headrace_lake.topic_lane import TopicLane

_log = logging.getLogger(__name__)

_POLL_MS = 500


class LakeReader(ConsumerRebalanceListener):
    """All lanes of a process; one turn at a time."""

    def __init__(self, wiring: Wiring, tables: Sequence[Table], settings: LakeSettings) -> None:
        context = wiring.context
        quarantine = context.plan.topics.quarantine
        by_topic: dict[str, list[Table]] = defaultdict(list)
        for table in tables:
            by_topic[table.topic].append(table)
        self._lanes = {
            topic: TopicLane(
                context.store,
                group,
                wiring.topics[topic].id,
                (quarantine, context.partitions[quarantine]),
                context.settings.message_bytes,
            )
            for topic, group in by_topic.items()
        }
        self._wiring = wiring
        self._settings = settings
        self._limit = RejectionLimit(context.plan.pipeline.quarantine)
        self._turn = asyncio.Lock()  # a rebalance waits for the running turn
        self._owned: dict[TopicPartition, int] = {}  # the offset that comes next
        self._ownership = 0  # how often what is owned has changed
        self._ready = False
        self._draining = False  # from now on nothing is taken over, whatever the group's leader says meanwhile
        self._last_flush = time.monotonic()
        self._took_over = False  # and has written nothing since
        self._last_turn = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Join the group and go to work."""
        self._wiring.consumer.subscribe(list(self._lanes), listener=self)
        self._tasks = [self._guard(self._work(), "work"), self._guard(self._watch(), "watch")]

    def not_ready(self, *, unpublished: bool = True) -> str | None:
        """Why it is not ready, None when it is; it waits for nothing that anybody has to make."""
        return None if self._ready else "waiting for partitions"

    async def drain(self) -> None:
        """Write what waits, commit, and stop."""
        self._draining = True
        async with self._turn:
            for task in self._tasks:
                task.cancel()
            await self._flush()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Hand over what was read. The library would swallow an exception from here."""
        self._ready = False
        try:
            async with asyncio.timeout(self._wiring.context.settings.drain_seconds), self._turn:
                await self._flush()
                self._owned = {}
                self._ownership += 1
                self._wiring.metrics.forget_partitions()
        except TimeoutError:
            seconds = self._wiring.context.settings.drain_seconds
            self._failed(Stuck(f"partitions were to be handed over, and the running turn did not end in {seconds:g} s"))
            raise
        except BaseException as error:  # half-released partitions must not go on
            self._failed(error)
            raise

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Begin where the tables say. The library would swallow an exception from here."""
        try:
            self._wiring.consumer.pause(*assigned)  # until all have been told where they begin
            async with self._turn:
                if self._draining:
                    return
                await self._take_over(assigned)
                self._ownership += 1
                self._took_over = True
                self._wiring.consumer.resume(*assigned)
                self._ready = True
        except BaseException as error:
            self._failed(error)
            raise

    async def _take_over(self, assigned: Collection[TopicPartition]) -> None:
        seconds = self._wiring.context.settings.broker_seconds
        starts = await within(seconds, "log starts", self._wiring.consumer.beginning_offsets(assigned))
        for topic, lane in self._lanes.items():
            numbers = sorted(place.partition for place in assigned if place.topic == topic)
            positions = await asyncio.to_thread(lane.open, numbers)
            for number, position in positions.items():
                place = TopicPartition(topic, number)
                if 0 < position < starts[place]:
                    raise DataLoss(
                        f"{topic} partition {number}: the tables end at {position}, the log starts at {starts[place]}:"
                        " rows are gone that the lake has never had"
                    )
                self._wiring.consumer.seek(place, max(position, starts[place]))
                self._owned[place] = max(position, starts[place])

    async def _work(self) -> None:
        while True:
            batches = await fetched(self._wiring.consumer, _POLL_MS)
            ownership = self._ownership
            async with self._turn:
                if self._ownership != ownership:
                    continue  # a rebalance came between answer and turn; each partition begins anew at its own place
                for place, records in batches.items():
                    await self._take(place, records)
                    await self._flush_when_due()  # a turn that is long, with a backlog, puts no write off
                self._last_turn = time.monotonic()
                if batches and self._took_over:
                    await self._flush()  # a lake that is killed again and again gets ahead all the same
                else:
                    await self._flush_when_due()

    async def _take(self, place: TopicPartition, records: Sequence[Consumed]) -> None:
        lane = self._lanes[place.topic]
        if records[0].offset != self._owned[place]:
            raise DataLoss(
                f"{place.topic} partition {place.partition}: {self._owned[place]} comes next for the tables, the log"
                f" goes on at {records[0].offset}: what lies between was deleted before it was read; keep the topic"
                " for longer"
            )
        refused = await asyncio.to_thread(lane.take, place.partition, records)
        self._owned[place] = records[-1].offset + 1
        labels = (place.topic, str(place.partition))
        metrics = self._wiring.metrics
        metrics.messages_in.labels(*labels).inc(len(records))
        metrics.bytes_in.labels(*labels).inc(sum(len(record.value or b"") for record in records))
        metrics.position.labels(*labels).set(self._owned[place])
        metrics.lag.labels(*labels).set(max(0, (self._wiring.consumer.highwater(place) or 0) - self._owned[place]))
        self._limit.add(refused, time.monotonic())

    async def _flush_when_due(self) -> None:
        waiting = sum(lane.buffered_bytes for lane in self._lanes.values())
        elapsed = time.monotonic() - self._last_flush
        if waiting >= self._settings.flush_bytes or elapsed >= self._settings.flush_seconds:
            await self._flush()

    async def _flush(self) -> None:
        for lane in self._lanes.values():
            await self._send_refused(lane)
            rows = await asyncio.to_thread(lane.flush)
            self._wiring.metrics.rows.labels("written").inc(rows)
        if self._owned:
            await self._commit(dict(self._owned))
        self._took_over = False
        self._last_flush = time.monotonic()  # its end: a store that is slow must not be written to all the time

    async def _send_refused(self, lane: TopicLane) -> None:
        seconds = self._wiring.context.settings.send_seconds
        try:
            async with asyncio.timeout(seconds):
                for send in lane.sends:
                    topic, partition = send.place
                    value, headers = send.message.value, send.message.headers.encode()
                    await self._wiring.producer.send_and_wait(topic, value, partition=partition, headers=headers)
        except (KafkaError, TimeoutError) as error:
            if refused := refusal(error):
                raise BrokerRefused(f"{lane.topic}: a refused message was not sent: {refused}") from error
            raise SendUnknown(f"{lane.topic}: a refused message was not acknowledged: {error!r}") from error
        lane.sends = []

    async def _commit(self, positions: Mapping[TopicPartition, int]) -> None:
        try:
            async with asyncio.timeout(self._wiring.context.settings.broker_seconds):
                await self._wiring.consumer.commit(positions)
        except TimeoutError as error:
            raise BrokerUnavailable("commit: no answer from Kafka") from error
        except KafkaError as error:
            if refused := refusal(error):
                raise BrokerRefused(f"commit: {refused}") from error
            _log.warning("the offsets, which only show the lag, were not committed: %r", error)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            silent = time.monotonic() - self._last_turn
            if self._ready and silent > 2 * self._wiring.context.settings.stuck_seconds:
                raise Stuck(f"the lake has been in one turn for {silent:.0f} s")
            self._wiring.metrics.ready.set(self._ready)

    def _guard(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        return guarded(work, name, self._wiring.die)

    def _failed(self, error: BaseException) -> None:
        """A rebalance failed; one that the stop of the consumer cut short has not."""
        if not (self._draining and isinstance(error, asyncio.CancelledError)):
            self._wiring.die(error)
