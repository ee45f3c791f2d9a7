"""What a worker reaches of Kafka for its own partition: its place in the consumer, sends, and what it waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from headrace.contract.errors import BrokerRefused, SendUnknown
from headrace.runtime.fold import Output
from headrace.runtime.kafka import within
from headrace.runtime.kafka_failures import refusal
from headrace.runtime.limit import RejectionLimit
from headrace.runtime.metrics import Metrics
from headrace.runtime.outbox import Send
from headrace.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Waits:
    """What a stage waits for before it can take a topic's messages (a model), and whether anybody has made it yet."""

    what: str
    published: bool


Missing = Callable[[str], Waits | None]
"""Says what a stage still waits for before it can take a topic's messages; None when it can."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all lanes of a process share."""

    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    settings: Settings
    metrics: Metrics
    limit: RejectionLimit
    missing: Missing


class Lane:
    """One input partition's way to Kafka and to the metrics."""

    def __init__(self, shared: Shared, place: TopicPartition) -> None:
        self._shared = shared
        self._place = place
        self._labels = (place.topic, str(place.partition))

    async def begin_at(self, offset: int) -> None:
        """Read from this offset on. The seek is explicit: the library's own does nothing where nothing is committed."""
        self._shared.consumer.seek(self._place, offset)
        self._shared.consumer.resume(self._place)

    async def at_end(self) -> int | None:
        """The position when everything up to the last stable offset has been read; None before the first answer."""
        consumer = self._shared.consumer
        end = consumer.last_stable_offset(self._place)
        if end is None or end < 0:
            return None
        what = f"the position in {self._place.topic}"
        position: int = await within(self._shared.settings.broker_seconds, what, consumer.position(self._place))
        return position if position >= end else None

    async def send(self, sends: list[Send]) -> None:
        """Send in order and wait for every acknowledgement.

        Raises SendUnknown and BrokerRefused; the process must end then, since part of them may have been sent.
        """
        seconds = self._shared.settings.send_seconds
        try:
            async with asyncio.timeout(seconds):
                acknowledgements = [await self._hand_over(send) for send in sends]
                await asyncio.gather(*acknowledgements)
        except TimeoutError as error:
            raise SendUnknown(f"{self._place}: a send was not acknowledged in {seconds:g} s") from error
        except KafkaError as error:
            if refused := refusal(error):
                raise BrokerRefused(f"{self._place}: sending: {refused}") from error
            raise SendUnknown(f"{self._place}: a send failed: {error!r}") from error
        for send in sends:
            topic = send.place[0]
            self._shared.metrics.messages_out.labels(topic).inc()
            self._shared.metrics.rows_out.labels(topic).inc(send.message.headers.rows)
            self._shared.metrics.bytes_out.labels(topic).inc(len(send.message.value))

    async def _hand_over(self, send: Send) -> asyncio.Future[object]:
        topic, partition = send.place
        acknowledgement: asyncio.Future[object] = await self._shared.producer.send(
            topic, send.message.value, partition=partition, headers=send.message.headers.encode()
        )
        return acknowledgement

    def missing(self) -> Waits | None:
        """What the stage still waits for before it can work on this topic."""
        return self._shared.missing(self._place.topic)

    def count(self, output: Output, records: int, size: int, seconds: float) -> None:
        """Book a step in the metrics; raises QuarantineOverflow."""
        metrics = self._shared.metrics
        metrics.messages_in.labels(*self._labels).inc(records)
        metrics.bytes_in.labels(*self._labels).inc(size)
        metrics.steps.labels(self._place.topic).observe(seconds)
        for outcome, rows in (*output.counts.items(), ("rejected", output.rejected), ("replayed", output.replayed)):
            metrics.rows.labels(outcome).inc(rows)
        self._shared.limit.add(output.rejected, time.monotonic())
